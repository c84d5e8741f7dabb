"""Rights requests by the API: recorded for somebody, followed by their days, and never with what is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
from tests.server.api.conftest import get

from toktra.compliance.deadlines import Regulation, deadline
from toktra.server.api.scopes import Scope
from toktra.server.people.service import add_person
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.api.conftest import MakeKey

TODAY = datetime.now(UTC).date()
OWN_WORDS = "My work is confidential, and so is this sentence."


async def ada_of(office: Any) -> Any:
    return await add_person(
        office.database, office.tenant.tenant_id, display_name="Ada Example", role=Role.EMPLOYEE, email="ada@a.example"
    )


async def test_a_request_is_recorded_once_and_followed_by_its_days(
    office: Any, api: httpx.AsyncClient, key_of: MakeKey, rows: Any
) -> None:
    ada = await ada_of(office)
    key = await key_of(Role.PRIVACY_OFFICER, {Scope.REQUESTS_READ, Scope.REQUESTS_WRITE, Scope.AUDIT_READ})
    received = TODAY - timedelta(days=20)
    new = {
        "person": "ADA@a.example",
        "kind": "objection",
        "regulation": "ccpa",
        "received_on": str(received),
        "details": OWN_WORDS,
    }
    once = {**key, "idempotency-key": "ticket-4711"}
    made = [await api.post("/v1/rights-requests", json=new, headers=once) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201], made[0].text
    assert made[0].json() == made[1].json()
    said, days = made[0].json(), deadline(Regulation.CCPA, received)
    assert (said["title"], said["person_id"], said["channel"], said["stage"]) == ("R-001", str(ada), "api", "decision")
    assert (said["confirm_by"], said["due_on"], said["target_on"]) == tuple(
        map(str, (days.confirm_by, days.due, days.target))
    )
    whole = await get(api, made[0].headers["location"].removeprefix("/v1"), key)
    assert [one["step"] for one in whole["history"]] == ["recording-stopped", "confirmed", "received"]
    assert await rows("select cause from recording_stop where person_id = %s", ada) == [("objection",)]
    again = await api.post("/v1/rights-requests", json=new, headers=key)
    assert (again.status_code, again.json()["field"]) == (422, "kind")
    assert "R-001" in again.json()["detail"]
    [entry] = (await get(api, "/audit", key, tag="rights-request:made"))["items"]
    assert (entry["actor"], entry["subject_id"]) == ("program", str(ada))
    listed = await get(api, "/rights-requests", key)
    for text in (made[0].text, str(whole), str(listed)):
        assert OWN_WORDS not in text
        assert "Ada" not in text


async def test_lists_go_on_and_tell_what_is_overdue(
    office: Any, api: httpx.AsyncClient, key: dict[str, str], rows: Any
) -> None:
    ada = str(await ada_of(office))
    for kind in ("access", "erasure", "restriction"):
        answer = await api.post("/v1/rights-requests", json={"person": ada, "kind": kind}, headers=key)
        assert answer.json()["due_on"] == str(deadline(Regulation.GDPR, TODAY).due)
    await rows(
        "update rights_request set received_on = received_on - 40, due_on = current_date - 1 where number = 2 "
        "returning 1"
    )
    await rows("update rights_request set stage = 'done', closed_at = now() where number = 3 returning 1")
    first = await get(api, "/rights-requests", key, limit=1, state="all")
    rest = await get(api, "/rights-requests", key, limit=5, state="all", cursor=first["next_cursor"])
    assert [one["title"] for one in first["items"] + rest["items"]] == ["R-003", "R-002", "R-001"]
    assert rest["next_cursor"] is None
    still_open = (await get(api, "/rights-requests", key))["items"]
    assert [(one["title"], one["is_overdue"]) for one in still_open] == [("R-002", True), ("R-001", False)]
    assert [one["title"] for one in (await get(api, "/rights-requests", key, state="closed"))["items"]] == ["R-003"]


async def test_what_cannot_be_recorded_is_named_and_changes_nothing(
    office: Any, api: httpx.AsyncClient, key: dict[str, str], rows: Any
) -> None:
    await ada_of(office)
    new = {"person": "ada@a.example", "kind": "access"}
    for change, field in (
        ({"person": str(uuid4())}, "person"),
        ({"person": "Ada Example"}, "person"),
        ({"person": "nobody@a.example"}, "person"),
        ({"kind": "everything"}, "kind"),
        ({"kind": "rectification", "details": "wrong"}, "details"),
        ({"details": "a\x00b"}, "details"),
        ({"regulation": "lgpd"}, "regulation"),
        ({"received_on": str(TODAY + timedelta(days=1))}, "received_on"),
        ({"received_on": str(TODAY - timedelta(days=400))}, "received_on"),
        ({"passphrase": "of somebody else"}, "passphrase"),
    ):
        answer = await api.post("/v1/rights-requests", json={**new, **change}, headers=key)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await rows("select 1 from rights_request") == []


async def test_requests_of_another_organisation_are_not_there(
    office: Any, api: httpx.AsyncClient, key: dict[str, str], other_tenant: Any
) -> None:
    async with office.database.tenant(other_tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "insert into rights_request (tenant_id, number, kind, regulation, person_id, channel, stage, received_on, "
            "due_on) values (%s, 1, 'access', 'gdpr', gen_random_uuid(), 'api', 'identity', current_date, "
            "current_date) returning request_id",
            [other_tenant.tenant_id],
        )
        row = await cursor.fetchone()
        stranger = await add_person(
            office.database, other_tenant.tenant_id, display_name="Max", role=Role.EMPLOYEE, email="max@b.example"
        )
    assert row is not None
    await get(api, f"/rights-requests/{row[0]}", key, status=404)
    assert (await get(api, "/rights-requests", key, state="all"))["items"] == []
    for person in (str(stranger), "max@b.example"):
        answer = await api.post("/v1/rights-requests", json={"person": person, "kind": "access"}, headers=key)
        assert (answer.status_code, answer.json()["field"]) == (422, "person")
