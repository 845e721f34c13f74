select roleswap.enqueue('nothing');
