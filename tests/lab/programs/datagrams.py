"""The client's part of tests.lab.datagrams: real QUIC Initial packets, then datagrams that look like QUIC.

Arguments: CA file (unused), address, port, Initial datagrams in hex with commas between, way, datagrams to send,
datagrams to ask for. Ways: plain, connected, batched (sendmmsg, recvmmsg), merged (UDP_SEGMENT, UDP_GRO).
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable

SIZE, BATCH = 1200, 32
UDP_SEGMENT, UDP_GRO = 103, 104
DATAGRAM = b"\x40" + b"q" * (SIZE - 1)
RECEIVE_BUFFER = 4 << 20

libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Message(ctypes.Structure):
    _fields_ = [("header", Header), ("moved", ctypes.c_uint32)]


def batch(function: str, connection: socket.socket, count: int, contents: bytes) -> int:
    """How many datagrams one sendmmsg or recvmmsg moved."""
    buffers = [ctypes.create_string_buffer(contents, len(contents)) for _ in range(count)]
    vectors = [Vector(ctypes.addressof(buffer), len(contents)) for buffer in buffers]
    headers = (Message * count)(
        *(Message(Header(vectors=ctypes.pointer(vector), vector_count=1)) for vector in vectors)
    )
    moved: int
    if function == "sendmmsg":
        moved = libc.sendmmsg(connection.fileno(), headers, count, 0)
    else:
        moved = libc.recvmmsg(connection.fileno(), headers, count, 0, None)
    if moved < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return moved


def send(connection: socket.socket, say: Callable[[bytes], int], way: str, count: int) -> None:
    sent = confirmed = 0
    while sent < count:
        some = min(count - sent, BATCH - sent % BATCH)
        if way == "batched":
            sent += batch("sendmmsg", connection, some, DATAGRAM)
        elif way == "merged":
            connection.sendmsg([DATAGRAM * some], [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", SIZE))])
            sent += some
        else:
            say(DATAGRAM)
            sent += 1
        if sent // BATCH > confirmed:  # the server confirms each batch, so that no buffer overflows
            connection.recv(SIZE)
            confirmed += 1


def receive(connection: socket.socket, way: str, count: int) -> None:
    while count:
        if way == "batched":
            count -= batch("recvmmsg", connection, min(count, BATCH), DATAGRAM)
        else:
            count -= -(-len(connection.recv(65536)) // SIZE)


def main(_: str, address: str, port: str, initials: str, way: str, up: str, down: str) -> None:
    peer = (address, int(port))
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if way != "plain":
        connection.connect(peer)

    def say(data: bytes) -> int:
        return connection.sendto(data, peer) if way == "plain" else connection.send(data)

    if way == "merged":
        connection.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    for initial in initials.split(","):
        say(bytes.fromhex(initial))
    send(connection, say, way, int(up))
    left = int(down)
    while left:
        some = min(left, BATCH)
        say(b"\x40ask" + struct.pack(">H", some) + bytes(600))
        receive(connection, way, some)
        left -= some
    connection.close()


main(*sys.argv[1:])
