"""Opens connections, sends each a hello, and closes it; prints nothing.

Arguments: CA file (unused), address, port, hello in hex, how many, how many of them at once.
"""

import resource
import socket
import sys


def main(_: str, address: str, port: str, hello: str, count: str, at_once: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(at_once) + 64, int(at_once) + 64))
    message = bytes.fromhex(hello)
    opened = []
    for _number in range(int(count)):
        connection = socket.create_connection((address, int(port)))
        connection.sendall(message)
        opened.append(connection)
        if len(opened) == int(at_once):
            while opened:
                opened.pop().close()


main(*sys.argv[1:])
