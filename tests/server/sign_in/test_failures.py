"""Sign-ins that failed stand in the trail, few enough to read, without what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest
from tests.server.sign_in.test_by_password import PASSWORD, enter

from toktra.server.audit.chain import Entry
from toktra.server.people import failures
from toktra.server.people.failures import note_failure
from toktra.server.people.sessions import Method

if TYPE_CHECKING:
    from tests.server.sign_in.conftest import App, House

WithPassword = Callable[..., Awaitable["App"]]


async def failed(house: House) -> list[Entry]:
    return [entry for entry in await house.trail() if entry.tag == "sign-in:failed"]


def told(entries: list[Entry]) -> list[tuple[UUID | None, object, object]]:
    return [(entry.subject_id, (entry.after or {})["method"], (entry.after or {})["tries"]) for entry in entries]


async def test_each_way_of_failing_is_told_without_what_was_typed(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    used = await house.link(house.ada)
    async with house.browser() as stranger:
        await enter(stranger, app.code(), password="wrong words of a guesser")
        await enter(stranger, app.code(), email="who.is.that@example.net")
        await stranger.post("/sign-in/north/recovery-code", data={"code": "aaaa-bbbb-cccc-dddd"})
        await stranger.post(used)
        stranger.cookies.clear()
        await stranger.post(used)
        await stranger.post(f"/sign-in/north.{'x' * 43}")
        await stranger.post(
            "/sign-in/north/passkey",
            json={"credential": {"id": "AAAA", "response": {"clientDataJSON": "eyJjaGFsbGVuZ2UiOiJBQUFBIn0"}}},
        )
    found = await failed(house)
    assert set(told(found)) == {
        (house.ada, "password", 1),
        (None, "password", 1),
        (None, "recovery_code", 1),
        (house.ada, "link", 1),
        (None, "link", 1),
        (None, "passkey", 1),
    }
    assert len(found) == 6
    everything = repr(found)
    for typed in ("example.net", "wrong words", PASSWORD, "aaaa-bbbb", app.code()):
        assert typed not in everything
    for table in ("sign_in_failure", "audit_entry"):
        rows = await house.value(f"select string_agg(t::text, ' ') from {table} t")
        assert "who.is.that" not in rows


async def test_who_fails_to_confirm_is_told_too(
    house: House, ada: httpx.AsyncClient, with_password: WithPassword
) -> None:
    app = await with_password(ada)
    answer = await ada.post("/confirm/password", data={"password": "wrong words of a guesser", "code": app.code()})
    assert answer.status_code == 422
    assert told(await failed(house)) == [(house.ada, "password", 1)]


async def test_a_guesser_cannot_fill_the_trail(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id = house.tenant.tenant_id
    for _ in range(101):
        await note_failure(house.database, tenant_id, Method.PASSWORD, house.ada)
    assert told(await failed(house)) == [(house.ada, "password", tries) for tries in (1, 10, 100)]

    monkeypatch.setattr(failures, "MOST_PEOPLE", 1)  # Ada is the one who may be named
    for _ in range(12):
        await note_failure(house.database, tenant_id, Method.PASSWORD, house.owner)
    assert told(await failed(house))[3:] == [(None, "password", 1), (None, "password", 10)]

    await house.change("update sign_in_failure set day = day - 1")
    await note_failure(house.database, tenant_id, Method.PASSWORD, house.owner)
    assert told(await failed(house))[5:] == [(house.owner, "password", 1)]
    assert await house.value("select count(*) from sign_in_failure") == 1
