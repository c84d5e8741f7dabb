"""Where the server is. Plain HTTP is for this machine only."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError


class ServerAddressNotUsable(AgentError):
    """The address is no URL, or would send events in the clear."""

    exit_code = EXIT_NEEDS_YOU


def server_address(text: str) -> str:
    """The URL without a trailing slash. Raises ServerAddressNotUsable."""
    example = "Give it as a URL, for example https://toktra.example.org"
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ServerAddressNotUsable(f"{text} is not the address of a server ({error}). {example}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ServerAddressNotUsable(f"{text} is not the address of a server. {example}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ServerAddressNotUsable(f"{text} holds more than the address of a server. {example}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ServerAddressNotUsable(
            f"{text} would send events unencrypted over the network. Use https://; plain http is for this machine only"
        )
    return text.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine by definition, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
