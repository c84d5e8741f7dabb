"""How often someone may try: guessers wait longer and longer, and nobody is ever locked out.

Failures are counted per account and per address, in memory, and no address is written down. An account that a stranger
guesses at must stay open to its owner: so a browser in which they have signed in before is counted by itself, and
passkeys, work accounts and links, which cannot be guessed, are not held up by it at all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from toktra.server.tenants.service import Tenant
from toktra.server.vault import SealBroken, Vault
from toktra.server.web.rate_limit import FailureLimit, GrowingDelay

COOKIE: Final = "toktra_known"
_KNOWN_FOR_S: Final = 180 * 24 * 3600
_PURPOSE: Final = "known-browser"


@dataclass(frozen=True, slots=True)
class Try:
    """One try, counted as a failure until it is known to be none."""

    accounts: GrowingDelay
    addresses: GrowingDelay
    account: str
    address: str

    def succeeded(self) -> None:
        if self.account:
            self.accounts.forget(self.account)
        self.addresses.take_back(self.address)


@dataclass(frozen=True, slots=True)
class Tries:
    """The counts of one server process."""

    accounts: GrowingDelay = field(default_factory=lambda: GrowingDelay(free=5))
    addresses: GrowingDelay = field(default_factory=lambda: GrowingDelay(free=30, longest_s=60))
    beginnings: FailureLimit = field(default_factory=lambda: FailureLimit(failures=60, window_s=60))
    """What anyone can have the server keep for some minutes."""

    def begin(self, request: Request, account: str = "") -> Try | int:
        """A try at an account, or at something that names none; the seconds to wait when it is too early."""
        address = address_of(request)
        wait_s = max(self.addresses.retry_after_s(address), self.accounts.retry_after_s(account) if account else 0)
        if wait_s:
            return wait_s
        self.addresses.count_failure(address)
        if account:
            self.accounts.count_failure(account)
        return Try(self.accounts, self.addresses, account, address)

    def may_begin(self, request: Request) -> int:
        """0 when something may be begun from this address now, else the seconds to wait."""
        address = address_of(request)
        wait_s = self.beginnings.retry_after_s(address)
        self.beginnings.count_failure(address)
        return wait_s


def address_of(request: Request) -> str:
    """Where a request comes from, to count by: an IPv6 network, because one sender has all of its addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)


def account_of(request: Request, vault: Vault, tenant: Tenant, email: str) -> str:
    """By what tries at this address are counted: the account, or the browser in which it was signed in to before."""
    typed = email.strip().casefold()
    cookie = request.cookies.get(COOKIE, "")
    try:
        is_known = vault.open(cookie.encode(), tenant_id=tenant.tenant_id, purpose=_PURPOSE) == typed
    except SealBroken:
        is_known = False
    if is_known:
        return "browser " + hashlib.sha256(cookie.encode()).hexdigest()
    return f"account {tenant.slug} {typed}"


def remember_browser(request: Request, response: Response, vault: Vault, tenant: Tenant, email: str) -> None:
    """Notes in the browser, sealed, that this account was signed in to from it. The server keeps nothing of it."""
    response.set_cookie(
        COOKIE,
        vault.seal(email.strip().casefold(), tenant_id=tenant.tenant_id, purpose=_PURPOSE).decode(),
        max_age=_KNOWN_FOR_S,
        path="/sign-in",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
