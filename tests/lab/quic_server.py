"""An HTTP/3 server for the lab that counts the payload of every datagram its socket receives and sends."""

from __future__ import annotations

import asyncio
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from cryptography.x509 import load_pem_x509_certificate


class CountingQuicServer:
    """Answers /bytes/N on its own thread until closed."""

    def __init__(self, listener: socket.socket, certificate: Path, key: Path, *, version: int) -> None:
        self.received_bytes = self.sent_bytes = 0
        self.answers: list[tuple[str, str, int]] = []
        """Host, path and body bytes of each answer."""
        self.port: int = listener.getsockname()[1]
        self.certificate = load_pem_x509_certificate(certificate.read_bytes())
        self._listener = listener
        self._configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, supported_versions=[version])
        self._configuration.load_cert_chain(certificate, key)
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def __enter__(self) -> CountingQuicServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        transport, _ = self._loop.run_until_complete(
            self._loop.create_datagram_endpoint(lambda: _Counting(self, self._configuration), sock=self._listener)
        )
        self._loop.call_soon(started.set)
        self._loop.run_forever()
        transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Counting(QuicServer):
    def __init__(self, counts: CountingQuicServer, configuration: QuicConfiguration) -> None:
        super().__init__(configuration=configuration, create_protocol=partial(_Answering, counts))
        self._counts = counts

    def connection_made(self, transport: Any) -> None:
        send = transport.sendto
        counts = self._counts

        class Transport:
            """The real one, counted."""

            def sendto(self, data: bytes, address: object) -> None:
                counts.sent_bytes += len(data)
                send(data, address)

            def __getattr__(self, name: str) -> object:
                return getattr(transport, name)

        super().connection_made(Transport())  # type: ignore[arg-type]

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self._counts.received_bytes += len(data)
        super().datagram_received(data, addr)


class _Answering(QuicConnectionProtocol):
    def __init__(self, counts: CountingQuicServer, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._counts = counts
        self._http: H3Connection | None = None
        self._asked: dict[int, tuple[str, str]] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        self._http = self._http or H3Connection(self._quic)
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                headers = dict(one.headers)
                self._asked[one.stream_id] = headers[b":authority"].decode(), headers[b":path"].decode()
            if isinstance(one, HeadersReceived | DataReceived) and one.stream_ended:
                host, path = self._asked[one.stream_id]
                last = path.split("?", 1)[0].rsplit("/", 1)[1]
                size = int(last) if last.isdigit() else 8  # a browser also asks for an icon
                self._http.send_headers(one.stream_id, [(b":status", b"200"), (b"content-length", b"%d" % size)])
                self._counts.answers.append((host, path, size))
                self._http.send_data(one.stream_id, b"a" * size, end_stream=True)
                self.transmit()
