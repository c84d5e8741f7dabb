"""Who gets in, what they may do, how often, and what is kept about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest

from toktra.server.api.app import api_app, document
from toktra.server.api.clients import Kind, create
from toktra.server.api.quota import Quota
from toktra.server.api.scopes import STANDS_FOR, Scope, scopes_of
from toktra.server.people.signed_in import SignedIn
from toktra.server.web.access import Role, may

if TYPE_CHECKING:
    from tests.server.api.conftest import MakeKey

USAGE = "/v1/usage?from=2026-11-01&to=2026-11-02"

EXPECTED: dict[tuple[str, str], set[Scope]] = {
    ("get", "/usage"): {Scope.USAGE_READ},
    ("get", "/costs"): {Scope.COSTS_READ},
    ("get", "/providers"): {Scope.PROVIDERS_READ},
    ("get", "/providers/{provider_id}"): {Scope.PROVIDERS_READ},
    ("get", "/budgets"): {Scope.BUDGETS_READ},
    ("post", "/budgets"): {Scope.BUDGETS_WRITE},
    ("get", "/budgets/{budget_id}"): {Scope.BUDGETS_READ},
    ("post", "/budgets/{budget_id}/versions"): {Scope.BUDGETS_WRITE},
    ("post", "/budgets/{budget_id}/end"): {Scope.BUDGETS_WRITE},
    ("get", "/people"): {Scope.PEOPLE_READ},
    ("get", "/people/{person_id}"): {Scope.PEOPLE_READ},
    ("post", "/people/{person_id}/usage"): {Scope.PEOPLE_USAGE},
    ("get", "/devices"): {Scope.DEVICES_READ},
    ("get", "/devices/{device_id}"): {Scope.DEVICES_READ},
    ("get", "/exports"): {Scope.EXPORTS_READ},
    ("get", "/exports/{dataset}"): {Scope.EXPORTS_READ},
    ("get", "/scheduled-exports"): {Scope.EXPORTS_READ},
    ("post", "/scheduled-exports"): {Scope.EXPORTS_WRITE},
    ("get", "/scheduled-exports/{schedule_id}"): {Scope.EXPORTS_READ},
    ("post", "/scheduled-exports/{schedule_id}/change"): {Scope.EXPORTS_WRITE},
    ("post", "/scheduled-exports/{schedule_id}/pause"): {Scope.EXPORTS_WRITE},
    ("post", "/scheduled-exports/{schedule_id}/resume"): {Scope.EXPORTS_WRITE},
    ("post", "/scheduled-exports/{schedule_id}/end"): {Scope.EXPORTS_WRITE},
    ("get", "/scheduled-exports/{schedule_id}/runs"): {Scope.EXPORTS_READ},
    ("post", "/scheduled-exports/{schedule_id}/runs/{first_day}/again"): {Scope.EXPORTS_WRITE},
    ("get", "/audit"): {Scope.AUDIT_READ},
    ("get", "/rights-requests"): {Scope.REQUESTS_READ},
    ("post", "/rights-requests"): {Scope.REQUESTS_WRITE},
    ("get", "/rights-requests/{request_id}"): {Scope.REQUESTS_READ},
    ("post", "/oauth/token"): set(),
}
"""Written by hand and a second time on purpose: what is open to which scope must be meant twice."""

LEADERS = {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR}
NAME_READERS = LEADERS - {Role.FINANCE}
ROLES: dict[Scope, set[Role]] = {
    Scope.USAGE_READ: LEADERS,
    Scope.COSTS_READ: LEADERS,
    Scope.BUDGETS_READ: LEADERS,
    Scope.BUDGETS_WRITE: {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    Scope.PROVIDERS_READ: LEADERS,
    Scope.PEOPLE_READ: NAME_READERS,
    Scope.PEOPLE_USAGE: NAME_READERS,
    Scope.DEVICES_READ: NAME_READERS,
    Scope.EXPORTS_READ: LEADERS,
    Scope.EXPORTS_WRITE: {Role.OWNER, Role.ADMINISTRATOR},
    Scope.AUDIT_READ: {Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR},
    Scope.REQUESTS_READ: {Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR},
    Scope.REQUESTS_WRITE: {Role.OWNER, Role.PRIVACY_OFFICER},
}


def operations() -> dict[tuple[str, str], set[Scope]]:
    """Every operation of the document, with the scopes it says it needs."""
    found = {}
    for path, methods in document(api_app(None))["paths"].items():
        for method, operation in methods.items():
            needed = operation.get("security", [])
            assert all(len(one) == 1 for one in needed)
            scopes = {tuple(next(iter(one.values()))) for one in needed}
            assert len(scopes) <= 1
            found[method, path] = {Scope(name) for one in scopes for name in one}
    return found


def address(path: str) -> str:
    """An address that exists, as far as what stands in the path decides."""
    nobody = "00000000-0000-4000-8000-000000000000"
    for name in ("person_id", "device_id", "budget_id", "request_id", "schedule_id"):
        path = path.replace(f"{{{name}}}", nobody)
    for name, known in (("provider_id", "openai"), ("dataset", "daily"), ("first_day", "2026-11-01")):
        path = path.replace(f"{{{name}}}", known)
    return f"/v1{path}"


def from_elsewhere(api: httpx.AsyncClient, place: int) -> httpx.AsyncClient:
    """The same application from an address of its own: failed tries are counted by address, which has its own test."""
    transport = api._transport
    assert isinstance(transport, httpx.ASGITransport)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(transport.app, client=(f"192.0.2.{place}", 1)), base_url=api.base_url
    )


def test_every_operation_needs_the_scope_that_was_meant() -> None:
    assert operations() == EXPECTED


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", Role)
def test_every_scope_for_every_role(role: Role, scope: Scope) -> None:
    assert (scope in scopes_of(role)) == (role in ROLES[scope]) == may(role, STANDS_FOR[scope])


@pytest.mark.parametrize("role", [Role.OWNER, Role.FINANCE])
async def test_every_operation_for_every_scope_and_role(api: httpx.AsyncClient, key_of: MakeKey, role: Role) -> None:
    """A key with all other scopes is refused, as one is whose person's role does not allow it; others get further."""
    having = {scope: await key_of(role, {scope}) for scope in Scope}
    lacking = {scope: await key_of(role, set(Scope) - {scope}) for scope in Scope}
    for place, ((method, path), needed) in enumerate(EXPECTED.items()):
        if not needed:
            continue
        (scope,) = needed
        async with from_elsewhere(api, place) as stranger:
            assert (await stranger.request(method, address(path))).status_code == 401, path
        assert (await api.request(method, address(path), headers=lacking[scope])).status_code == 403, path
        answer = await api.request(method, address(path), headers=having[scope])
        assert (answer.status_code == 403) == any(role not in ROLES[scope] for scope in needed), (path, answer.text)
        assert answer.status_code < 500


async def test_what_does_not_work_is_refused(api: httpx.AsyncClient, key: dict[str, str], rows: Any) -> None:
    assert (await api.get(USAGE, headers=key)).status_code == 200
    for text in ("", "Bearer", "Bearer north.x", f"Basic {key['authorization'][7:]}", key["authorization"] + "x"):
        answer = await api.get(USAGE, headers={"authorization": text})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    await rows("update api_client set expires_at = now() returning 1")
    assert (await api.get(USAGE, headers=key)).status_code == 401


async def test_a_key_ends_with_its_person_and_narrows_with_their_role(
    api: httpx.AsyncClient, key: dict[str, str], rows: Any
) -> None:
    await rows("update person set role = 'employee' where display_name like 'Kim%%' returning 1")
    answer = await api.get(USAGE, headers=key)
    assert answer.status_code == 403
    assert "usage:read" in answer.json()["detail"]
    await rows("update person set role = 'owner', status = 'inactive' where display_name like 'Kim%%' returning 1")
    assert (await api.get(USAGE, headers=key)).status_code == 401


async def test_one_organisations_key_shows_nothing_of_another(
    api: httpx.AsyncClient, key: dict[str, str], office: Any, other_tenant: Any
) -> None:
    desk = await office.desk(enrolled_days_ago=3)
    await desk.use()
    swapped = {"authorization": key["authorization"].replace("Bearer north.", f"Bearer {other_tenant.slug}.")}
    assert (await api.get(USAGE, headers=swapped)).status_code == 401


async def test_the_quota_is_said_and_kept(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    answer = await api.get(USAGE, headers=key)
    assert answer.headers["ratelimit-policy"] == '"program";q=600;w=60'
    assert answer.headers["ratelimit"].startswith('"program";r=599;t=')
    [mount] = [route for route in api._transport.app.routes if getattr(route, "path", "") == "/v1"]  # type: ignore[attr-defined]
    mount.app.state.quota = Quota(2)
    assert [(await api.get(USAGE, headers=key)).status_code for _ in range(3)] == [200, 200, 429]
    refused = await api.get(USAGE, headers=key)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"program";r=0;')
    assert refused.json()["type"] == "urn:toktra:problem:too-many-requests"


def test_a_window_begins_anew_after_a_minute() -> None:
    now = 0.0
    quota = Quota(2, clock=lambda: now)
    one, other = UUID(int=1), UUID(int=2)
    assert [quota.take(one).remaining for _ in range(3)] == [1, 0, 0]
    assert quota.take(one).is_over
    assert not quota.take(other).is_over
    now = 59.5
    assert quota.take(one).reset_s == 1
    now = 60.0
    assert quota.take(one).remaining == 1


async def test_an_oauth_client_fetches_a_token_for_an_hour(
    api: httpx.AsyncClient, office: Any, rows: Any, key: dict[str, str]
) -> None:
    del key
    [(person, name)] = await rows("select person_id, display_name from person where display_name = 'Kim the owner'")
    reader = SignedIn(office.tenant, person, name, Role.OWNER)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        made = await create(connection, reader, Kind.OAUTH, "pipeline", {Scope.USAGE_READ, Scope.COSTS_READ}, days=30)
    ours = (made.client_id, str(made.secret))
    grant = {"grant_type": "client_credentials"}
    answer = await api.post("/v1/oauth/token", data=grant, auth=ours)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 3600, "usage:read costs:read")
    bearer = {"authorization": f"Bearer {said['access_token']}"}
    assert (await api.get(USAGE, headers=bearer)).status_code == 200
    fewer = await api.post(
        "/v1/oauth/token",
        data={**grant, "scope": "costs:read audit:read", "client_id": ours[0], "client_secret": ours[1]},
    )
    assert fewer.json()["scope"] == "costs:read"
    narrow = {"authorization": f"Bearer {fewer.json()['access_token']}"}
    assert (await api.get(USAGE, headers=narrow)).status_code == 403
    assert (await api.get(USAGE, headers={"authorization": f"Bearer {ours[1]}"})).status_code == 401
    for data, auth, error, status in (
        ({}, ours, "invalid_request", 400),
        ({"grant_type": "password"}, ours, "unsupported_grant_type", 400),
        ({**grant, "scope": "everything"}, ours, "invalid_scope", 400),
        (grant, (ours[0], "north." + "x" * 43), "invalid_client", 401),
        (grant, ("north.someone", ours[1]), "invalid_client", 401),
    ):
        refused = await api.post("/v1/oauth/token", data=data, auth=auth)
        assert (refused.status_code, refused.json()["error"]) == (status, error)
    await rows("update api_token set expires_at = now() returning 1")
    assert (await api.get(USAGE, headers=bearer)).status_code == 401


async def test_guessing_becomes_slow(api: httpx.AsyncClient, office: Any) -> None:
    del office
    answers = [await api.get(USAGE, headers={"authorization": f"Bearer north.{'x' * 43}"}) for _ in range(22)]
    assert [one.status_code for one in answers[-2:]] == [429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_nothing_of_a_suspended_organisation_is_told(
    api: httpx.AsyncClient, key: dict[str, str], office: Any, urls: Any
) -> None:
    with psycopg.connect(urls.owner) as connection:
        connection.execute("update tenant set status = 'suspended' where tenant_id = %s", [office.tenant.tenant_id])
    answer = await api.get(USAGE, headers=key)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:toktra:problem:suspended")


async def test_addresses_methods_and_sizes_are_refused_in_one_form(api: httpx.AsyncClient) -> None:
    for answer, status in (
        (await api.get("/v1/nothing"), 404),
        (await api.delete("/v1/usage"), 405),
        (await api.post("/v1/oauth/token", content=b"x" * (65 << 10)), 413),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert (await api.delete("/v1/usage")).headers["allow"] == "GET"
    assert (await api.delete("/v1/budgets")).headers["allow"] == "GET, POST"
