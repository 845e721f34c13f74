# shellcheck shell=bash
# The standby lost its store and its file system has too little room: refused before the first byte,
# both figures told; when there is room it is copied.  COPY_MIB is the size of the data.
leader=$(master)
standby=$(peer_of "$leader")
mib=${COPY_MIB:-60}
sql "$leader" "create table lab.bulk as select repeat(md5(i::text), 32) from generate_series(1, $mib * 1000) i" >/dev/null
in_host "$standby" systemctl stop roleswapd
in_host "$standby" rm -rf /var/lib/roleswap/store
folder=$LAB/$standby/root/var/lib/roleswap
room=$(df --output=avail -B1M "$folder" | tail -n 1)
dd if=/dev/zero of="$folder/ballast" bs=1M count=$((room - mib - 20)) 2>/dev/null
in_host "$standby" systemctl start roleswapd
is_refused() { status_of "$standby" '.nodes[] | select(.name == "'"$standby"'") | .store.refused' | grep -q 'MiB'; }
wait_for 60 'the copy is refused' is_refused
event_says "$standby" copy_refused || fail 'no event copy_refused'
[[ ! -e $folder/store/pg.new ]] || fail 'the copy was begun'
code=0
answer=$(rs "$standby" wait --in-sync --timeout 60s 2>&1) || code=$?
expect_equal 3 "$code" 'exit code of the wait'
[[ $answer == *needs*MiB*has*MiB*free* ]] || fail "the figures are not told: $answer"
rm "$folder/ballast"
whole 120
sql "$leader" 'drop table lab.bulk' >/dev/null
