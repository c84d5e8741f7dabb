"""Tickets over HTTP: issued for the organisation's server, spent by nobody in particular, once each."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from tests.personal.conftest import Owner
from tests.personal.test_mailboxes import problem
from voprf.ristretto import Client, PublicKey, VerifiableOutput

from toktra.wire.events import encode
from toktra.wire.personal import Redemptions, Ticket, TicketKeys, TicketsAsked, TicketsIssued

if TYPE_CHECKING:
    import httpx
    from tests.personal.conftest import MovedClock, Urls

MONTH = "2026-11"


class Organisation:
    """Its server, which holds the operator's secret, and a device's part in between."""

    def __init__(self, api: httpx.AsyncClient, secret: str) -> None:
        self.api = api
        self.programme = str(uuid4())
        self.headers = {"authorization": f"Bearer {secret}"}

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.api.request(method, f"/operator/v1{path}", headers=self.headers, **more)

    async def offer(self, **tiers: int) -> None:
        path = f"/programmes/{self.programme}"
        assert (await self.ask("PUT", path, json={"tiers": tiers})).status_code == 204

    async def issue(self, count: int = 1, *, tier: str = "team", month: str = MONTH) -> list[Ticket]:
        nonces = [secrets.token_bytes(32) for _ in range(count)]
        clients, blinded = zip(*(Client.blind(nonce) for nonce in nonces), strict=True)
        asked = TicketsAsked(
            programme=self.programme, tier=tier, month=month, blinded=tuple(one.serialize() for one in blinded)
        )
        answer = await self.ask("POST", "/tickets", content=encode(asked))
        assert answer.status_code == 200, answer.text
        issued = msgspec.json.decode(answer.content, type=TicketsIssued)
        shown = await self.api.get(f"/v1/programmes/{self.programme}/keys/{month}")
        keys = msgspec.json.decode(shown.content, type=TicketKeys)
        public_key = PublicKey.deserialize(keys.keys[tier])
        outputs = [
            client.finalize(VerifiableOutput.deserialize(one), public_key)
            for client, one in zip(clients, issued.evaluated, strict=True)
        ]
        return [
            Ticket(programme=self.programme, tier=tier, month=month, nonce=nonce, output=output)
            for nonce, output in zip(nonces, outputs, strict=True)
        ]

    async def redeem(self, ticket: Ticket) -> httpx.Response:
        return await self.api.post("/v1/redemptions", content=encode(ticket))

    async def published(self) -> Redemptions:
        answer = await self.ask("GET", f"/programmes/{self.programme}/redemptions")
        return msgspec.json.decode(answer.content, type=Redemptions)


@pytest.fixture
async def organisation(api: httpx.AsyncClient, operator_secret: str) -> Organisation:
    organisation = Organisation(api, operator_secret)
    await organisation.offer(team=30, lead=60)
    return organisation


async def test_a_ticket_is_spent_once(organisation: Organisation) -> None:
    first, second = await organisation.issue(2)
    assert (await organisation.redeem(first)).status_code == 200
    body = problem(await organisation.redeem(first), 409, "ticket-spent")
    assert "answer was lost" in body["detail"]
    assert (await organisation.redeem(second)).status_code == 200


async def test_of_many_at_once_with_the_same_ticket_one_is_taken(organisation: Organisation) -> None:
    (ticket,) = await organisation.issue()
    answers = await asyncio.gather(*(organisation.redeem(ticket) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


async def test_a_forged_ticket_is_refused_and_not_counted(organisation: Organisation, urls: Urls) -> None:
    (ticket,) = await organisation.issue()
    for change in (
        {"output": secrets.token_bytes(64)},
        {"nonce": secrets.token_bytes(32)},
        {"tier": "lead"},
        {"tier": "nobody"},
        {"programme": str(uuid4())},
    ):
        problem(await organisation.redeem(msgspec.structs.replace(ticket, **change)), 403, "ticket-forged")
    with psycopg.connect(urls.app) as connection:
        spent = connection.execute(
            "select count(*) from spent_ticket where programme = %s", [organisation.programme]
        ).fetchone()
    assert spent == (0,)


async def test_last_months_tickets_are_good_for_a_week_and_then_lapse(
    organisation: Organisation, clock: MovedClock
) -> None:
    tickets = await organisation.issue(2)
    clock.now = datetime(2026, 12, 7, 23, 59, 59, tzinfo=UTC)
    assert (await organisation.redeem(tickets[0])).status_code == 200
    keys = await organisation.api.get(f"/v1/programmes/{organisation.programme}/keys/{MONTH}")
    assert keys.status_code == 200
    clock.now = datetime(2026, 12, 8, tzinfo=UTC)
    body = problem(await organisation.redeem(tickets[1]), 410, "month-closed")
    assert "2026-12" in body["detail"]
    keys = await organisation.api.get(f"/v1/programmes/{organisation.programme}/keys/{MONTH}")
    problem(keys, 404, "not-offered")


async def test_tickets_are_issued_for_the_running_month_and_offered_tiers_only(organisation: Organisation) -> None:
    blinded = (Client.blind(b"nonce")[1].serialize(),)

    async def ask(**change: Any) -> httpx.Response:
        asked = {"programme": organisation.programme, "tier": "team", "month": MONTH, "blinded": blinded, **change}
        return await organisation.ask("POST", "/tickets", content=encode(TicketsAsked(**asked)))

    assert (await ask()).status_code == 200
    problem(await ask(month="2026-12"), 410, "month-closed")
    problem(await ask(month="2026-10"), 410, "month-closed")
    problem(await ask(tier="nobody"), 404, "not-offered")
    assert problem(await ask(blinded=(bytes(32),)), 400, "invalid-message")["field"] == "blinded[0]"


async def test_everybody_gets_the_same_keys(organisation: Organisation, api: httpx.AsyncClient) -> None:
    path = f"/v1/programmes/{organisation.programme}/keys/{MONTH}"
    answers = [await api.get(path, headers=headers) for headers in ({}, {"authorization": "Bearer x"})]
    assert answers[0].content == answers[1].content
    assert sorted(answers[0].json()["keys"]) == ["lead", "team"]
    for wrong in (f"/v1/programmes/{uuid4()}/keys/{MONTH}", path.replace(MONTH, "november")):
        problem(await api.get(wrong), 404, "not-offered")


async def test_a_closed_programme_issues_no_more_and_what_is_out_stays_good(organisation: Organisation) -> None:
    (ticket,) = await organisation.issue()
    assert (await organisation.ask("DELETE", f"/programmes/{organisation.programme}")).status_code == 204
    blinded = (Client.blind(b"nonce")[1].serialize(),)
    asked = TicketsAsked(programme=organisation.programme, tier="team", month=MONTH, blinded=blinded)
    problem(await organisation.ask("POST", "/tickets", content=encode(asked)), 404, "not-offered")
    assert (await organisation.redeem(ticket)).status_code == 200
    await organisation.offer(team=10)
    assert await organisation.issue()


async def test_only_the_organisations_server_is_answered(
    organisation: Organisation, api: httpx.AsyncClient, operator_secret: str
) -> None:
    programme = f"/operator/v1/programmes/{organisation.programme}"
    for method, path in (
        ("POST", "/operator/v1/tickets"),
        ("PUT", programme),
        ("DELETE", programme),
        ("GET", f"{programme}/redemptions"),
    ):
        for header in (b"", b"Bearer ", f"Bearer {operator_secret}x".encode(), b"Bearer \xe2\x98\x83"):
            answer = await api.request(method, path, headers={b"authorization": header} if header else {})
            problem(answer, 401, "unauthorized")
    assert problem(await organisation.ask("PUT", "/programmes/acme", json={"tiers": {"a": 1}}), 400, "invalid-message")
    refused = await organisation.ask("PUT", f"/programmes/{organisation.programme}", json={"tiers": {"team": 0}})
    assert problem(refused, 400, "invalid-message")["field"].startswith("tiers")


async def test_a_ticket_opens_one_mailbox_and_a_lost_answer_costs_nothing(
    organisation: Organisation, api: httpx.AsyncClient
) -> None:
    ticket, unused = await organisation.issue(2)
    owner = Owner(api)
    assert (await owner.ask("POST", content=encode(ticket))).status_code == 201
    assert (await owner.ask("POST", content=encode(ticket))).status_code == 200
    assert (await owner.ask("POST", content=encode(unused))).status_code == 200, "it is open: the ticket is left alone"
    assert (await owner.records()).json() == {"records": [], "next": None}
    problem(await Owner(api).ask("POST", content=encode(ticket)), 409, "ticket-spent")
    assert (await organisation.redeem(unused)).status_code == 200


async def test_without_a_good_ticket_there_is_no_mailbox(
    organisation: Organisation, api: httpx.AsyncClient, clock: MovedClock
) -> None:
    (ticket,) = await organisation.issue()
    owner = Owner(api)
    forged = msgspec.structs.replace(ticket, output=bytes(64))
    problem(await owner.ask("POST", content=encode(forged)), 403, "ticket-forged")
    assert problem(await owner.ask("POST", content=b"{}"), 400, "invalid-message")["field"] == "programme"
    clock.forward(days=60)
    problem(await owner.ask("POST", content=encode(ticket)), 410, "month-closed")
    problem(await owner.records(), 404, "no-mailbox")


async def test_nothing_kept_of_a_ticket_is_what_the_issuer_saw(organisation: Organisation, urls: Urls) -> None:
    ticket, opening = await organisation.issue(2)
    await organisation.redeem(ticket)
    owner = Owner(organisation.api)
    await owner.ask("POST", content=encode(opening))
    with psycopg.connect(urls.app) as connection:
        rows = connection.execute(
            "select digest, tier, month::text, opening from spent_ticket where programme = %s order by opening",
            [organisation.programme],
        ).fetchall()
    assert [row[1:] for row in rows] == [("team", "2026-11-01", False), ("team", "2026-11-01", True)]
    assert not {row[0] for row in rows} & {ticket.nonce, ticket.output[:32], opening.nonce, owner.digest}
