"""A real OpenID provider on loopback: the npm package oidc-provider, installed once into the user's cache."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.npm import NotInstalled, installed

SOURCE = Path(__file__).parent / "oidc"
CLIENT_SECRET = "a secret of 32 characters or more: yes/no+&"


class NoProvider(Exception):
    """It cannot be run here; the text says what is missing."""


@dataclass(slots=True)
class OidcProvider:
    """The running provider and what it knows of people."""

    issuer: str
    client_id: str
    client_secret: str
    accounts: Path

    def tell(self, account: str, **claims: Any) -> None:
        """From now on, this is what the provider says of the account."""
        known = json.loads(self.accounts.read_text())
        self.accounts.write_text(json.dumps({**known, account: claims}))


@contextmanager
def oidc_provider(directory: Path, redirect_uris: list[str]) -> Iterator[OidcProvider]:
    """Runs it until the end. Raises NoProvider."""
    try:
        home = installed(SOURCE)
    except NotInstalled as error:
        raise NoProvider(str(error)) from None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    provider = OidcProvider(f"http://127.0.0.1:{port}", "toktra", CLIENT_SECRET, directory / "accounts.json")
    provider.accounts.write_text("{}")
    client = {
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "redirect_uris": redirect_uris,
        "scope": "openid email profile groups",
        "require_auth_time": True,
    }
    settings = directory / "provider.json"
    settings.write_text(
        json.dumps({"issuer": provider.issuer, "port": port, "client": client, "accounts": str(provider.accounts)})
    )
    process = subprocess.Popen(
        ["node", str(home / "provider.mjs"), str(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        else:
            raise NoProvider("the OpenID provider did not start")
        with urllib.request.urlopen(f"{provider.issuer}/.well-known/openid-configuration", timeout=20):
            yield provider
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
