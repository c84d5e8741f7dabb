"""Tickets that their issuer recognises and cannot place: VOPRF outputs (RFC 9497, ristretto255-SHA512) by `voprf`.

Each programme, tier and month has a key of its own, derived from one seed, so that none is stored and all are the same
for everybody. Nothing of the mathematics is here.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from hashlib import sha256
from typing import Final

from voprf.ristretto import BlindedInput, Evaluator

from toktra.wire.events import InvalidMessage
from toktra.wire.personal import Ticket, TicketsAsked

_KEYS_REMEMBERED: Final = 256


class TicketOffice:
    """Issues blindly, and tells good tickets from others. It keeps nothing about either."""

    def __init__(self, seed: bytes) -> None:
        """`seed` is 32 bytes; who has it can make tickets, and still cannot tell whose is whose."""
        self._evaluator = lru_cache(_KEYS_REMEMBERED)(lambda info: Evaluator.from_seed(seed, info))

    def public_key(self, programme: str, tier: str, month: str) -> bytes:
        return bytes(self._evaluator(_info(programme, tier, month)).public_key.serialize())

    def issue(self, asked: TicketsAsked) -> tuple[bytes, ...]:
        """The evaluated elements, each with the proof that the public key made it. Raises InvalidMessage.

        One proof for all would be quicker, but the voprf package ends its thread when such a one is wrong.
        """
        blinded = [_element(element, place) for place, element in enumerate(asked.blinded)]
        evaluator = self._evaluator(_info(asked.programme, asked.tier, asked.month))
        return tuple(bytes(evaluator.evaluate(element).serialize()) for element in blinded)

    def is_good(self, ticket: Ticket) -> bool:
        """Whether it was issued here, for what it says."""
        evaluator = self._evaluator(_info(ticket.programme, ticket.tier, ticket.month))
        return secrets.compare_digest(bytes(evaluator.evaluate_known_input(ticket.nonce)), ticket.output)


def digest_of(ticket: Ticket) -> bytes:
    """What is kept of a spent one."""
    return sha256(_info(ticket.programme, ticket.tier, ticket.month) + b"|" + ticket.nonce).digest()


def _info(programme: str, tier: str, month: str) -> bytes:
    """None of the three can hold the separator: see their patterns in wire.personal."""
    return f"{programme}|{tier}|{month}".encode()


def _element(element: bytes, place: int) -> BlindedInput:
    try:
        return BlindedInput.deserialize(element)
    except ValueError:
        raise InvalidMessage(f"blinded[{place}]", "must be a blinded group element (RFC 9497)") from None
