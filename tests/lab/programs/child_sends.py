"""Connects as one account, then a child of another account speaks: whose connection is it? The one who connected.

Arguments: CA file, address, port, host, uid that connects, uid that speaks.
"""

import os
import socket
import ssl
import sys


def become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def main(ca: str, address: str, port: str, host: str, connects: str, speaks: str) -> None:
    context = ssl.create_default_context(cafile=ca)
    passed, taken = socket.socketpair()
    if os.fork() == 0:
        become(int(connects))
        raw = socket.create_connection((address, int(port)))
        socket.send_fds(passed, [b"x"], [raw.fileno()])
        os._exit(0)
    os.wait()
    descriptor = socket.recv_fds(taken, 1, 1)[1][0]
    become(int(speaks))
    with context.wrap_socket(socket.socket(fileno=descriptor), server_hostname=host) as tls:
        tls.sendall(b"GET /bytes/2000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while tls.recv(65536):
            pass


main(*sys.argv[1:])
