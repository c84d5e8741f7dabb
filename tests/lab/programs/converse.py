"""The client's part of tests.lab.conversation, moving its request through the socket in the way it is told.

Arguments: CA file (unused), address, port, hello and Finished in hex, size of the server's flight, way, file with the
request, size of the response.
"""

import mmap
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, SEND_QUEUE = 19, 20, 21, 2
REPAIR_OFF_WITHOUT_PROBE = -1
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
IPPROTO_MPTCP = 262
SHORT_LIVED, AT_ONCE, MANY = 20, 30, 60


def read(connection: socket.socket, count: int) -> None:
    while count:
        got = len(connection.recv(min(count, 1 << 20)))
        if not got:
            raise SystemExit("the server left early")
        count -= got


def splice_away(connection: socket.socket, count: int) -> None:
    """As a proxy does: from the socket into a pipe and out of it, never through the process."""
    reading, writing = os.pipe()
    nowhere = os.open("/dev/null", os.O_WRONLY)
    while count:
        moved = os.splice(connection.fileno(), writing, min(count, 65536))
        if not moved:
            raise SystemExit("the server left early")
        count -= moved
        while moved:
            moved -= os.splice(reading, nowhere, moved)


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
        elif way == "slow":
            while piece := request.read(4096):
                connection.sendall(piece)
                time.sleep(0.01)
        elif way == "child":
            child = os.fork()
            if not child:
                connection.sendall(request.read())
                os._exit(0)
            os.waitpid(child, 0)
        else:
            connection.sendall(request.read())


def converse(
    address: str, port: str, hello: str, finished: str, flight: str, way: str, path: str, response: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol = IPPROTO_MPTCP if way == "multipath" else 0
    connection = socket.socket(family, socket.SOCK_STREAM, protocol)
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
    sending = threading.Thread(target=send_request, args=(connection, way, path))
    sending.start()
    if way != "duplex":
        sending.join()
    if way == "halfclose":
        connection.shutdown(socket.SHUT_WR)
    if way == "splice-receive":
        splice_away(connection, int(response))
    else:
        read(connection, int(response))
    sending.join()
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def in_child(*arguments: str) -> int:
    child = os.fork()
    if not child:
        converse(*arguments)
        os._exit(0)
    return child


def main(_: str, *arguments: str) -> None:
    way = arguments[5]
    if way == "short-lived":
        for _number in range(SHORT_LIVED):
            os.waitpid(in_child(*arguments), 0)
    elif way == "at-once":
        for child in [in_child(*arguments) for _ in range(AT_ONCE)]:
            os.waitpid(child, 0)
    else:
        for _number in range(MANY if way == "many" else 1):
            converse(*arguments)


main(*sys.argv[1:])
