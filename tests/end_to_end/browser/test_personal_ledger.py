"""My personal ledger in a real Chromium: opened, read, saved, sealed anew and deleted, over a real personal service."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
import urllib3
from playwright.sync_api import Browser, Page, Request, expect
from tests.end_to_end.browser.test_overview import scrolls_sideways, small_targets
from tests.lab.axe import violations
from tests.server.perks.conftest import second_ledger

from toktra.agent.perks.age import NotOpened, Sealer, unseal
from toktra.agent.perks.key_files import read_key
from toktra.agent.perks.keys import Key, KeyNotUsable, from_file, new_key, to_copy, to_file
from toktra.agent.perks.links import LINKS
from toktra.wire.personal import (
    PersonalRecord,
    PersonalUse,
    RecordsPage,
    encode_upload,
    read_plain,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WORDS = "four words nobody guesses"
HTTP = urllib3.PoolManager()
AGE = shutil.which("age")


@dataclass(slots=True)
class Owner:
    """Somebody with a key, a mailbox, and uploads as their device makes them."""

    address: str
    superuser: str
    key: Key

    @property
    def digest(self) -> bytes:
        return sha256(self.key.mailbox.encode()).digest()

    def ask(self, method: str, path: str = "", body: bytes | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.key.mailbox}"}
        return HTTP.request(method, f"{self.address}/v1/mailbox{path}", body=body, headers=headers)

    def upload(self, day: date, *uses: PersonalUse) -> None:
        sealed = Sealer(self.key.recipient).seal(PersonalRecord(uses=uses))
        answer = self.ask("POST", "/uploads", encode_upload(str(uuid4()), day, sealed))
        assert answer.status == 200, answer.data

    def records(self) -> list[bytes]:
        answer = self.ask("GET", "/records")
        return [one.sealed for one in msgspec.json.decode(answer.data, type=RecordsPage).records]


@pytest.fixture
def owner(site: Any, tmp_path: Path) -> Iterator[Owner]:
    """Two days of use: 90 000 tokens at one provider, 1 500 at another."""
    with second_ledger(site.postgres, tmp_path) as running:
        someone = Owner(running.url, running.superuser, new_key(running.url))
        with psycopg.connect(running.superuser) as connection:
            connection.execute("insert into mailbox values (%s)", [someone.digest])
        now = datetime.now(UTC).replace(microsecond=0)
        someone.upload(now.date(), a_use(now, "chatgpt.com", 30_000), a_use(now, "chatgpt.com", 60_000))
        someone.upload(now.date())
        before = now - timedelta(days=40)
        someone.upload(before.date(), a_use(before, "claude.ai", 1_500))
        yield someone


def a_use(at: datetime, host: str, tokens: int) -> PersonalUse:
    return PersonalUse(
        at=at,
        provider_host=host,
        request_bytes=2_100,
        response_bytes=9_800,
        estimated_input_tokens=tokens // 3,
        estimated_output_tokens=tokens - tokens // 3,
        estimator_version="e1",
    )


def test_the_owner_reads_saves_changes_the_key_and_deletes(chromium: Browser, owner: Owner, tmp_path: Path) -> None:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    page = context.new_page()
    asked: list[Request] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it marks what it is given
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))

    page.goto(f"{owner.address}/#allowance=600000")
    looks_right(page)
    refused_keys(page)
    assert faults == []

    copy = tmp_path / "copy.age"
    copy.write_bytes(to_copy(owner.key, WORDS))
    page.locator("#key-file").set_input_files(copy)
    page.get_by_role("button", name="Open", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("asks for its passphrase")
    page.get_by_label("Passphrase of the copy").fill("another passphrase")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not open", timeout=30_000)
    page.get_by_label("Passphrase of the copy").fill(WORDS)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Open until")).to_be_visible(timeout=30_000)
    expect(page.locator("#used")).to_have_text("90\u00a0k")
    expect(page.locator("#left")).to_have_text("510\u00a0k")
    expect(page.locator("#records")).to_have_text("3")
    expect(page.locator("#providers li")).to_have_count(2)
    expect(page.locator("#rows tr").last).to_contain_text("claude.ai")
    expect(page.locator("#unopened")).to_be_hidden()
    looks_right(page)
    saved(page, owner, tmp_path)
    owner.key = changed_key(page, owner, tmp_path)

    page.get_by_role("button", name="Delete my personal ledger").click()
    looks_right(page)
    page.keyboard.press("Escape")
    assert len(owner.records()) == 3
    page.get_by_role("button", name="Delete my personal ledger").click()
    page.get_by_role("button", name="Delete now").click()
    expect(page.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
    assert owner.ask("GET", "/records").status == 404

    assert faults == []
    assert {request.url.split("/", 3)[2] for request in asked if not request.url.startswith("blob:")} == {
        owner.address.removeprefix("http://")
    }
    sent = " ".join(f"{one.url} {one.post_data or ''} {one.headers}" for one in asked)
    assert "AGE-SECRET-KEY" not in sent
    assert WORDS not in sent
    kept = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert page.evaluate(kept) == [0, 0, ""]
    assert page.evaluate("indexedDB.databases()") == []
    page.close()
    offers_personal_mode(context.new_page(), owner)
    context.close()


def test_a_passkey_opens_a_copy_and_the_page_speaks_german(chromium: Browser, owner: Owner, tmp_path: Path) -> None:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000}, locale="de-DE", timezone_id="UTC", reduced_motion="reduce"
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    authenticator = virtual_authenticator(page)

    page.goto(f"{owner.address.replace('127.0.0.1', 'localhost')}/#allowance=600000")
    expect(page.get_by_role("heading", name="Mein persönliches Journal", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="English")).to_have_attribute(
        "href", re.compile(r"/\?lang=en#allowance=600000$")
    )
    page.get_by_label("Ihr Schlüssel, eingefügt").fill(to_file(owner.key).decode())
    page.get_by_role("button", name="Öffnen", exact=True).click()
    expect(page.get_by_role("heading", name="Offen bis")).to_be_visible(timeout=30_000)
    expect(page.locator("#used")).to_have_text("90\u00a0k")
    expect(page.locator("#providers")).to_contain_text("1,5\u00a0k")
    looks_right(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Passkey erstellen und Kopie speichern").click()
    copy = tmp_path / "copy.age"
    download.value.save_as(copy)
    assert owner.key.identity.encode() not in copy.read_bytes()
    with pytest.raises(KeyNotUsable, match="opens with a passkey, which only a browser can use"):
        read_key(copy, lambda: pytest.fail("no passphrase opens it"))

    page.reload()
    page.locator("#key-file").set_input_files(copy)
    page.get_by_role("button", name="Öffnen", exact=True).click()
    expect(page.get_by_role("heading", name="Offen bis")).to_be_visible(timeout=30_000)
    expect(page.locator("#records")).to_have_text("3")

    page.reload()
    authenticator("WebAuthn.clearCredentials", {})
    page.locator("#key-file").set_input_files(copy)
    page.get_by_role("button", name="Öffnen", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Es wurde kein Passkey verwendet", timeout=30_000)
    assert faults == []
    page.goto(owner.address)  # an address without a name, as this machine is often reached
    page.get_by_label("Ihr Schlüssel, eingefügt").fill(to_file(owner.key).decode())
    page.get_by_role("button", name="Öffnen", exact=True).click()
    expect(page.get_by_role("button", name="Passkey erstellen")).to_be_disabled(timeout=30_000)
    expect(page.locator("#no-passkey")).to_contain_text("kann keine Passkeys verwenden")
    context.close()


def virtual_authenticator(page: Page) -> Callable[[str, dict[str, Any]], Any]:
    """A device that unlocks by itself, with the PRF extension; sends further commands to it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "hasPrf": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return lambda command, more: session.send(command, {"authenticatorId": made, **more})


def offers_personal_mode(page: Page, owner: Owner) -> None:
    """The device's own three links, which leave the page where it is and make no request of any server."""
    page.goto(owner.address, wait_until="networkidle")
    offered = page.locator("a[href^='toktra:']")
    assert {link.get_attribute("href") for link in offered.all()} == set(LINKS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request(lambda request: request.url.startswith("toktra:")):  # as far as Chromium takes it here
        offered.first.click()
    assert asked == ["toktra:personal/hour"]
    assert page.url.rstrip("/") == owner.address
    assert page.evaluate(
        "performance.getEntriesByType('resource').every((one) => one.name.startsWith(location.origin))"
    )


def refused_keys(page: Page) -> None:
    """What is no key says so, and is sent nowhere."""
    for typed, words in (("hello", "This is no Token Perks key"), (new_key("https://x.example").identity, "mailbox:")):
        page.get_by_label("Your key, pasted").fill(typed)
        page.get_by_role("button", name="Open", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(words)
    page.get_by_label("Your key, pasted").fill("")


def looks_right(page: Page) -> None:
    """axe in light and dark, on a desk and on a phone; nothing scrolls sideways."""
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
        assert scrolls_sideways(page) <= 0
        assert small_targets(page) == []
    page.set_viewport_size({"width": 1440, "height": 1000})


def saved(page: Page, owner: Owner, tmp_path: Path) -> None:
    """The same records in each form; the age file opens on the device and with the `age` command."""
    files = {}
    for name in ("CSV", "JSON", "Sealed, as age file"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / secrets.token_hex(4)
        download.value.save_as(files[name])
    told = json.loads(files["JSON"].read_text())["records"]
    assert [one["provider_host"] for one in told] == ["chatgpt.com", "chatgpt.com", "claude.ai"]
    assert len(files["CSV"].read_text("utf-8-sig").splitlines()) == 4
    sealed = files["Sealed, as age file"].read_bytes()
    assert unseal(sealed, owner.key.identity) == files["JSON"].read_bytes()
    if AGE is not None:
        key_file = tmp_path / "key"
        key_file.write_bytes(to_file(owner.key))
        opened = subprocess.run([AGE, "-d", "-i", key_file], input=sealed, capture_output=True, check=True)
        assert opened.stdout == files["JSON"].read_bytes()


def changed_key(page: Page, owner: Owner, tmp_path: Path) -> Key:
    """Everything is sealed for the new key, the empty record too; the device's own code and `age` open it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Make a new key and save it").click()
    path = tmp_path / "new.key"
    download.value.save_as(path)
    new = from_file(path.read_bytes())
    assert (new.mailbox, new.service) == (owner.key.mailbox, owner.key.service)
    assert new.identity != owner.key.identity
    page.get_by_role("button", name="Seal everything").click()
    expect(page.get_by_role("alert")).to_contain_text("kept the new key")
    page.get_by_label("I have kept the new key file").check()
    page.get_by_role("button", name="Seal everything").click()
    expect(page.get_by_role("status").filter(has_text="sealed for your new key")).to_be_visible(timeout=30_000)
    records = owner.records()
    opened = [read_plain(unseal(sealed, new.identity)) for sealed in records]
    assert sorted(len(one.uses) for one in opened) == [0, 1, 2]
    for sealed in records:
        with pytest.raises(NotOpened):
            unseal(sealed, owner.key.identity)
    if AGE is not None:
        answer = subprocess.run([AGE, "-d", "-i", path], input=records[0], capture_output=True, check=True)
        assert answer.stdout == unseal(records[0], new.identity)
    return new
