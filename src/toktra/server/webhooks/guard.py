"""Where a webhook may go: to public addresses, so that nobody makes this server talk to what only it can reach.

The address is looked up here and the connection made to what was looked up, so that a name cannot answer twice in two
ways. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from toktra.server.web.language import _

_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{8,2000}")


class NotAllowed(ValueError):
    """This address cannot be a webhook's. The text says why."""


class NotFound(OSError):
    """The name of this address is not known now."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart."""

    host: str
    port: int
    path: str
    is_tls: bool

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def parse(url: str, *, private_allowed: bool) -> Target:
    """Raises NotAllowed for what is no address, names an account, or is not encrypted."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed(_("This is not a web address.")) from None
    if not _PRINTABLE.fullmatch(url) or not parts.hostname or parts.scheme not in ("https", "http"):
        raise NotAllowed(_("Give a web address that begins with https://."))
    if parts.username is not None or parts.password is not None:
        raise NotAllowed(_("An address must not hold a name or a password. What is sent is signed instead."))
    if parts.scheme == "http" and not private_allowed:
        raise NotAllowed(_("Give an address that begins with https://: what is sent must be encrypted."))
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.hostname, port or (443 if is_tls else 80), path, is_tls)


async def look_up(target: Target, *, private_allowed: bool) -> str:
    """The IP address to connect to. Raises NotAllowed when any of the name's addresses is not public, or NotFound."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise NotFound from None
    addresses = [str(entry[4][0]) for entry in found]
    if not private_allowed and not all(is_public(address) for address in addresses):
        raise NotAllowed(_("This address is inside a private network or on this machine."))
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether anybody on the internet could reach this IP address; also for IPv4 that is wrapped in IPv6."""
    try:
        address = ip_address(text)
    except ValueError:  # with a zone, as link-local ones have
        return False
    inner = _wrapped(address) if isinstance(address, IPv6Address) else None
    return address.is_global and not address.is_multicast and (inner is None or is_public(str(inner)))


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
