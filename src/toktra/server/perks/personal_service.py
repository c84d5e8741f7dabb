"""Asks the personal service, as the organisation's server, by a secret of its own. Nothing asked is about one person.

No address, body or secret is logged; an error says whether asking again can help, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
import urllib3

import toktra
from toktra.server.settings import ServerSettings
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.personal import ProgrammeTiers, Redemptions, TicketsAsked, TicketsIssued

_WITHIN_S: Final = urllib3.Timeout(connect=3.0, read=7.0)
_MOST_BYTES: Final = 4 << 20
_NOT_FOUND: Final = 404
_CLOSED: Final = 410

_Said = TypeVar("_Said")

_issued: Final = msgspec.json.Decoder(TicketsIssued)
_redemptions: Final = msgspec.json.Decoder(Redemptions)


class NotReached(Exception):
    """The service gave no answer that can be used; the same question may be answered later."""


class NotKnownThere(Exception):
    """The service has no such programme or tier: it lost its data, or was not told."""


class MonthOver(Exception):
    """Another month has begun over there."""


@dataclass(slots=True)
class PersonalService:
    """The service at an address, and the secret by which it knows us."""

    url: str
    secret: str = field(repr=False)
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=4,
            timeout=_WITHIN_S,
            retries=False,
            headers={"authorization": f"Bearer {self.secret}", "user-agent": f"toktra/{toktra.__version__}"},
        )

    async def issue(self, asked: TicketsAsked) -> TicketsIssued:
        """Evaluates blinded elements. Raises NotReached, NotKnownThere, MonthOver or InvalidMessage."""
        return _read(await self._ask("POST", "/operator/v1/tickets", encode(asked)), _issued)

    async def offer(self, programme: str, tiers: Mapping[str, int]) -> None:
        """Says what may be issued from now on; nothing at all closes the programme. Raises NotReached."""
        path = f"/operator/v1/programmes/{programme}"
        if tiers:
            await self._ask("PUT", path, encode(ProgrammeTiers(tiers=dict(tiers))))
        else:
            await self._ask("DELETE", path)

    async def redemptions(self, programme: str) -> Redemptions:
        """The closed months' noised counts. Raises NotReached."""
        return _read(await self._ask("GET", f"/operator/v1/programmes/{programme}/redemptions"), _redemptions)

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        return await asyncio.to_thread(self._ask_now, method, path, body)

    def _ask_now(self, method: str, path: str, body: bytes | None) -> bytes:
        try:
            answer = self._pool.request(method, self.url + path, body=body, preload_content=False, redirect=False)
            try:
                content = answer.read(_MOST_BYTES)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError):
            raise NotReached from None
        if answer.status == _NOT_FOUND:
            raise NotKnownThere
        if answer.status == _CLOSED:
            raise MonthOver
        if answer.status == 400:
            raise InvalidMessage("blinded", "the personal service cannot use these: draw new ones")
        if not 200 <= answer.status < 300:
            raise NotReached
        return content


def personal_service(settings: ServerSettings) -> PersonalService | None:
    """The one of the settings; None where there is none, and so no Token Perks."""
    if settings.personal_url is None or settings.personal_operator_secret is None:
        return None
    return PersonalService(settings.personal_url.rstrip("/"), settings.personal_operator_secret)


def public_address(settings: ServerSettings) -> str:
    """Where devices and browsers reach the service; empty where there is none."""
    return (settings.personal_public_url or settings.personal_url or "").rstrip("/")


def _read(content: bytes, decoder: msgspec.json.Decoder[_Said]) -> _Said:
    try:
        return decode(content, decoder)
    except InvalidMessage:
        raise NotReached from None
