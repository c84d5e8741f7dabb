"""What devices are told and given: signed like every request, counted, and nothing counted that was not given."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.perks.conftest import blinded, switched_on
from voprf import ristretto

from toktra.server.perks.aggregates import Counted, redeemed
from toktra.server.perks.presentation import month_rows
from toktra.wire.events import encode
from toktra.wire.personal import RedemptionCount, Redemptions, Ticket, TicketKeys

if TYPE_CHECKING:
    from tests.server.perks.conftest import Desk, Office, SecondLedger


async def enrolled(office: Office, name: str = "Ada") -> Desk:
    person = await office.person(name)
    await (await office.browser(person)).post("/me/token-perks/join", data={"read": "yes"})
    return office.desk(person)


async def test_each_standing_is_told_and_nothing_more(office: Office) -> None:
    desk = office.desk(await office.person("Ada"))
    assert (await desk.asks()).json() == {"standing": "no-programme"} | _nothing()
    admin = await switched_on(office)
    assert (await desk.asks()).json() == {"standing": "invited"} | _nothing()
    assert (await desk.asks(account="stranger")).json() == {"standing": "not-invited"} | _nothing()
    [(invitation,)] = office.rows("select invitation_id from perks_invitation")
    await admin.post(f"/token-perks/invitations/{invitation}/withdraw")
    assert (await desk.asks(*blinded(1))).json() == {"standing": "not-invited"} | _nothing()


async def test_tickets_are_issued_blind_and_can_be_spent(office: Office, personal: SecondLedger) -> None:
    await switched_on(office)
    desk = await enrolled(office)
    told = await desk.allowance()
    month = f"{datetime.now(UTC):%Y-%m}"
    assert (told.standing, told.service, told.tier, told.month) == ("enrolled", personal.url, "everyone", month)
    assert (told.tokens_per_ticket, told.tickets, told.left, told.evaluated) == (50_000, 12, 12, ())
    nonces = [secrets.token_bytes(32) for _ in range(2)]
    pairs = [ristretto.Client.blind(nonce) for nonce in nonces]
    given = await desk.allowance(*(bytes(message.serialize()) for _, message in pairs))
    assert given.left == 10
    async with httpx.AsyncClient(base_url=personal.url) as service:
        keys = await service.get(f"/v1/programmes/{given.programme}/keys/{month}")
        public = msgspec.json.decode(keys.content, type=TicketKeys).keys["everyone"]
        public_key = ristretto.PublicKey.deserialize(public)
        outputs = [
            client.finalize(ristretto.VerifiableOutput.deserialize(one), public_key)
            for (client, _), one in zip(pairs, given.evaluated, strict=True)
        ]
        for nonce, output in zip(nonces, outputs, strict=True):
            ticket = Ticket(programme=given.programme, tier="everyone", month=month, nonce=nonce, output=bytes(output))
            assert (await service.post("/v1/redemptions", content=encode(ticket))).status_code == 200
            assert (await service.post("/v1/redemptions", content=encode(ticket))).status_code == 409


async def test_nobody_draws_more_than_a_month_on_all_devices_together(office: Office) -> None:
    await switched_on(office)
    person = await office.person("Ada")
    browser = await office.browser(person)
    await browser.post("/me/token-perks/join", data={"read": "yes"})
    first, second = office.desk(person), office.desk(person)
    assert (await first.draws(10)).left == 2
    too_many = await second.draws(3)
    assert (too_many.left, too_many.evaluated) == (2, ())
    assert (await second.draws(2)).evaluated
    await browser.post("/me/token-perks/leave")
    await browser.post("/me/token-perks/join", data={"read": "yes"})
    assert (await first.allowance()).left == 0, "leaving and coming back draws no second month"


async def test_what_was_not_issued_is_not_counted(office: Office, personal: SecondLedger) -> None:
    await switched_on(office)
    desk = await enrolled(office)
    broken = await desk.asks(b"\xff" * 32)
    assert (broken.status_code, broken.json()["field"]) == (400, "blinded")
    assert (await desk.allowance()).left == 12
    with psycopg.connect(personal.superuser) as connection:
        connection.execute("alter table programme_tier rename to hidden")
    away = await desk.asks(*blinded(3))
    assert (away.status_code, int(away.headers["retry-after"]) > 0) == (503, True)
    assert "none was counted" in away.json()["detail"]
    with psycopg.connect(personal.superuser) as connection:
        connection.execute("alter table hidden rename to programme_tier")
    assert (await desk.allowance()).left == 12


async def test_a_personal_service_that_lost_its_database_is_told_again(office: Office, personal: SecondLedger) -> None:
    await switched_on(office)
    desk = await enrolled(office)
    with psycopg.connect(personal.superuser) as connection:
        connection.execute("delete from programme_tier")
    assert (await desk.draws(1)).evaluated


async def test_who_is_not_the_device_learns_nothing(office: Office) -> None:
    await switched_on(office)
    desk = await enrolled(office)
    assert (await desk.asks(private_key=Ed25519PrivateKey.generate())).status_code == 401
    office.rows("update device set status = 'revoked' returning 1")
    assert (await desk.asks()).status_code == 403


async def test_a_programme_that_is_off_gives_nothing(office: Office) -> None:
    admin = await switched_on(office)
    desk = await enrolled(office)
    await admin.post("/token-perks/switch", data={"to": "off"})
    assert (await desk.asks(*blinded(1))).json() == {"standing": "no-programme"} | _nothing()
    await admin.post("/token-perks/switch", data={"to": "on"})
    assert (await desk.draws(1)).evaluated, "who took part goes on when it is on again"


def test_sums_of_fewer_than_ten_people_are_withheld_and_the_noise_is_in_the_range() -> None:
    published = Redemptions(
        epsilon=1.0,
        counts=(
            RedemptionCount(month="2026-10", tier="all", tickets=400, most_tickets=10),
            RedemptionCount(month="2026-10", tier="few", tickets=30, most_tickets=10),
            RedemptionCount(month="2026-09", tier="all", tickets=380, most_tickets=10),
        ),
    )
    counts = [
        Counted(month=date(2026, 10, 1), tier="all", name="All", people=40),
        Counted(month=date(2026, 10, 1), tier="few", name="Few", people=9),
        Counted(month=date(2026, 9, 1), tier="all", name="All", people=38),
    ]
    first, few, before = redeemed(published, counts)
    assert (first.is_shown, few.is_shown, before.is_shown) == (True, False, True)
    assert (round(first.low), round(first.high)) == (377, 423)
    rows = month_rows(published, counts)
    assert [row.tickets == "" for row in rows] == [False, True, False]
    assert rows[0].trend == "No clear change", "less than the noise is no news"
    assert [row.trend for row in month_rows(published, [])] == ["", "", ""]


def _nothing() -> dict[str, Any]:
    return {
        "service": "",
        "programme": "",
        "tier": "",
        "month": "",
        "tokens_per_ticket": 0,
        "tickets": 0,
        "left": 0,
        "evaluated": [],
    }


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine's environment comes between the two services."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
