"""The published vectors of RFC 9497, and what a ticket office tells from what."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from voprf.ristretto import BlindedInput, Client, Evaluator, PublicKey, VerifiableOutput

from toktra.personal.tickets import TicketOffice, digest_of
from toktra.wire.events import InvalidMessage
from toktra.wire.personal import Ticket, TicketsAsked

VECTORS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "voprf" / "rfc9497.json").read_text()
)
PROGRAMME = "0b7c2d0e-5d0a-4f4e-9c5e-000000000001"


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.fixture
def evaluator() -> Evaluator:
    return Evaluator.from_seed(bytes.fromhex(VECTORS["seed"]), bytes.fromhex(VECTORS["key_info"]))


def test_keys_are_derived_as_published(evaluator: Evaluator) -> None:
    assert evaluator.public_key.serialize().hex() == VECTORS["public_key"]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=["short", "long", "batch"])
def test_blinded_and_known_inputs_are_evaluated_as_published(evaluator: Evaluator, vector: dict[str, Any]) -> None:
    blinded = [BlindedInput.deserialize(element) for element in unhex(vector["blinded"])]
    evaluated = [evaluator.evaluate(element).serialize()[64:] for element in blinded]
    assert evaluated == unhex(vector["evaluated"]), "after the proof, which is 64 bytes and random"
    assert [evaluator.evaluate_known_input(known) for known in unhex(vector["input"])] == unhex(vector["output"])


def test_a_proof_convinces_only_under_the_key_that_made_it(evaluator: Evaluator) -> None:
    nonce = secrets.token_bytes(32)
    client, blinded = Client.blind(nonce)
    output = evaluator.evaluate(blinded)
    assert client.finalize(output, evaluator.public_key) == evaluator.evaluate_known_input(nonce)
    with pytest.raises(ValueError, match="invalid proof"):
        client.finalize(output, Evaluator.from_seed(bytes(32), b"another").public_key)
    changed = bytearray(output.serialize())
    changed[1] ^= 1
    with pytest.raises(ValueError, match="proof"):
        client.finalize(VerifiableOutput.deserialize(bytes(changed)), evaluator.public_key)


def tickets_of(office: TicketOffice, tier: str = "team", month: str = "2026-11", count: int = 2) -> list[Ticket]:
    """As a device gets them: blinded, evaluated, checked and unblinded."""
    nonces = [secrets.token_bytes(32) for _ in range(count)]
    clients, blinded = zip(*(Client.blind(nonce) for nonce in nonces), strict=True)
    asked = TicketsAsked(
        programme=PROGRAMME, tier=tier, month=month, blinded=tuple(element.serialize() for element in blinded)
    )
    public_key = PublicKey.deserialize(office.public_key(PROGRAMME, tier, month))
    outputs = [
        client.finalize(VerifiableOutput.deserialize(one), public_key)
        for client, one in zip(clients, office.issue(asked), strict=True)
    ]
    return [
        Ticket(programme=PROGRAMME, tier=tier, month=month, nonce=nonce, output=output)
        for nonce, output in zip(nonces, outputs, strict=True)
    ]


def test_a_ticket_is_good_for_what_it_was_issued_for_and_nothing_else() -> None:
    office = TicketOffice(secrets.token_bytes(32))
    ticket = tickets_of(office)[0]
    assert office.is_good(ticket)
    for change in (
        {"programme": PROGRAMME.replace("1", "2")},
        {"tier": "teams"},
        {"month": "2026-12"},
        {"nonce": bytes(32)},
        {"output": bytes(64)},
    ):
        assert not office.is_good(msgspec.structs.replace(ticket, **change))
    assert not TicketOffice(secrets.token_bytes(32)).is_good(ticket)


def test_what_the_issuer_sees_is_not_in_the_ticket() -> None:
    """Nor in its digest: the blinded element is uniformly random whatever the nonce (RFC 9497, section 7.3)."""
    office = TicketOffice(bytes(range(32)))
    nonce = bytes(32)
    seen = {Client.blind(nonce)[1].serialize() for _ in range(20)}
    assert len(seen) == 20, "the same nonce, blinded anew each time"
    ticket = tickets_of(office, count=1)[0]
    assert ticket.nonce not in digest_of(ticket)


def test_two_purposes_of_one_nonce_are_two_tickets() -> None:
    one = Ticket(programme=PROGRAMME, tier="team", month="2026-11", nonce=bytes(32), output=bytes(64))
    others = [msgspec.structs.replace(one, tier="lead"), msgspec.structs.replace(one, month="2026-12")]
    assert len({digest_of(ticket) for ticket in (one, *others)}) == 3
    assert digest_of(msgspec.structs.replace(one, output=bytes(range(64)))) == digest_of(one)


def test_what_is_no_group_element_is_refused_by_its_place() -> None:
    office = TicketOffice(bytes(32))
    good = Client.blind(b"a nonce")[1].serialize()
    for bad in (bytes(32), b"\xff" * 32):  # the identity, which RFC 9497 forbids, and no element at all
        with pytest.raises(InvalidMessage) as refused:
            office.issue(TicketsAsked(programme=PROGRAMME, tier="team", month="2026-11", blinded=(good, bad)))
        assert refused.value.field == "blinded[1]"
