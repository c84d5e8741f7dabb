"""A device's key changes, its machine is set up anew, and device management says whose it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person
from toktra.server.web.access import Role
from toktra.wire.signatures import encode_public_key, sign

Enrolment = Callable[..., Awaitable[httpx.Response]]


async def change_key(
    device: Any, new: Ed25519PrivateKey, *, signed_with: Ed25519PrivateKey | None = None
) -> httpx.Response:
    body = msgspec.json.encode({"public_key": encode_public_key(new.public_key())})
    headers = {"content-type": "application/json"}
    sign(
        method="POST",
        url="https://server/ingest/v1/key",
        headers=headers,
        body=body,
        key_id=device.enrolled.key_id,
        private_key=signed_with or device.private_key,
    )
    answer: httpx.Response = await device.api.post("/ingest/v1/key", content=body, headers=headers)
    return answer


async def tags(database: Database, tenant: Any) -> list[str]:
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute("select tag from audit_entry where tag like 'device:%%' order by number")
        return [row[0] for row in await cursor.fetchall()]


async def test_from_the_answer_on_only_the_new_key_works(device: Any, database: Database, tenant: Any) -> None:
    assert (await device.send(device.batch(1, 1))).status_code == 200
    former, new = device.private_key, Ed25519PrivateKey.generate()
    assert (await change_key(device, new)).json() == {"key_id": device.enrolled.key_id}
    assert (await device.send(device.batch(2, 1))).status_code == 401, "the old key, which the server remembers"
    device.private_key = new
    assert (await device.send(device.batch(2, 1))).json() == {"epoch": 1, "last_seq": 2}
    assert (await change_key(device, new, signed_with=new)).status_code == 200, "the answer may have been lost"
    assert (await change_key(device, former, signed_with=former)).status_code == 401
    assert await tags(database, tenant) == ["device:enrolled", "device:key-changed"]


async def test_a_key_that_is_not_the_devices_changes_nothing(device: Any, other_device: Any) -> None:
    stranger = Ed25519PrivateKey.generate()
    assert (await change_key(device, stranger, signed_with=stranger)).status_code == 401
    assert (await change_key(device, other_device.private_key)).status_code == 403, "it is another device's"
    answer = await device.api.post("/ingest/v1/key", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 401
    assert (await device.send(device.batch(1, 1))).status_code == 200
    assert (await other_device.send(other_device.batch(1, 1))).status_code == 200


async def test_a_revoked_device_gets_no_new_key(device: Any, database: Database, tenant: Any) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        await connection.execute("update device set status = 'revoked'")
    assert (await change_key(device, Ed25519PrivateKey.generate())).status_code == 403


class TestDeviceManagement:
    async def test_says_whose_the_account_is(
        self, code: str, enrolment: Enrolment, database: Database, tenant: Any
    ) -> None:
        ada = await add_person(
            database, tenant.tenant_id, display_name="Ada", role=Role.EMPLOYEE, email="Ada@north.example"
        )
        answer = await enrolment(code, Ed25519PrivateKey.generate(), person="ada@north.example")
        assert answer.status_code == 200, answer.text
        async with database.tenant(tenant.tenant_id) as connection:
            cursor = await connection.execute("select name, person_id from account")
            assert [tuple(row) for row in await cursor.fetchall()] == [("ada", ada)]

    async def test_is_told_when_nobody_has_the_address_and_the_code_is_not_used(
        self, code: str, enrolment: Enrolment, database: Database, tenant: Any
    ) -> None:
        answer = await enrolment(code, Ed25519PrivateKey.generate(), person="bob@north.example")
        assert answer.status_code == 403
        assert "Nobody in this organisation has the e-mail address" in answer.json()["detail"]
        wrong = await enrolment(code, Ed25519PrivateKey.generate(), person="not an address")
        assert (wrong.status_code, wrong.json()["field"]) == (400, "person")
        async with database.tenant(tenant.tenant_id) as connection:
            cursor = await connection.execute("select uses, uses_left from enrolment_code")
            assert [tuple(row) for row in await cursor.fetchall()] == [(100, 100)]


async def test_a_machine_set_up_anew_goes_on_as_the_device_it_was(
    code: str, enrol: Any, database: Database, tenant: Any
) -> None:
    await add_person(database, tenant.tenant_id, display_name="Ada", role=Role.EMPLOYEE, email="ada@north.example")
    as_ada = {"code": code, "person": "ada@north.example"}
    before = await enrol(**as_ada)
    await before.send(before.batch(1, 3))
    anew = await enrol(**as_ada, set_up_anew=True)
    assert anew.enrolled.device == before.enrolled.device
    assert (await before.send(before.batch(4, 1))).status_code == 401, "its old key has ended"
    asked = await anew.send(anew.batch(1, 0))
    assert (asked.status_code, asked.json()) == (409, {"epoch": 2, "last_seq": 0}), "it begins an epoch beyond this"
    assert (await anew.send(anew.batch(1, 2, epoch=3))).json() == {"epoch": 3, "last_seq": 2}
    other = await enrol(**as_ada, set_up_anew=True, hostname="desk-9")
    assert other.enrolled.device != before.enrolled.device, "another machine"
    plain = await enrol(**as_ada)
    assert plain.enrolled.device != before.enrolled.device, "nobody said that it is the same"
    assert await tags(database, tenant) == [
        "device:enrolled",
        "device:set-up-anew",
        "device:enrolled",
        "device:enrolled",
    ]
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute("select epoch, sequence from usage_event order by epoch, sequence")
        assert [tuple(row) for row in await cursor.fetchall()] == [(1, 1), (1, 2), (1, 3), (3, 1), (3, 2)]


async def test_without_a_person_no_machine_takes_anothers_place(code: str, enrol: Any) -> None:
    before = await enrol(code=code)
    assert (await enrol(code=code, set_up_anew=True)).enrolled.device != before.enrolled.device


async def test_what_a_device_missed_is_kept_as_a_number(device: Any, database: Database, tenant: Any) -> None:
    for first, missed in ((1, 0), (2, 7)):
        batch = msgspec.structs.replace(device.batch(first, 1), missed=missed)
        assert (await device.send(batch)).status_code == 200
        async with database.tenant(tenant.tenant_id) as connection:
            cursor = await connection.execute("select missed from device")
            assert await cursor.fetchone() == (missed,)
