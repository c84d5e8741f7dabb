"""Budgets by the API: the page's rules, and writes that can be sent again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from tests.server.api.conftest import get

from toktra.server.people.service import add_person
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.api.conftest import MakeKey

NEW: dict[str, Any] = {
    "subject": {"kind": "organisation"},
    "unit": "tokens",
    "period": "month",
    "amount": "1000000",
    "thresholds": [50, 100],
}


async def test_a_budget_from_its_making_to_its_end(
    owner_api: httpx.AsyncClient, office: Any, key: dict[str, str]
) -> None:
    desk = await office.desk(enrolled_days_ago=3)
    await desk.use(times=2)
    made = await owner_api.post("/v1/budgets", json=NEW, headers=key)
    assert made.status_code == 201, made.text
    budget = made.json()
    path = made.headers["location"]
    assert path == f"/v1/budgets/{budget['budget_id']}"
    assert budget["standing"]["spent"]["low"] > 0
    assert "1 000 000 tokens a month" in (await owner_api.get("/budgets")).text.replace("\xa0", " ")
    changed = await owner_api.post(f"{path}/versions", json={"amount": 2_000_000}, headers=key)
    assert [one["amount"] for one in changed.json()["versions"]] == ["1000000.00", "2000000.00"]
    ended = await owner_api.post(f"{path}/end", headers=key)
    assert ended.json()["ended_on"] == str(datetime.now(UTC).date())
    assert (await owner_api.post(f"{path}/end", headers=key)).status_code == 200
    assert (await owner_api.post(f"{path}/versions", json={"amount": 1}, headers=key)).status_code == 409
    trail = await get(owner_api, "/audit", key, tag="budget:changed")
    assert [one["after"]["done"] for one in trail["items"]] == ["ended", "changed", "made"]
    assert {one["actor"] for one in trail["items"]} == {"program"}


async def test_what_cannot_be_a_budget_is_named(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    for changes, field in (
        ({"subject": {"kind": "department", "department": "Nobody"}}, "subject"),
        ({"subject": {"kind": "provider", "provider": "nobody"}}, "subject"),
        ({"subject": {"kind": "person", "person": "nobody@example.org"}}, "subject.person"),
        ({"unit": "money", "currency": "XXX"}, "currency"),
        ({"period": "rolling"}, "rolling_days"),
        ({"owner": "nobody@example.org"}, "owner"),
        ({"valid_from": yesterday}, "valid_from"),
        ({"amount": "-1"}, "amount"),
        ({"thresholds": [0]}, "thresholds.0"),
        ({"blocks": True}, "blocks"),
    ):
        answer = await api.post("/v1/budgets", json={**NEW, **changes}, headers=key)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert (await get(api, "/budgets", key))["items"] == []


async def test_the_same_write_is_done_once_and_answered_alike(
    api: httpx.AsyncClient, key: dict[str, str], key_of: MakeKey, rows: Any
) -> None:
    ours = {**key, "idempotency-key": "monthly-1"}
    answers = await asyncio.gather(*(api.post("/v1/budgets", json=NEW, headers=ours) for _ in range(4)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == len({one.headers["location"] for one in answers}) == 1
    assert len(await rows("select 1 from budget")) == 1
    other = await api.post("/v1/budgets", json={**NEW, "amount": "5"}, headers=ours)
    assert (other.status_code, other.json()["type"]) == (422, "urn:toktra:problem:idempotency-key-reused")
    await api.post("/v1/budgets", json=NEW, headers={**(await key_of()), "idempotency-key": "monthly-1"})
    assert len(await rows("select 1 from budget")) == 2  # another program's word is another word
    await rows("update api_answer set answered_at = now() - interval '1 day' returning 1")
    assert (await api.post("/v1/budgets", json=NEW, headers=ours)).json() != answers[0].json()


async def test_what_was_refused_can_be_sent_right_under_the_same_word(
    api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    ours = {**key, "idempotency-key": "monthly-2"}
    refused = await api.post("/v1/budgets", json={**NEW, "owner": "nobody@example.org"}, headers=ours)
    assert refused.status_code == 422
    assert (await api.post("/v1/budgets", json=NEW, headers=ours)).status_code == 201


async def test_a_persons_budget_shows_no_figures_and_finance_knows_of_none(
    api: httpx.AsyncClient, office: Any, key: dict[str, str], key_of: MakeKey
) -> None:
    tenant_id = office.tenant.tenant_id
    await add_person(office.database, tenant_id, display_name="Ada", role=Role.EMPLOYEE, email="ada@north.example")
    of_ada = {**NEW, "subject": {"kind": "person", "person": "Ada@north.example"}}
    made = await api.post("/v1/budgets", json=of_ada, headers=key)
    assert made.status_code == 201, made.text
    assert made.json()["standing"] is None
    assert "opened with a reason" in made.json()["note"]
    finance = await key_of(Role.FINANCE)
    assert (await get(api, "/budgets", finance))["items"] == []
    assert (await api.get(made.headers["location"], headers=finance)).status_code == 404
    assert (await api.post(f"{made.headers['location']}/end", headers=finance)).status_code == 404
    assert (await api.post("/v1/budgets", json=of_ada, headers=finance)).status_code == 422
