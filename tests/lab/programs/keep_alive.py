"""Requests one after another over one HTTP/1.1 connection.

Arguments: CA file, address, port, host, seconds between requests, then requests as "BODY_BYTES:PATH".
"""

import http.client
import socket
import ssl
import sys
import time


def main(ca: str, address: str, port: str, host: str, pause_s: str, *requests: str) -> None:
    raw = socket.create_connection((address, int(port)))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = http.client.HTTPConnection(host)
    connection.sock = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=host)
    for request in requests:
        body, path = request.split(":", 1)
        connection.request("POST", path, b"q" * int(body))
        connection.getresponse().read()
        time.sleep(float(pause_s))
    connection.close()


main(*sys.argv[1:])
