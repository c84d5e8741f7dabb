"""What an organisation's directory can do by SCIM, and what it is refused, by attribute."""

from __future__ import annotations

from typing import Any

import httpx

from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.web.access import Role

CORE = "urn:ietf:params:scim:schemas:core:2.0"
WORK = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


async def test_who_leaves_there_leaves_here_at_once(directory: Any, device: Any) -> None:
    user = await directory.user("ada", active=True)
    async with directory.database.tenant(directory.tenant.tenant_id) as connection:
        await connection.execute(
            "insert into account (tenant_id, device_id, name, person_id) values (%s, %s, 'ada', %s)",
            [directory.tenant.tenant_id, device.key.device, user["id"]],
        )
    assert (await device.send(device.batch(1, 1))).status_code == 200
    link = await create_sign_in_link(directory.database, directory.tenant, user["id"])
    answer = await directory.patch(f"/Users/{user['id']}", {"op": "Replace", "path": "active", "value": "False"})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert (await device.send(device.batch(2, 1))).status_code == 403
    assert (await device.api.post(link)).status_code == 410
    again = await directory.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": True}})
    assert again.json()["active"] is True


async def test_deleting_is_leaving_and_coming_back_is_the_same_person(directory: Any) -> None:
    user = await directory.user("ada")
    assert (await directory.client.delete(f"/Users/{user['id']}")).status_code == 204
    assert (await directory.client.get(f"/Users/{user['id']}")).status_code == 404
    assert await directory.rows("select status from person") == [("inactive",)]
    assert (await directory.user("ada"))["id"] == user["id"]
    assert await directory.rows("select status from person") == [("active",)]


async def test_what_is_not_kept_is_dropped(directory: Any) -> None:
    more = {
        "displayName": None,
        "name": {"givenName": "Ada", "familyName": "North"},
        "title": "Lead",
        "phoneNumbers": [{"value": "+49"}],
        "password": "secret",
        "emails": [{"value": "private@north.example"}, {"value": "ada@work.example", "primary": True}],
        WORK: {"department": "Design", "employeeNumber": "7", "manager": {"value": "1"}},
        "roles": [{"value": "owner"}],
    }
    sent = {"schemas": [f"{CORE}:User", WORK], "userName": "ada", **more}
    del sent["displayName"]
    user = (await directory.client.post("/Users", json=sent)).json()
    assert set(user) == {"schemas", "id", "userName", "displayName", "active", "emails", WORK, "meta"}
    assert user["displayName"] == "Ada North"
    assert user["emails"] == [{"value": "ada@work.example", "type": "work"}]
    assert await directory.rows("select email, department, role from person") == [
        ("ada@work.example", "Design", "employee")
    ]


async def test_people_of_a_file_are_found_by_their_address(directory: Any) -> None:
    person = await add_person(
        directory.database, directory.tenant.tenant_id, display_name="Ada", role=Role.AUDITOR, email="Ada@North.example"
    )
    answer = await directory.client.get("/Users", params={"filter": 'userName eq "ada@north.example"'})
    assert [one["id"] for one in answer.json()["Resources"]] == [str(person)]
    for wanted, total in (
        ('displayName sw "A"', 1),
        ("active eq false", 0),
        ('emails pr and not (userName co "zz")', 1),
    ):
        assert (await directory.client.get("/Users", params={"filter": wanted})).json()["totalResults"] == total, wanted


async def test_a_list_has_pages(directory: Any) -> None:
    for name in "abc":
        await directory.user(name)
    page = (await directory.client.get("/Users", params={"startIndex": "2", "count": "1"})).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    assert page["Resources"][0]["displayName"] == "b"


class TestGroups:
    async def test_mean_nothing_until_someone_says_so(self, directory: Any, api: httpx.AsyncClient) -> None:
        ada, bob = await directory.user("ada"), await directory.user("bob")
        group = await directory.group("Sales", ada, bob)
        assert await directory.rows("select distinct role, department from person") == [("employee", None)]
        owner = await add_person(directory.database, directory.tenant.tenant_id, display_name="Robin", role=Role.OWNER)
        await api.post(await create_sign_in_link(directory.database, directory.tenant, owner))
        await api.post(f"/people/sync/groups/{group['id']}", data={"means": "department"})
        assert await directory.rows("select distinct department from person where role = 'employee'") == [("Sales",)]
        gone = {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'}
        assert (await directory.patch(f"/Groups/{group['id']}", gone)).status_code == 200
        assert await directory.rows("select display_name from person where department = 'Sales'") == [("ada",)]
        await api.post(f"/people/sync/groups/{group['id']}", data={"means": "auditor"})
        assert await directory.rows("select role, department from person where display_name = 'ada'") == [
            ("auditor", None)
        ]
        more = {"op": "add", "path": "members", "value": [{"value": str(owner)}, {"value": bob["id"]}]}
        await directory.patch(f"/Groups/{group['id']}", more)
        assert await directory.rows("select display_name, role from person order by 1") == [
            ("Robin", "owner"),
            ("ada", "auditor"),
            ("bob", "auditor"),
        ]
        assert (await directory.client.delete(f"/Groups/{group['id']}")).status_code == 204
        assert await directory.rows("select display_name, role from person order by 1") == [
            ("Robin", "owner"),
            ("ada", "employee"),
            ("bob", "employee"),
        ]

    async def test_never_make_an_owner(self, directory: Any, api: httpx.AsyncClient) -> None:
        group = await directory.group("Bosses", await directory.user("ada"))
        owner = await add_person(directory.database, directory.tenant.tenant_id, display_name="R", role=Role.OWNER)
        await api.post(await create_sign_in_link(directory.database, directory.tenant, owner))
        assert (await api.post(f"/people/sync/groups/{group['id']}", data={"means": "owner"})).status_code == 400
        admin = await add_person(
            directory.database, directory.tenant.tenant_id, display_name="A", role=Role.ADMINISTRATOR
        )
        await api.post(await create_sign_in_link(directory.database, directory.tenant, admin))
        answer = await api.post(f"/people/sync/groups/{group['id']}", data={"means": "administrator"})
        assert "only an owner says which role" in answer.text
        assert await directory.rows("select role from person where display_name = 'ada'") == [("employee",)]


REFUSED_PATCHES: list[tuple[Any, str]] = [
    ({"op": "replace", "path": "userName", "value": ""}, "userName"),
    ({"op": "replace", "path": "userName", "value": "bob@north.example"}, "userName"),
    ({"op": "remove", "path": "userName"}, "userName"),
    ({"op": "replace", "path": "displayName", "value": ["x"]}, "displayName"),
    ({"op": "replace", "path": "displayName", "value": "x" * 300}, "displayName"),
    ({"op": "replace", "path": "displayName", "value": "a\u0000b"}, "NUL"),
    ({"op": "replace", "path": "active", "value": "perhaps"}, "active"),
    ({"op": "replace", "path": "emails", "value": [{"value": "no address"}]}, "emails"),
    ({"op": "replace", "path": "emails", "value": [{"value": "bob@north.example"}]}, "emails"),
    ({"op": "replace", "path": "emails[value eq", "value": "x"}, "path"),
    ({"op": "replace", "path": f"{WORK}:department", "value": "d" * 101}, "department"),
    ({"op": "replace", "path": "id", "value": "1"}, "id"),
    ({"op": "explode", "path": "active", "value": True}, "op"),
    ({"op": "remove"}, "path"),
    ({"op": "replace", "path": "externalId", "value": "e" * 201}, "externalId"),
    ({"path": "active", "value": True}, "op"),
    ("not an object", "Operations"),
]


async def test_a_patch_that_cannot_be_names_the_attribute(directory: Any) -> None:
    await directory.user("bob")
    user = await directory.user("ada")
    for operation, says in REFUSED_PATCHES:
        message = {"schemas": [PATCH], "Operations": [operation]}
        answer = await directory.client.patch(f"/Users/{user['id']}", json=message)
        assert answer.status_code in {400, 409}, (operation, answer.text)
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert says.casefold() in answer.json()["detail"].casefold(), operation
        assert (await directory.client.get(f"/Users/{user['id']}")).json() == user, operation


async def test_a_body_that_is_none_is_refused(directory: Any) -> None:
    for body in [b"", b"{", b"[]", b"null", b"\xff", b'{"userName": 1}', b"[" * 100_000]:
        for path in ("/Users", "/Groups"):
            answer = await directory.client.post(path, content=body)
            assert answer.status_code == 400, body[:40]
            assert answer.json()["detail"]


async def test_an_owner_is_out_of_its_reach(directory: Any) -> None:
    owner = await add_person(
        directory.database, directory.tenant.tenant_id, display_name="Robin", role=Role.OWNER, email="r@north.example"
    )
    for operation in (
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "emails", "value": [{"value": "me@elsewhere.example"}]},
    ):
        answer = await directory.patch(f"/Users/{owner}", operation)
        assert answer.status_code == 400, answer.text
    assert (await directory.client.delete(f"/Users/{owner}")).status_code == 400
    assert await directory.rows("select status, email from person") == [("active", "r@north.example")]


async def test_without_a_token_that_works_nothing_is_told(directory: Any) -> None:
    for header in ["", "Bearer", "Bearer x", "Bearer north." + "a" * 43, "Basic bm9ydGg6eA=="]:
        answer = await directory.client.get("/Users", headers={"authorization": header})
        assert answer.status_code == 401, header
        assert "administrator made" in answer.json()["detail"]


async def test_a_token_is_of_one_organisation_and_ends(
    directory: Any, other_tenant: Any, api: httpx.AsyncClient
) -> None:
    stranger = await add_person(directory.database, other_tenant.tenant_id, display_name="S", role=Role.EMPLOYEE)
    assert (await directory.client.get(f"/Users/{stranger}")).status_code == 404
    group = {"schemas": [f"{CORE}:Group"], "displayName": "G", "members": [{"value": str(stranger)}]}
    answer = await directory.client.post("/Groups", json=group)
    assert (answer.status_code, "members.value" in answer.json()["detail"]) == (400, True)
    admin = await add_person(directory.database, directory.tenant.tenant_id, display_name="A", role=Role.ADMINISTRATOR)
    await api.post(await create_sign_in_link(directory.database, directory.tenant, admin))
    made = await api.post("/people/sync/tokens", data={"name": "Second"})
    assert "north." in made.text
    assert "north." not in (await api.get("/people/sync")).text, "it is shown once"
    ((token_id,),) = await directory.rows("select token_id from scim_token where name = 'Directory'")
    await api.post(f"/people/sync/tokens/{token_id}/end")
    assert (await directory.client.get("/Users")).status_code == 401
    tags = await directory.rows("select tag from audit_entry where tag like 'scim-token:%%' order by number")
    assert tags == [("scim-token:created",), ("scim-token:created",), ("scim-token:ended",)]
