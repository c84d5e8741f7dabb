"""HTTP/3 requests one after another over an unconnected socket, under an account taken on before its first datagram.

Arguments: CA file, address, port, host, uid, QUIC version, then requests as "BODY_BYTES:PATH".
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent


class Client(QuicConnectionProtocol):
    http: H3Connection
    done: "asyncio.Future[None]"

    def quic_event_received(self, event: QuicEvent) -> None:
        if not hasattr(self, "http"):
            self.http = H3Connection(self._quic)
        for one in self.http.handle_event(event):
            if isinstance(one, DataReceived | HeadersReceived) and one.stream_ended:
                self.done.set_result(None)


async def main(ca: str, address: str, port: str, host: str, uid: str, version: str, *requests: str) -> None:
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=H3_ALPN,
        server_name=host,
        original_version=int(version),
        supported_versions=[int(version)],
    )
    configuration.load_verify_locations(cadata=Path(ca).read_bytes())

    def become_and_connect(*arguments: Any, **named: Any) -> Client:
        """The last moment: under another account nothing more can be imported."""
        os.setgroups([])
        os.setresgid(int(uid), int(uid), int(uid))
        os.setresuid(int(uid), int(uid), int(uid))
        return Client(*arguments, **named)

    async with connect(address, int(port), configuration=configuration, create_protocol=become_and_connect) as client:
        assert isinstance(client, Client)
        for request in requests:
            body, path = request.split(":", 1)
            client.done = asyncio.get_running_loop().create_future()
            stream = client._quic.get_next_available_stream_id()
            names = {":method": "POST", ":scheme": "https", ":authority": host, ":path": path}
            client.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in names.items()])
            client.http.send_data(stream, b"q" * int(body), end_stream=True)
            client.transmit()
            await client.done
            await asyncio.sleep(0.1)


asyncio.run(main(*sys.argv[1:]))
