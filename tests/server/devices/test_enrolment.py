"""Enrolling a device over HTTP: what a code is good for, and what it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.database.pool import Database
from toktra.server.devices.service import InvalidTerms, create_enrolment_code
from toktra.server.tenants.service import Tenant as KnownTenant
from toktra.server.tenants.service import find_tenant

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice, Tenant, Urls

Enrolment = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def known(database: Database, tenant: Tenant) -> KnownTenant:
    found = await find_tenant(database, tenant.slug)
    assert found is not None
    return found


def execute(urls: Urls, statement: LiteralString, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.superuser) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix("urn:toktra:problem:")


async def test_a_code_enrols_as_many_devices_as_it_says(
    urls: Urls, database: Database, known: KnownTenant, enrolment: Enrolment
) -> None:
    code = str(await create_enrolment_code(database, known, uses=2))
    for _ in range(2):
        answer = await enrolment(code, Ed25519PrivateKey.generate())
        assert answer.status_code == 200
        assert answer.json()["tenant"] == known.name
        assert answer.json()["key_id"] == f"{known.tenant_id}:{answer.json()['device']}"
    last = await enrolment(code, Ed25519PrivateKey.generate())
    assert problem(last, 403) == "enrolment-code-used"
    assert "used up" in last.json()["detail"]
    assert execute(urls, "select count(*) from device") == [(2,)]


async def test_the_code_itself_is_nowhere_in_the_database(urls: Urls, code: str) -> None:
    row = execute(urls, "select enrolment_code::text from enrolment_code")
    assert len(row) == 1
    assert code.rsplit("-", 3)[1] not in row[0][0]


async def test_the_same_device_may_ask_again_when_the_answer_was_lost(
    urls: Urls, database: Database, known: KnownTenant, enrolment: Enrolment
) -> None:
    code = str(await create_enrolment_code(database, known))
    key = Ed25519PrivateKey.generate()
    first, second = await enrolment(code, key), await enrolment(code, key)
    assert first.json() == second.json()
    assert execute(urls, "select count(*) from device") == [(1,)]


async def test_a_code_of_a_person_links_the_account_that_enrols(
    urls: Urls, database: Database, known: KnownTenant, enrol: Callable[..., Awaitable[SignedDevice]]
) -> None:
    ((person,),) = execute(
        urls,
        "insert into person (tenant_id, display_name) values (%s, 'Ada L.') returning person_id",
        [known.tenant_id],
    )
    code = str(await create_enrolment_code(database, known, person_id=person))
    device = await enrol(code=code, account="ada")
    events = [device.event(1, user="ada"), device.event(2, user="guest")]
    answer = await device.send(msgspec.structs.replace(device.batch(1, 0), events=events))
    assert answer.status_code == 200, answer.text
    assert execute(
        urls, "select display_name from usage_event join person using (tenant_id, person_id) order by sequence"
    ) == [("Ada L.",), ("guest on desk-1",)]


@pytest.mark.parametrize(
    "wrong",
    [
        "north-0000-0000-0000",
        "nowhere-0000-0000-0000",
        "not a code at all",
        "../../etc/passwd",
        "north-0000-0000-0000' --",
    ],
)
async def test_a_wrong_code_is_refused_in_a_sentence(
    urls: Urls, tenant: Tenant, enrolment: Enrolment, wrong: str
) -> None:
    answer = await enrolment(wrong, Ed25519PrivateKey.generate())
    assert problem(answer, 403) == "enrolment-code-unknown"
    assert answer.json()["detail"].startswith("This enrolment code is not known here.")
    assert execute(urls, "select count(*) from device") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update enrolment_code set expires_at = now()", "enrolment-code-expired"),
        ("update tenant set status = 'suspended'", "enrolment-code-suspended"),
    ],
)
async def test_a_code_past_its_time_is_refused(
    urls: Urls, code: str, enrolment: Enrolment, statement: LiteralString, kind: str
) -> None:
    execute(urls, statement)
    assert problem(await enrolment(code, Ed25519PrivateKey.generate()), 403) == kind
    assert execute(urls, "select count(*) from device") == [(0,)]


async def test_a_revoked_device_does_not_come_back_with_the_same_key(
    urls: Urls, code: str, enrolment: Enrolment
) -> None:
    key = Ed25519PrivateKey.generate()
    await enrolment(code, key)
    execute(urls, "update device set status = 'revoked'")
    assert problem(await enrolment(code, key), 403) == "enrolment-code-revoked"


async def test_only_who_holds_the_key_can_enrol_it(urls: Urls, code: str, enrolment: Enrolment) -> None:
    answer = await enrolment(code, Ed25519PrivateKey.generate(), signed_with=Ed25519PrivateKey.generate())
    assert problem(answer, 401) == "invalid-signature"
    assert execute(urls, "select count(*) from device") == [(0,)]


@pytest.mark.parametrize(
    "changes", [{"platform": "amiga"}, {"hostname": ""}, {"account": "a\nb"}, {"public_key": "short"}, {"extra": "x"}]
)
async def test_a_message_that_breaks_the_schema_is_refused_by_field(
    code: str, enrolment: Enrolment, changes: dict[str, str]
) -> None:
    answer = await enrolment(code, Ed25519PrivateKey.generate(), **changes)
    assert problem(answer, 400) == "invalid-message"
    assert answer.json()["field"] == next(iter(changes))


async def test_after_many_wrong_codes_only_wrong_ones_wait(code: str, tenant: Tenant, enrolment: Enrolment) -> None:
    wrong = f"{tenant.slug}-0000-0000-0000"
    for _ in range(20):
        assert problem(await enrolment(wrong, Ed25519PrivateKey.generate()), 403) == "enrolment-code-unknown"
    answer = await enrolment(wrong, Ed25519PrivateKey.generate())
    assert problem(answer, 429) == "too-many-attempts"
    assert 0 < int(answer.headers["retry-after"]) <= 60
    neighbour = await enrolment(code, Ed25519PrivateKey.generate())
    assert neighbour.status_code == 200, "someone honest behind the same address"


@pytest.mark.parametrize(
    "terms", [{"uses": 0}, {"uses": 100_001}, {"valid_for": timedelta(0)}, {"valid_for": timedelta(days=400)}]
)
async def test_terms_that_make_no_sense_are_refused(
    database: Database, known: KnownTenant, terms: dict[str, Any]
) -> None:
    with pytest.raises(InvalidTerms):
        await create_enrolment_code(database, known, **terms)


async def test_two_devices_with_one_last_use_get_it_once(
    urls: Urls, database: Database, known: KnownTenant, enrolment: Enrolment
) -> None:
    code = str(await create_enrolment_code(database, known))
    answers = await asyncio.gather(*(enrolment(code, Ed25519PrivateKey.generate()) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403, 403]
    ((uses_left, devices),) = execute(
        urls, "select (select uses_left from enrolment_code), (select count(*) from device)"
    )
    assert (uses_left, devices) == (0, 1)
