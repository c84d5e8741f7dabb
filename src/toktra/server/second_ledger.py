"""Starts the second ledger's service beside a server whose database is embedded: a process, port and role of its own.

The two know each other by the network alone: the service gets the second ledger's database and nothing of the first;
the server gets the service's address and a secret that is drawn anew at every start.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog

from toktra.server.children import Child, ChildFailed, toktra_command, unprivileged
from toktra.server.database.source import DatabaseUrls
from toktra.server.settings import ServerSettings

_log = structlog.get_logger()


@dataclass(slots=True)
class SecondLedger:
    """Its process, and what the server is told of it."""

    child: Child
    url: str
    secret: str
    given_up: bool = False

    @property
    def for_server(self) -> dict[str, str]:
        """The server's settings, as environment."""
        return {"TOKTRA_PERSONAL_URL": self.url, "TOKTRA_PERSONAL_OPERATOR_SECRET": self.secret}

    def told(self, settings: ServerSettings) -> ServerSettings:
        """The settings of a server that knows of it."""
        return msgspec.structs.replace(settings, personal_url=self.url, personal_operator_secret=self.secret)

    def keep_running(self) -> None:
        """As `look_after`, by the clock; what is in vain is logged."""
        if self.look_after(time.monotonic()):
            _log.error("the personal service ends again and again")

    def look_after(self, now: float) -> str:
        """Starts it again when it fell; a sentence, once, when that is in vain. The first ledger goes on without it."""
        if self.given_up:
            return ""
        try:
            self.child.look_after(now)
        except ChildFailed as failure:
            self.given_up = True
            return f"Token Perks is not available: {failure}"
        return ""


@contextmanager
def running_beside(settings: ServerSettings, urls: DatabaseUrls) -> Iterator[SecondLedger | None]:
    """The service at the port after the server's, while the context lasts; None when it is not ours to start."""
    personal = None
    if settings.personal_url is None:
        personal = second_ledger(
            urls,
            data=settings.data_directory,
            host=settings.host,
            port=settings.port + 1,
            certificate=settings.certificate,
            key=settings.key,
        )
    if personal is None:
        yield None
        return
    if settings.certificate is not None and settings.site_address is not None:  # the name in the certificate
        personal.url = f"https://{urlsplit(settings.site_address).hostname}:{settings.port + 1}"
    try:
        personal.child.start()
        yield personal
    finally:
        personal.child.stop()


def second_ledger(
    urls: DatabaseUrls,
    *,
    data: Path,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
) -> SecondLedger | None:
    """Ready to be started; None when the database is not ours to start, or somebody else listens at the port."""
    if urls.personal is None or not _is_free(host, port):
        return None
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    account = unprivileged()
    own = data / "personal"
    own.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(own, account.uid, account.gid)
    secret = secrets.token_urlsafe(32)
    app, owner = urls.personal
    command = toktra_command("personal", "run", "--host", host, "--port", str(port), "--data", str(own))
    if certificate is not None and key is not None:
        command += ["--certificate", str(certificate), "--key", str(key)]
    environment = {
        "TOKTRA_PERSONAL_DATABASE_URL": app,
        "TOKTRA_PERSONAL_OWNER_DATABASE_URL": owner,
        "TOKTRA_PERSONAL_OPERATOR_SECRET": secret,
        # Of the first ledger it is told nothing, whatever we were told ourselves.
        "TOKTRA_DATABASE_URL": "",
        "TOKTRA_OWNER_DATABASE_URL": "",
        "TOKTRA_PRIVACY_DATABASE_URL": "",
    }
    child = Child("personal service", command, logs / "personal.log", environment=environment, account=account)
    scheme = "http" if certificate is None else "https"
    return SecondLedger(child, f"{scheme}://{host}:{port}", secret)


def _is_free(host: str, port: int) -> bool:
    if port > 65535:
        return False
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True
