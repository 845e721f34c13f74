#!/usr/bin/python3
"""strange_frames.py INTERFACE ADDRESS COUNT: listens to what this host sends to ADDRESS over
INTERFACE, and sends of COUNT such datagrams six copies each: as it was, with another last byte, cut
at half, cut within its header, of another pair, and of an older version.  Header: lib/wire/frame.hpp.
"""
import socket
import struct
import sys

HEADER, VERSION, PAIR_TAG = b"Rs", 2, 3


def outgoing(interface, address, own_port):
    """Port and payload of each UDP datagram, but for those from own_port; RFC 791 and RFC 768."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
    sniffer.bind((interface, 3))
    while True:
        packet, (_, protocol, *_) = sniffer.recvfrom(2048)
        if protocol != 0x0800 or packet[9] != socket.IPPROTO_UDP or packet[16:20] != address:
            continue
        datagram = packet[(packet[0] & 15) * 4:]
        source, port, length = struct.unpack("!HHH", datagram[:6])
        if source != own_port and datagram[8:10] == HEADER:
            yield port, datagram[8:length]


def flipped(payload, at):
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1:]


def main():
    interface, address, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sender = socket.socket(type=socket.SOCK_DGRAM)
    sender.bind(("", 0))
    own_port = sender.getsockname()[1]
    for port, payload in outgoing(interface, socket.inet_aton(address), own_port):
        for strange in (payload, flipped(payload, len(payload) - 1), payload[:len(payload) // 2 + 30],
                        payload[:5], flipped(payload, PAIR_TAG), flipped(payload, VERSION)):
            sender.sendto(strange, (address, port))
        count -= 1
        if count == 0:
            return


main()
