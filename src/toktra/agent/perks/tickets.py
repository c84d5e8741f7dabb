"""Tickets: drawn and blinded here, evaluated by whoever issues them, unblinded and checked here (RFC 9497, VOPRF).

The mathematics is the package voprf's. What is checked: that the evaluation was made with the key of the month that the
personal service shows to everybody. Another key would mark the tickets of one person.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from voprf import ristretto

from toktra.agent.errors import AgentError
from toktra.agent.perks.account_file import Terms
from toktra.wire.personal import NONCE_BYTES, Ticket

OUTPUT_BYTES: Final = 64


class TicketsNotGood(AgentError):
    """They were not made with the key that is shown to everybody, or are none at all. Nothing of them is kept."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Tickets in the making. Kept in memory only: what blinds them cannot be written down."""

    nonces: tuple[bytes, ...] = field(repr=False)
    blinded: tuple[bytes, ...]
    _clients: tuple[ristretto.Client, ...] = field(repr=False)


def draw(number: int) -> Drawn:
    """So many new ones."""
    nonces = tuple(secrets.token_bytes(NONCE_BYTES) for _ in range(number))
    pairs = [ristretto.Client.blind(nonce) for nonce in nonces]
    return Drawn(nonces, tuple(blinded.serialize() for _, blinded in pairs), tuple(client for client, _ in pairs))


def finish(drawn: Drawn, evaluated: tuple[bytes, ...], public_key: bytes, terms: Terms) -> list[Ticket]:
    """The tickets, of the terms' programme, tier and month. Raises TicketsNotGood, and then none of them is used."""
    try:
        key = ristretto.PublicKey.deserialize(public_key)
        outputs = [
            client.finalize(ristretto.VerifiableOutput.deserialize(one), key)
            for client, one in zip(drawn._clients, evaluated, strict=True)
        ]
    except ValueError as error:
        raise TicketsNotGood(
            "The tickets that your organisation's server handed over do not fit the key that the personal service shows"
            f" to everybody ({error}). They could be used to recognise you, so this device does not use them."
        ) from None
    return [
        Ticket(programme=terms.programme, tier=terms.tier, month=terms.month, nonce=nonce, output=bytes(output))
        for nonce, output in zip(drawn.nonces, outputs, strict=True)
    ]
