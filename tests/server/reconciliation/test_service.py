"""From a provider's API over the database to factors: stored once, sealed, re-projected, and nothing half done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest
from cryptography.fernet import Fernet

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.app import create_app
from toktra.server.audit.service import Actor
from toktra.server.costs import service as costs
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.reconciliation import service
from toktra.server.reconciliation.fetching import Fetcher, KeyRefused
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.server.vault import Vault
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls
    from tests.server.reconciliation.conftest import Provider

KEY = "sk-admin-of-north-0123456789abcdef"
HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}


@dataclass(slots=True)
class Firm:
    """An organisation that reconciles with an invented provider."""

    database: Database
    tenant_id: UUID
    owner: UUID
    provider: Provider
    vault: Vault

    @property
    def actor(self) -> Actor:
        return Actor.person(self.owner, Role.OWNER)

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()

    async def connect(self, provider_id: str = "openai", key: str = KEY) -> service.Fetch:
        return await service.connect(
            self.database,
            self.tenant_id,
            provider_id=provider_id,
            key=key,
            by=self.actor,
            vault=self.vault,
            fetcher=Fetcher(address=self.provider.address),
            today=self.today,
        )

    async def reconcile(self, *, vault: Vault | None = None) -> list[service.Fetch]:
        return await service.reconcile(
            self.database,
            self.tenant_id,
            vault=vault or self.vault,
            fetcher=Fetcher(address=self.provider.address),
            today=self.today,
        )

    async def see(self, days: int, *, share: float = 1.0, output_bias: float = 1.0, provider: str = "openai") -> None:
        """What enrolled devices saw of the million tokens in and 50 000 out that each of the last days had."""
        async with self.database.tenant(self.tenant_id) as connection:
            for days_ago in range(1, days + 1):
                day = self.today - timedelta(days=days_ago)
                sums = [
                    HOSTS[provider],
                    ESTIMATOR_VERSION,
                    round(400 * share),
                    round(1_000_000 * share),
                    round(50_000 * share / output_bias),
                ]
                await connection.execute(
                    "insert into usage_daily values (%s, %s, %s, %s, %s, %s, 1, 1, %s, %s)",
                    [self.tenant_id, day, self.owner, *sums],
                )
                await connection.execute(
                    "insert into usage_hourly values (%s, %s, %s, %s, %s, 1, 1, %s, %s)",
                    [self.tenant_id, datetime(day.year, day.month, day.day, tzinfo=UTC), *sums],
                )

    async def stored(self) -> list[tuple[str, date, int, int, int | None]]:
        async with self.database.tenant(self.tenant_id) as connection:
            cursor = await connection.execute(
                "select provider_id, day, input_tokens, output_tokens, requests from reported_day order by 1, 2"
            )
            return [tuple(row) for row in await cursor.fetchall()]

    async def findings(self) -> service.Findings:
        async with self.database.tenant(self.tenant_id) as connection:
            return await service.findings(connection, self.tenant_id, self.today - timedelta(days=30), self.today)


@pytest.fixture
async def firm(database: Database, tenant: Tenant, provider: Provider) -> Firm:
    owner = await add_person(database, tenant.tenant_id, display_name="Robin Example", role=Role.OWNER)
    firm = Firm(database, tenant.tenant_id, owner, provider, Vault(Fernet.generate_key()))
    provider.fill(firm.today - timedelta(days=20), 20)
    return firm


async def test_connecting_fetches_a_quarter_and_keeps_the_key_sealed(firm: Firm) -> None:
    fetched = await firm.connect()
    assert (fetched.days, fetched.last, fetched.fault) == (90, firm.today - timedelta(days=1), None)
    rows = await firm.stored()
    assert len(rows) == 90
    assert rows[-1] == ("openai", firm.today - timedelta(days=1), 1_000_000, 50_000, 400)
    async with firm.database.tenant(firm.tenant_id) as connection:
        cursor = await connection.execute("select sealed_key, row_to_json(usage_api)::text from usage_api")
        row = await cursor.fetchone()
    assert row is not None
    assert KEY not in row[1]
    assert KEY.encode().hex() not in row[1]
    assert firm.vault.open(row[0], tenant_id=firm.tenant_id, purpose="usage-api:openai") == KEY
    assert [one.key_hint for one in await service.connections(firm.database, firm.tenant_id)] == ["cdef"]


async def test_connecting_and_disconnecting_are_in_the_audit_trail_without_the_key(firm: Firm) -> None:
    await firm.connect()
    with pytest.raises(KeyRefused):
        await firm.connect(key="sk-wrong")
    await service.disconnect(firm.database, firm.tenant_id, "openai", by=firm.actor)
    async with firm.database.tenant(firm.tenant_id) as connection:
        cursor = await connection.execute(
            "select tag, actor_id, coalesce(after, before), row_to_json(a)::text from audit_entry a order by number"
        )
        rows = await cursor.fetchall()
    assert [tuple(row[:3]) for row in rows] == [
        ("usage-api:connected", firm.owner, {"provider": "openai", "days": 90}),
        ("usage-api:disconnected", firm.owner, {"provider": "openai"}),
    ]
    assert all(KEY not in row[3] for row in rows)


async def test_today_is_not_taken_because_it_is_not_over(firm: Firm) -> None:
    firm.provider.fill(firm.today, 1)
    await firm.connect()
    assert firm.today not in {row[1] for row in await firm.stored()}


@pytest.mark.parametrize("provider_id", ["openai", "anthropic"])
async def test_reconciling_again_changes_nothing_and_asks_for_what_can_have_changed(
    firm: Firm, provider_id: str
) -> None:
    await firm.connect(provider_id)
    before = await firm.stored()
    firm.provider.asked.clear()
    for _ in range(2):
        assert [fetch.days for fetch in await firm.reconcile()] == [3]
    assert await firm.stored() == before
    assert len(firm.provider.asked) == 2


async def test_a_corrected_bill_is_taken(firm: Firm) -> None:
    await firm.connect()
    yesterday = firm.today - timedelta(days=1)
    firm.provider.usage[yesterday] = (2_000_000, 90_000, 800)
    await firm.reconcile()
    assert (await firm.stored())[-1] == ("openai", yesterday, 2_000_000, 90_000, 800)


async def test_a_gap_is_filled_from_the_last_day_stored(firm: Firm) -> None:
    await firm.connect()
    async with firm.database.tenant(firm.tenant_id) as connection:
        await connection.execute("delete from reported_day where day > %s", [firm.today - timedelta(days=15)])
    assert [fetch.days for fetch in await firm.reconcile()] == [17]
    assert len(await firm.stored()) == 90


async def test_a_key_that_fails_stores_nothing(firm: Firm) -> None:
    with pytest.raises(KeyRefused):
        await firm.connect(key="sk-wrong")
    assert await service.connections(firm.database, firm.tenant_id) == []
    assert await firm.stored() == []


async def test_a_new_key_that_fails_leaves_the_old_one(firm: Firm) -> None:
    await firm.connect()
    with pytest.raises(KeyRefused):
        await firm.connect(key="sk-wrong")
    assert [fetch.fault for fetch in await firm.reconcile()] == [None]


async def test_a_key_of_another_organisation_changes_nothing(firm: Firm) -> None:
    await firm.connect()
    before = await firm.stored()
    firm.provider.organisation = "org-south"
    firm.provider.fill(firm.today - timedelta(days=20), 20, (7, 7, 7))
    with pytest.raises(
        service.OtherOrganisation, match="org-south at OpenAI; the totals stored so far are of org-north"
    ):
        await firm.connect()
    assert "org-south" in str((await firm.reconcile())[0].fault)
    assert await firm.stored() == before


async def test_a_failed_fetch_is_told_kept_and_ends_with_the_next_good_one(firm: Firm) -> None:
    await firm.connect()
    before = await firm.stored()
    firm.provider.instead = [lambda _asked: (200, {}, b'{"data": [{}], "has_more": false}')]
    fetch = (await firm.reconcile())[0]
    assert fetch.fault is not None
    assert "not the documented one" in fetch.fault
    assert [one.fault for one in await service.connections(firm.database, firm.tenant_id)] == [fetch.fault]
    assert await firm.stored() == before
    await firm.reconcile()
    assert [one.fault for one in await service.connections(firm.database, firm.tenant_id)] == [None]


async def test_one_provider_that_fails_stops_no_other(firm: Firm) -> None:
    await firm.connect("anthropic")
    await firm.connect("openai")
    firm.provider.instead = [lambda _asked: (500, {}, b"")]
    faults = {fetch.provider_id: fetch.fault for fetch in await firm.reconcile()}
    assert faults["openai"] is None
    assert "fault of its own" in str(faults["anthropic"])


async def test_a_lost_secret_key_is_said_and_a_new_provider_key_helps(firm: Firm) -> None:
    await firm.connect()
    other = Vault(Fernet.generate_key())
    assert "secret key replaced" in str((await firm.reconcile(vault=other))[0].fault)
    firm.vault = other
    await firm.connect()
    assert [fetch.fault for fetch in await firm.reconcile()] == [None]


async def test_disconnecting_forgets_key_and_totals(firm: Firm) -> None:
    await firm.connect()
    await service.disconnect(firm.database, firm.tenant_id, "openai", by=firm.actor)
    assert await firm.stored() == []
    assert (await firm.findings()).evidence == {}
    with pytest.raises(service.NotConnected):
        await service.disconnect(firm.database, firm.tenant_id, "openai", by=firm.actor)


async def test_a_provider_without_a_usage_api_is_refused(firm: Firm) -> None:
    with pytest.raises(service.UnknownUsageApi):
        await firm.connect("mistral")


async def test_an_organisation_reads_only_its_own_totals(firm: Firm, other_tenant: Tenant) -> None:
    await firm.connect()
    assert await service.connections(firm.database, other_tenant.tenant_id) == []
    with pytest.raises(service.NotConnected):
        await service.disconnect(firm.database, other_tenant.tenant_id, "openai", by=firm.actor)


async def test_hidden_reasoning_is_corrected_in_past_days_and_no_record_changes(firm: Firm) -> None:
    """Before: output at half of what is billed. After: past days cost what was billed; the ledger is as it was."""
    await firm.see(14, output_bias=2.0)
    first, last = firm.today - timedelta(days=10), firm.today - timedelta(days=4)
    before = (await costs.cost(firm.database, firm.tenant_id, first, last)).projection.providers[0]
    ledger = await _ledger(firm)
    await firm.connect()
    after = (await costs.cost(firm.database, firm.tenant_id, first, last)).projection.providers[0]
    assert before.output_tokens.high < 7 * 50_000 < after.output_tokens.high
    assert after.output_tokens.low < 7 * 50_000
    assert after.factor is not None
    assert after.factor.finding.coverage.middle > 0.95
    assert before.cost is not None
    assert after.cost is not None
    assert after.cost.low > before.cost.low
    assert await _ledger(firm) == ledger
    await service.disconnect(firm.database, firm.tenant_id, "openai", by=firm.actor)
    again = (await costs.cost(firm.database, firm.tenant_id, first, last)).projection.providers[0]
    assert again == before


@pytest.mark.parametrize("provider_id", ["openai", "anthropic"])
async def test_missing_devices_are_coverage_and_change_no_cost(firm: Firm, provider_id: str) -> None:
    await firm.see(14, share=0.7, provider=provider_id)
    await firm.connect(provider_id)
    finding = (await firm.findings())(provider_id, firm.today)
    assert finding is not None
    assert finding.coverage.low < 0.7 < finding.coverage.high
    assert finding.coverage.high < 0.8 or provider_id == "anthropic"
    assert 0.95 < finding.input.middle < 1.05
    assert 0.93 < finding.output.middle < 1.07


async def test_records_that_arrive_late_change_the_factor_by_themselves(firm: Firm) -> None:
    await firm.see(7, share=0.5)
    await firm.connect()
    early = (await firm.findings())("openai", firm.today)
    async with firm.database.tenant(firm.tenant_id) as connection:
        await connection.execute(
            "update usage_hourly set exchanges = 400, input_tokens = 1000000, output_tokens = 50000"
        )
    late = (await firm.findings())("openai", firm.today)
    assert early is not None
    assert late is not None
    assert early.coverage.middle < 0.6
    assert late.coverage.middle > 0.95


async def _ledger(firm: Firm) -> list[tuple[object, ...]]:
    async with firm.database.tenant(firm.tenant_id) as connection:
        cursor = await connection.execute("select * from usage_daily order by day")
        return [tuple(row) for row in await cursor.fetchall()]


# The page.


@pytest.fixture
async def browser(urls: Urls, firm: Firm, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The owner's browser, on a server whose providers are the invented one."""
    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())
    app = create_app(ServerSettings(database_url=urls.app, run_jobs=False))
    app.state.new_fetcher = lambda: Fetcher(address=firm.provider.address)
    tenant = await find_tenant(firm.database, "north")
    assert tenant is not None
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as api,
    ):
        await api.post(await create_sign_in_link(firm.database, tenant, firm.owner))
        yield api


def text_of(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text[:600]
    return unescape(answer.text).replace("\xa0", " ")


async def test_the_page_shows_both_numbers_and_never_the_key(browser: httpx.AsyncClient, firm: Firm) -> None:
    assert "No provider is connected" in text_of(await browser.get("/reconciliation"))
    await firm.see(14, share=0.7, output_bias=1.5)
    answer = await browser.post("/reconciliation/openai/connect", data={"key": KEY})
    assert (answer.status_code, answer.headers["location"]) == (303, "/reconciliation")
    page = text_of(await browser.get("/reconciliation"))
    assert "Coverage of the billed use" in page
    assert "use is missing" in page
    assert "Output factor" in page
    assert "1 000 000 in, 50 000 out" in page
    assert "≈ 700 000 in" in page
    assert "org-north" in page
    assert KEY not in page
    assert "cdef" in page
    assert "corrected by what was billed" in text_of(await browser.get("/cost?period=30d"))


async def test_a_refused_key_is_said_at_its_field_and_not_repeated(browser: httpx.AsyncClient, firm: Firm) -> None:
    page = text_of(await browser.post("/reconciliation/anthropic/connect", data={"key": "sk-ant-wrong"}), 422)
    assert "does not accept this key" in page.partition('id="key-anthropic-e"')[2][:400]
    assert "sk-ant-wrong" not in page
    assert await service.connections(firm.database, firm.tenant_id) == []


async def test_an_account_of_others_is_a_warning(browser: httpx.AsyncClient, firm: Firm) -> None:
    await firm.see(14, share=3.0)
    await browser.post("/reconciliation/openai/connect", data={"key": KEY})
    page = text_of(await browser.get("/reconciliation"))
    assert "Devices saw more than this account was billed" in page
    assert "No estimate is corrected" in page


async def test_disconnecting_on_the_page(browser: httpx.AsyncClient, firm: Firm) -> None:
    await browser.post("/reconciliation/openai/connect", data={"key": KEY})
    for _ in range(2):
        assert (await browser.post("/reconciliation/openai/disconnect")).status_code == 303
    assert await firm.stored() == []


async def test_places_that_are_not_there(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/reconciliation/mistral/connect", data={"key": KEY})).status_code == 404
    assert (await browser.post("/reconciliation/openai/connect", json={"key": KEY})).status_code == 400


async def test_no_patience_on_a_page(browser: httpx.AsyncClient, firm: Firm) -> None:
    firm.provider.instead = [lambda _asked: (429, {"retry-after": "40"}, b"{}")]
    assert "wait 40 s" in text_of(await browser.post("/reconciliation/openai/connect", data={"key": KEY}), 422)


async def test_without_a_readable_secret_key_nothing_is_connected(
    browser: httpx.AsyncClient, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", "no key")
    page = text_of(await browser.post("/reconciliation/openai/connect", data={"key": KEY}), 422)
    assert "TOKTRA_SECRET_KEY is no secret key" in page
    assert firm.provider.asked == []
