"""The pages of costs over the whole application: figures open, forms take or refuse, nothing is overwritten."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from toktra.server.costs import service
from toktra.server.costs.assumptions import Contract, Kind, ModelMix
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant
    from tests.server.costs.conftest import House, SignIn

OPENAI, CHAT, UNLISTED = "api.openai.com", "chatgpt.com", "api.stepfun.com"


def text_of(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text[:600]
    return unescape(answer.text).replace("\xa0", " ")


def contract(house: House, **changes: str) -> dict[str, str]:
    return {"input": "10", "output": "100", "currency": "USD", "valid_from": house.today.isoformat(), **changes}


async def entries(house: House) -> int:
    async with house.database.tenant(house.tenant.tenant_id) as connection:
        cursor = await connection.execute("select count(*) from cost_assumption")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def test_without_use_the_page_says_so(browser: httpx.AsyncClient) -> None:
    assert "nothing to price" in text_of(await browser.get("/cost"))
    assert "No provider was used" in text_of(await browser.get("/prices"))


async def test_every_figure_opens_to_its_steps(browser: httpx.AsyncClient, house: House) -> None:
    await house.use(OPENAI)
    await house.use(UNLISTED)
    page = text_of(await browser.get("/cost"))
    for step in (
        "13.0 MB",
        "Estimated tokens",
        "gpt-6.1-sol",
        "List price of OpenAI (genai-prices",
        "hidden reasoning",
    ):
        assert step in page
    assert "No price per token is known" in page
    assert '<span class="badge badge--unpriced">unpriced</span>' in page
    assert page.count("popovertarget=") - page.count('popovertarget="side"') == page.count('class="pop"') == 3
    alone = text_of(await browser.get("/cost/openai?period=7d"))
    assert "how its cost came about" in alone
    assert "gpt-6.1-sol" in alone


async def test_unknown_places_are_not_found(browser: httpx.AsyncClient) -> None:
    for address in ("/cost?period=era", "/cost/nobody", "/prices/nobody", "/prices?provider=nobody"):
        assert (await browser.get(address)).status_code == 404
    assert (await browser.post("/prices/openai/gifts", data={"a": "b"})).status_code == 404
    assert (await browser.post("/prices/nobody/contract", data={"a": "b"})).status_code == 404


async def test_another_provider_can_be_chosen(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/prices?provider=anthropic")
    assert (answer.status_code, answer.headers["location"]) == (303, "/prices/anthropic")


async def test_a_contract_changes_cost_from_its_day_and_leaves_a_history(
    browser: httpx.AsyncClient, house: House
) -> None:
    await house.use(OPENAI)
    await house.use(OPENAI, days_ago=3)
    before = await service.cost(house.database, house.tenant.tenant_id, house.today - timedelta(days=6), house.today)
    answer = await browser.post("/prices/openai/contract", data=contract(house))
    assert (answer.status_code, answer.headers["location"]) == (303, "/prices/openai")
    page = text_of(await browser.get("/prices/openai"))
    assert "Your contract" in page
    assert "$ 10.00 in, $ 100.00 out" in page
    assert "Robin Example, on" in page
    past = house.today - timedelta(days=3)
    earlier = await service.cost(house.database, house.tenant.tenant_id, past, past)
    now = await service.cost(house.database, house.tenant.tenant_id, house.today, house.today)
    assert earlier.projection.cost is not None
    assert now.projection.cost is not None
    assert before.projection.cost is not None
    assert now.projection.cost.low < 30 < now.projection.cost.high
    assert earlier.projection.cost.high < before.projection.cost.high
    assert "openai" in await service.providers_used(house.database, house.tenant.tenant_id, house.today, house.today)


async def test_a_past_day_can_be_chosen_and_an_assumption_ended(browser: httpx.AsyncClient, house: House) -> None:
    week_ago = (house.today - timedelta(days=7)).isoformat()
    await browser.post("/prices/openai/contract", data=contract(house, valid_from=week_ago))
    answer = await browser.post("/prices/openai/contract", data={"valid_from": house.today.isoformat(), "do": "end"})
    assert answer.status_code == 303
    found = await service.assumptions(house.database, house.tenant.tenant_id)
    assert found.contract("openai", house.today) is None
    assert found.contract("openai", house.today - timedelta(days=1)) == Contract(10.0, 100.0, "USD")
    assert len(found.history(Kind.CONTRACT, "openai")) == 2


async def test_a_model_mix_is_taken_and_shown(browser: httpx.AsyncClient, house: House) -> None:
    mix = {"model_1": "gpt-5", "share_1": "70", "model_2": "gpt-5-nano", "share_2": "30"}
    await browser.post("/prices/openai/model-mix", data={**mix, "valid_from": house.today.isoformat()})
    found = await service.assumptions(house.database, house.tenant.tenant_id)
    assert found.model_mix("openai", house.today) == ModelMix({"gpt-5": 0.7, "gpt-5-nano": 0.3})
    page = text_of(await browser.get("/prices"))
    assert "70 % gpt-5: " in page
    assert "Your model mix, list prices" in page


async def test_seats_stand_apart(browser: httpx.AsyncClient, house: House) -> None:
    await house.use(CHAT)
    first_of_month = house.today.replace(day=1).isoformat()
    seats = {"price": "30", "seats": "40", "currency": "USD", "valid_from": first_of_month}
    provider = service.catalogue().find(CHAT)
    assert provider is not None
    assert (await browser.post(f"/prices/{provider.id}/seats", data=seats)).status_code == 303
    page = text_of(await browser.get("/cost?period=month"))
    assert "Subscriptions by the seat" in page
    assert "paid by the seat" in page
    assert "100 exchanges" in page


@pytest.mark.parametrize(
    ("kind", "changes", "field", "says"),
    [
        ("contract", {"input": "-1"}, "k-in", "Give a number"),
        ("contract", {"currency": "EUR"}, "k-code", "no exchange rate for EUR"),
        ("contract", {"valid_from": "tomorrow"}, "k-from", "year-month-day"),
        ("model-mix", {"model_1": "gpt-5", "share_1": "20"}, "m-share-1", "add up to 20 %"),
        ("seats", {"price": "1", "seats": "x"}, "s-seats", "Give a number"),
        ("seats", {"do": "end"}, "s-from", "nothing to end"),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field_and_changes_nothing(
    browser: httpx.AsyncClient, house: House, kind: str, changes: dict[str, str], field: str, says: str
) -> None:
    page = text_of(await browser.post(f"/prices/openai/{kind}", data=contract(house, **changes)), 422)
    assert f'id="{field}-e"' in page
    assert says in page.partition(f'id="{field}-e"')[2][:400]
    assert "Nothing was changed" in page
    assert await entries(house) == 0


async def test_what_was_typed_stands_again_and_is_escaped(browser: httpx.AsyncClient, house: House) -> None:
    answer = await browser.post("/prices/openai/contract", data=contract(house, input='"><script>', output="7.5"))
    assert answer.status_code == 422
    assert "<script>" not in answer.text.replace('<script src="', "")
    assert 'value="7.5"' in answer.text


async def test_currency_needs_a_rate_first_and_then_holds_everywhere(browser: httpx.AsyncClient, house: House) -> None:
    await house.use(OPENAI)
    today = house.today.isoformat()
    refused = text_of(await browser.post("/prices/currency", data={"currency": "EUR", "valid_from": today}), 422)
    assert "Give the rate first" in refused
    rate = {"currency": "eur", "per_usd": "0,9", "valid_from": today}
    assert (await browser.post("/prices/exchange-rate", data=rate)).status_code == 303
    assert (await browser.post("/prices/currency", data={"currency": "EUR", "valid_from": today})).status_code == 303
    prices = text_of(await browser.get("/prices"))
    assert "Currency of figures: EUR" in prices
    assert "EUR: 0.9 for one US dollar" in prices
    page = text_of(await browser.get("/cost"))
    assert "€ " in page
    assert "EUR for one US dollar" in page


async def test_a_day_without_a_rate_is_said_and_figures_stay_in_dollars(
    browser: httpx.AsyncClient, house: House
) -> None:
    await house.use(OPENAI, days_ago=3)
    today = house.today.isoformat()
    await browser.post("/prices/exchange-rate", data={"currency": "EUR", "per_usd": "0.9", "valid_from": today})
    await browser.post("/prices/currency", data={"currency": "EUR", "valid_from": today})
    page = text_of(await browser.get("/cost"))
    assert "There is no exchange rate for EUR on" in page
    assert "Until then figures are in US dollars" in page
    assert "$ " in page


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"input=" + b"1" * 70_000, "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"input=1&input=2", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"input=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"json": {"input": 1}},
        {"files": {"input": b"1"}},
    ],
)
async def test_what_is_no_form_is_refused_whole(browser: httpx.AsyncClient, house: House, sent: dict[str, Any]) -> None:
    for address in ("/prices/openai/contract", "/prices/currency"):
        assert "Nothing was changed" in text_of(await browser.post(address, **sent), 400)
    assert await entries(house) == 0


async def test_a_form_of_another_site_is_refused(browser: httpx.AsyncClient, house: House) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    answer = await browser.post("/prices/openai/contract", data=contract(house), headers=headers)
    assert answer.status_code == 403
    assert await entries(house) == 0


@pytest.mark.parametrize(
    ("role", "reads", "changes"),
    [
        (Role.FINANCE, True, True),
        (Role.ADMINISTRATOR, True, True),
        (Role.PRIVACY_OFFICER, True, False),
        (Role.AUDITOR, True, False),
        (Role.EMPLOYEE, False, False),
    ],
)
async def test_roles(sign_in: SignIn, house: House, role: Role, reads: bool, changes: bool) -> None:
    browser = await sign_in(role)
    assert (await browser.get("/cost")).status_code == (200 if reads else 403)
    page = await browser.get("/prices/openai")
    assert page.status_code == (200 if reads else 403)
    assert ("Assume from that day" in page.text) is changes
    answer = await browser.post("/prices/openai/contract", data=contract(house))
    assert answer.status_code == (303 if changes else 403)
    assert await entries(house) == (1 if changes else 0)


async def test_another_organisation_assumes_nothing_of_this(
    browser: httpx.AsyncClient, house: House, other_tenant: Tenant
) -> None:
    await browser.post("/prices/openai/contract", data=contract(house))
    found = await service.assumptions(house.database, other_tenant.tenant_id)
    assert found.contract("openai", house.today) is None


async def test_the_name_of_someone_who_is_gone_is_gone(browser: httpx.AsyncClient, house: House) -> None:
    await browser.post("/prices/openai/contract", data=contract(house))
    async with house.database.tenant(house.tenant.tenant_id) as connection:
        await connection.execute("update cost_assumption set set_by = null")
    assert "someone no longer here" in text_of(await browser.get("/prices/openai"))
