"""Carries one signed request to the server and its answer back. It decides nothing; see `uplink` and `enrol`."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - looked up with the first host name, when nothing can be imported any more
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import toktra
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.server_address import ServerAddressNotUsable, server_address
from toktra.wire.signatures import sign

CONNECT_TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 64 << 10


class Unreachable(AgentError):
    """No answer came: the request may have arrived or not."""


class CertificateAuthorityNotUsable(AgentError):
    """The file given with --ca holds no certificate."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    """The header Retry-After as it came."""
    location: str | None = None
    """The header Location as it came; nothing follows it by itself."""


Post = Callable[[str, bytes, float], Answer]
"""Posts a JSON body to a path of the server, for at most so many seconds. Raises Unreachable."""


class Transport:
    """Signed requests to one server over one kept connection. For one thread at a time.

    It stands on http.client: a library with pools, proxies and retries would be more memory and code in a process
    that needs none of them.
    """

    def __init__(
        self,
        *,
        server: str,
        key_id: str,
        private_key: Ed25519PrivateKey,
        ca_file: Path | None = None,
        moved: Callable[[str], None] | None = None,
    ) -> None:
        """`ca_file` replaces the system's certificate authorities. Raises CertificateAuthorityNotUsable.

        `moved` is told the address at which the server says the organisation is served now; without it the server's
        word is not followed.
        """
        self._server = server
        self._key_id = key_id
        self._private_key = private_key
        self._tls = tls_context(server, ca_file)
        self._connection = connection_to(server, self._tls)
        self._moved = moved

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        """See `Post`. Followed is one redirect of our own server to another region's, encrypted, and no other."""
        answer = self._signed(path, body, timeout_s)
        if answer.status == 308 and self._moved is not None and (server := self._sent_on_to(path, answer.location)):
            self.close()
            self._server, self._connection = server, connection_to(server, self._tls)
            answer = self._signed(path, body, timeout_s)
            if answer.status != 308:
                self._moved(server)
        return answer

    def _sent_on_to(self, path: str, location: str | None) -> str | None:
        if location is None or not location.endswith(path):
            return None
        with suppress(ServerAddressNotUsable):
            server = server_address(location.removesuffix(path))
            if urlsplit(server).scheme == urlsplit(self._server).scheme:
                return server
        return None

    def _signed(self, path: str, body: bytes, timeout_s: float) -> Answer:
        headers = {"Content-Type": "application/json", "User-Agent": f"toktra-agent/{toktra.__version__}"}
        sign(
            method="POST",
            url=self._server + path,
            headers=headers,
            body=body,
            key_id=self._key_id,
            private_key=self._private_key,
        )
        try:
            return self._exchange(path, body, headers, time.monotonic() + timeout_s)
        except (HTTPException, OSError) as error:
            self.close()
            raise Unreachable(why_unreachable(self._server, error)) from None

    def close(self) -> None:
        """Closes the kept connection; the next request opens another."""
        self._connection.close()

    def _exchange(self, path: str, body: bytes, headers: dict[str, str], until: float) -> Answer:
        if self._connection.sock is not None and _was_ended(self._connection.sock):
            self._connection.close()
        if self._connection.sock is None:
            self._connection.timeout = min(CONNECT_TIMEOUT_S, _left_s(until))
            self._connection.connect()
        self._connection.sock.settimeout(_left_s(until))
        self._connection.request("POST", urlsplit(self._server).path + path, body, headers)
        response = self._connection.getresponse()
        answer = response.read(MAX_ANSWER_BYTES)
        if len(answer) == MAX_ANSWER_BYTES:
            self._connection.close()  # the rest is of no interest, and the connection cannot be used again without it
        elif response.length:
            raise HTTPException(f"the answer broke off, {response.length} bytes were still to come")
        return Answer(
            status=response.status,
            body=answer,
            retry_after=response.headers.get("Retry-After"),
            location=response.headers.get("Location"),
        )


def connection_to(server: str, context: ssl.SSLContext | None) -> HTTPConnection:
    """Not opened yet. `context` is None for plain HTTP."""
    address = urlsplit(server)
    host = address.hostname or ""
    if context is None:
        return HTTPConnection(host, address.port)
    return HTTPSConnection(host, address.port, context=context)


def _was_ended(kept: socket.socket) -> bool:
    """Whether the server has ended a connection between two requests: then there is something to read, the end."""
    poll = select.poll()
    poll.register(kept, select.POLLIN)
    return bool(poll.poll(0))


def _left_s(until: float) -> float:
    return max(0.001, until - time.monotonic())  # 0 would mean not to wait at all


def tls_context(server: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """Verifies names and chains always. None for plain HTTP. Raises CertificateAuthorityNotUsable."""
    if not server.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateAuthorityNotUsable(
            f"{ca_file} holds no certificate that can be used ({error.strerror or error}). Give a PEM file with --ca."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def why_unreachable(server: str, error: Exception) -> str:
    """For a person, with the remedy."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {server} is not one this device trusts ({error}). Give its authority with --ca, or"
            " check the address."
        )
    if isinstance(error, TimeoutError):
        return f"{server} did not answer in time. Check the address and the network."
    return f"{server} cannot be reached ({error}). Check the address and the network."
