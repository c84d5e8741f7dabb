"""A real SMTP relay on loopback, and people to write to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from toktra.server.settings import MailTls, ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls

USER, PASSWORD = "toktra", "a password of the relay"


@dataclass
class Relay:
    """What an SMTP server took, and what it will say next."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """Said to the next messages instead of taking them."""
    refused: frozenset[str] = frozenset()
    """Recipients that are not known."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 5.1.1 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@asynccontextmanager
async def relaying(relay: Relay, certificate: ssl.SSLContext | None, **options: Any) -> AsyncIterator[Relay]:
    """The relay on a port of its own, with STARTTLS when it has a certificate."""
    if certificate is not None:
        options = {"tls_context": certificate, "require_starttls": True, **options}
    loop = asyncio.get_running_loop()
    lost: list[asyncio.Future[None]] = []

    class Conversation(SMTP):
        """Says when it is over: a loop that ends before that leaves a socket open."""

        def connection_made(self, transport: Any) -> None:
            if not lost or self.over not in lost:
                lost.append(self.over)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            if not self.over.done():
                self.over.set_result(None)

        def __init__(self) -> None:
            self.over = loop.create_future()
            super().__init__(relay, hostname="relay.test", loop=loop, **options)

    server = await loop.create_server(Conversation, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    async with server:
        yield relay
        if lost:
            await asyncio.wait(lost, timeout=60)


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""

    left: asyncio.Queue[None] = asyncio.Queue()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.put_nowait(None)

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(left.get(), 60)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    """The relay's, for 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay's authority is trusted the way an engineer would have it trusted."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.fixture
async def relay(certificate: ssl.SSLContext, trusted: None) -> AsyncIterator[Relay]:
    """STARTTLS and an account are demanded."""
    async with relaying(Relay(), certificate, authenticator=_knows, auth_required=True) as relay:
        yield relay


@pytest.fixture
def settings_for(urls: Urls) -> Callable[..., ServerSettings]:
    """Settings that send through a relay."""

    def settings(relay: Relay, **changes: Any) -> ServerSettings:
        return ServerSettings(
            **{
                "database_url": urls.app,
                "site_address": "https://ai.example.org",
                "mail_relay": "127.0.0.1",
                "mail_port": relay.port,
                "mail_tls": MailTls.STARTTLS,
                "mail_user": USER,
                "mail_password": PASSWORD,
                "mail_from": "toktra@north.example",
                **changes,
            }
        )

    return settings
