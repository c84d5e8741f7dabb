"""Passkeys over the whole application: added, used, and everything with which one could be fooled."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

if TYPE_CHECKING:
    from tests.server.sign_in.conftest import Device, House

WithPasskey = Callable[..., Awaitable[None]]


async def question(browser: httpx.AsyncClient, slug: str = "north") -> dict[str, Any]:
    options: dict[str, Any] = (await browser.post(f"/sign-in/{slug}/passkey/options")).json()
    return options


async def answer(
    browser: httpx.AsyncClient, credential: dict[str, Any], slug: str = "north", **more: str
) -> httpx.Response:
    return await browser.post(f"/sign-in/{slug}/passkey", json={"credential": credential, **more})


async def test_a_passkey_is_added_and_signs_in(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, device: Device, with_passkey: WithPasskey
) -> None:
    await with_passkey(ada, device, "  Work   laptop ")
    assert "Work laptop" in (await ada.get("/me/sign-in?said=passkey-added")).text
    options = await question(browser)
    assert options["allowCredentials"] == []  # whose it is, the device says
    assert (options["rpId"], options["userVerification"]) == ("toktra.test", "required")
    came = await answer(browser, device.answer(options), next="/me/devices")
    assert came.json() == {"to": "/me/devices"}
    assert (await browser.get("/me")).status_code == 200
    again = (await ada.post("/me/sign-in/passkeys/options")).json()
    assert len(again["excludeCredentials"]) == 1
    assert (again["rp"]["id"], again["attestation"]) == ("toktra.test", "none")
    assert again["authenticatorSelection"]["residentKey"] == "required"
    tags = await house.tags()
    assert "passkey:added" in tags
    assert [entry.after for entry in await house.trail() if entry.tag == "session:started"][-1] == {"method": "passkey"}


async def test_whatever_is_not_this_passkey_here_and_now_is_refused(
    house: House,
    ada: httpx.AsyncClient,
    browser: httpx.AsyncClient,
    device: Device,
    with_passkey: WithPasskey,
    other_tenant: object,
) -> None:
    del other_tenant
    await with_passkey(ada, device)

    async def refused(credential: object, slug: str = "north") -> None:
        got = await browser.post(f"/sign-in/{slug}/passkey", json={"credential": credential})
        assert (got.status_code, "error" in got.json()) == (422, True)
        assert "set-cookie" not in got.headers

    options = await question(browser)
    first = device.answer(options)
    assert (await answer(browser, first)).status_code == 200
    await browser.post("/sign-out")
    await refused(first)  # the same answer again

    await refused(device.answer(await question(browser, "south")), "south")  # another organisation's page
    await refused(device.answer(await question(browser, "south")))  # a question of another organisation
    await refused(device.answer(await question(browser), flags=0x01))  # the device was not unlocked
    await refused(device.answer(await question(browser), flags=0x04))  # nobody was there

    device.origin = "https://toktra.test.evil.example"
    await refused(device.answer(await question(browser)))
    device.origin = "https://toktra.test"

    damaged = device.answer(await question(browser))
    signature = bytearray(base64url_to_bytes(damaged["response"]["signature"]))
    signature[-1] ^= 1
    damaged["response"]["signature"] = bytes_to_base64url(bytes(signature))
    await refused(damaged)

    late = device.answer(await question(browser))
    await house.change("update sign_in_attempt set expires_at = now()")
    await refused(late)

    stranger = copy.deepcopy(device)
    stranger.keys[-1].credential_id = b"unknown-credential"
    await refused(stranger.answer(await question(browser)))
    damages: list[object] = [None, "text", [], {}, {"id": 3}, {"id": "x", "response": {"clientDataJSON": "e30"}}]
    for damage in damages:
        await refused(damage)
    assert (await browser.post("/sign-in/north/passkey", data={"credential": "x"})).status_code == 422

    await house.change("update person set status = 'inactive' where person_id = %s", house.ada)
    await refused(device.answer(await question(browser)))


async def test_a_passkey_that_counts_backwards_may_be_a_copy_and_is_recorded(
    house: House, ada: httpx.AsyncClient, browser: httpx.AsyncClient, device: Device, with_passkey: WithPasskey
) -> None:
    await with_passkey(ada, device)
    twin = copy.deepcopy(device)
    for _ in range(2):
        assert (await answer(browser, device.answer(await question(browser)))).status_code == 200
    refused = await answer(browser, twin.answer(await question(browser)))
    assert (refused.status_code, "copied" in refused.json()["error"]) == (422, True)
    assert (await house.tags())[-1] == "passkey:refused"
    assert (await answer(browser, device.answer(await question(browser)))).status_code == 200


async def test_a_passkey_that_never_counts_is_no_copy(
    ada: httpx.AsyncClient, browser: httpx.AsyncClient, device: Device, with_passkey: WithPasskey
) -> None:
    device.counts = False
    await with_passkey(ada, device)
    for _ in range(2):
        assert (await answer(browser, device.answer(await question(browser)))).status_code == 200


async def test_adding_one_is_for_whoever_asked_and_once(
    house: House, ada: httpx.AsyncClient, robin: httpx.AsyncClient, device: Device, with_passkey: WithPasskey
) -> None:
    options = (await ada.post("/me/sign-in/passkeys/options")).json()
    made = device.make(options)
    assert (await robin.post("/me/sign-in/passkeys", json={"credential": made})).status_code == 422
    assert (await ada.post("/me/sign-in/passkeys", json={"credential": made})).status_code == 200
    assert (await ada.post("/me/sign-in/passkeys", json={"credential": made})).status_code == 422
    sign_in = device.make({**options, "challenge": (await question(robin))["challenge"]})
    assert (await ada.post("/me/sign-in/passkeys", json={"credential": sign_in})).status_code == 422
    assert await house.value("select count(*) from passkey") == 1


async def test_only_its_owner_removes_a_passkey(
    house: House, ada: httpx.AsyncClient, robin: httpx.AsyncClient, device: Device, with_passkey: WithPasskey
) -> None:
    await with_passkey(ada, device)
    passkey_id = await house.value("select passkey_id from passkey")
    await robin.post(f"/me/sign-in/passkeys/{passkey_id}/remove")
    assert await house.value("select count(*) from passkey") == 1
    await ada.post(f"/me/sign-in/passkeys/{passkey_id}/remove")
    assert await house.value("select count(*) from passkey") == 0
    assert (await answer(robin, device.answer(await question(robin)))).status_code == 422
    assert (await ada.post("/me/sign-in/passkeys/nonsense/remove")).status_code == 404


@pytest.mark.parametrize(
    ("address", "works"),
    [
        ("https://toktra.test", True),
        ("http://localhost:8420", True),
        ("http://127.0.0.1:8420", False),
        ("https://[::1]", False),
        ("http://toktra.test", False),
    ],
)
async def test_where_browsers_make_no_passkeys_none_is_offered(house: House, address: str, works: bool) -> None:
    async with house.browser(address=address) as browser:
        assert ("passkeys.js" in (await browser.get("/sign-in/north")).text) == works
        assert ((await browser.post("/sign-in/north/passkey/options")).status_code == 200) == works


async def test_nobody_makes_the_server_keep_questions_without_end(house: House) -> None:
    async with house.browser() as browser:
        statuses = [(await browser.post("/sign-in/north/passkey/options")).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    async with house.browser(client="192.0.2.77") as neighbour:
        assert (await neighbour.post("/sign-in/north/passkey/options")).status_code == 200
