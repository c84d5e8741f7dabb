"""The client's part of tests.lab.conversation, moving its request through the socket in the way it is told.

Arguments: CA file (unused), address, port, hello and Finished in hex, size of the server's flight, way, file with the
request, size of the response.
"""

import mmap
import os
import socket
import struct
import sys
from pathlib import Path

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, SEND_QUEUE = 19, 20, 21, 2
REPAIR_OFF_WITHOUT_PROBE = -1
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


def read(connection: socket.socket, count: int) -> None:
    while count:
        got = len(connection.recv(min(count, 1 << 20)))
        if not got:
            raise SystemExit("the server left early")
        count -= got


def start_just_below_wrap(connection: socket.socket) -> None:
    """Our sequence numbers will pass 2^32 within the hello: the first one may be set before connect."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", 0xFFFFFF80))
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_WITHOUT_PROBE)


def send_request(connection: socket.socket, way: str, path: str) -> None:
    with Path(path).open("rb") as request:
        size = os.fstat(request.fileno()).st_size
        if way == "sendfile":
            sent = 0
            while sent < size:
                sent += os.sendfile(connection.fileno(), request.fileno(), sent, size - sent)
        elif way == "splice":
            reading, writing = os.pipe()
            while moved := os.splice(request.fileno(), writing, 65536):
                while moved:
                    moved -= os.splice(reading, connection.fileno(), moved)
        elif way == "zerocopy":
            connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            view = memoryview(mmap.mmap(request.fileno(), size, prot=mmap.PROT_READ))
            while view:
                view = view[connection.send(view[:65536], MSG_ZEROCOPY) :]
        elif way == "small":
            while piece := request.read(17):
                connection.sendall(piece)
        elif way == "child":
            child = os.fork()
            if not child:
                connection.sendall(request.read())
                os._exit(0)
            os.waitpid(child, 0)
        else:
            connection.sendall(request.read())


def main(
    _: str, address: str, port: str, hello: str, finished: str, flight: str, way: str, path: str, response: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if way == "wrap":
        start_just_below_wrap(connection)
    if way == "fastopen":
        connection.sendto(bytes.fromhex(hello), socket.MSG_FASTOPEN, (address, int(port)))
    else:
        connection.connect((address, int(port)))
        step = 1 if way == "bytewise" else len(hello)
        for start in range(0, len(hello) // 2, step):
            connection.sendall(bytes.fromhex(hello)[start : start + step])
    read(connection, int(flight))
    connection.sendall(bytes.fromhex(finished))
    send_request(connection, way, path)
    if way == "halfclose":
        connection.shutdown(socket.SHUT_WR)
    read(connection, int(response))
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


main(*sys.argv[1:])
