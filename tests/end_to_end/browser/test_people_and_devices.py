"""The directory and the devices pages in a real Chromium: the whole way, accessibility, narrow screens, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.end_to_end.browser.test_portal import PICTURES, looked_over

from toktra.server.web.access import Role

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
PEOPLE = ("Ada Exempel", "Ina Beispiel", "Jan Przykład", "Jo Voorbeeld", "Kim Sample", "Lou Exemple")
DEPARTMENTS = ("Engineering", "Finance", "Customer service", "Sales", "Sales", "Product and design")
CSV = (
    "Name;E-Mail;Abteilung;Manager;Status\nAda Exempel-Größe;ada@example.org;Engineering;;\n"
    "Eva Příklad;eva@example.org;Engineering;ada@example.org;\nJo Voorbeeld;jo@example.org;Sales;;inactive\n"
    "Teo Esempio;teo;Operations;;\nKim Sample;kim@example.org;Sales;;\n"
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def firm(site: Any) -> Any:
    """Six people, eight devices: reporting, silent, shared, fresh from a fleet's code, revoked."""
    organisation = site.organisation("firm", "Example organisation")
    tenant_id = organisation.tenant.tenant_id
    organisation.change("update person set email = 'robin@example.org' where person_id = %s", [organisation.owner_id])
    for place, (name, department) in enumerate(zip(PEOPLE, DEPARTMENTS, strict=True)):
        person = organisation.add_person(name, Role.AUDITOR if place == 4 else Role.EMPLOYEE)
        email = f"{name.split()[0].lower()}@example.org"
        values = [email, department, organisation.owner_id, person]
        organisation.change(
            "update person set email = %s, department = %s, manager_id = %s where person_id = %s", values
        )
        device = organisation.enrol(person, account=email.partition("@")[0])
        settle(organisation, device.enrolled.device, f"nw-lt-04{place + 2:02}", 40, 1 if place != 5 else 10)
    fleet = organisation.enrol(organisation.owner_id, account="robin")
    settle(organisation, fleet.enrolled.device, "nw-ws-0012", 20, 2)
    fleet.report([use(user="workshop")])
    today = organisation.enrol(organisation.owner_id, account="robin")
    organisation.change("update device set hostname = 'nw-ws-0021' where device_id = %s", [today.enrolled.device])
    organisation.change(
        "update device set platform = 'macos' where hostname in ('nw-lt-0403', 'nw-lt-0405') and tenant_id = %s",
        [tenant_id],
    )
    return organisation


def settle(organisation: Any, device: str, hostname: str, enrolled_days: int, reported_days: int) -> None:
    """As if time had passed."""
    organisation.change(
        "update device set hostname = %s, enrolled_at = now() - make_interval(days => %s) where device_id = %s",
        [hostname, enrolled_days, device],
    )
    organisation.change(
        "update device set last_report_on = (now() at time zone 'UTC')::date - %s where device_id = %s",
        [reported_days, device],
    )


def use(**changes: Any) -> dict[str, Any]:
    return {
        "provider_host": "api.anthropic.com",
        "request_bytes": 16_000,
        "response_bytes": 80_000,
        "estimated_input_tokens": 4_000,
        "estimated_output_tokens": 800,
        "at": datetime.now(UTC).replace(microsecond=0),
        **changes,
    }


@contextmanager
def browsing(
    chromium: Browser, address: str, *, scheme: str = "light", width: int = 1440, script: bool = True
) -> Iterator[Page]:
    """A page that fails the test on any script error, policy breach or request to another host."""
    context = chromium.new_context(
        viewport={"width": width, "height": 1000},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        java_script_enabled=script,
    )
    page = context.new_page()
    wrong: list[str] = []

    def said(message: Any) -> None:
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            wrong.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


def sign_in(page: Page, organisation: Any, path: str) -> None:
    page.goto(organisation.sign_in_link())
    page.get_by_role("button", name="Sign in as Robin Example").click()
    page.wait_for_url(f"{organisation.address}/")
    page.goto(organisation.address + path)


def upload(page: Page, organisation: Any, content: bytes = CSV.encode()) -> None:
    page.goto(f"{organisation.address}/people/import")
    page.set_input_files("#file", {"name": "people.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Show what would happen").click()


def test_every_page_is_accessible_and_fits(chromium: Browser, firm: Any) -> None:
    wrong: dict[str, object] = {}
    with browsing(chromium, firm.address) as page:

        def look(what: str) -> None:
            if found := looked_over(page):
                wrong[what] = found

        sign_in(page, firm, "/people")
        look("people")
        page.get_by_role("link", name="Ada Exempel").click()
        page.get_by_text("This person has left…").click()
        look("person")
        page.get_by_role("textbox", name="E-mail", exact=True).fill("jo@example.org")
        page.get_by_role("button", name="Save", exact=True).click()
        look("person, refused")
        for path in ("/people?q=nobody", "/people?show=accounts", "/people/new", "/people/import"):
            page.goto(firm.address + path)
            look(path)
        upload(page, firm)
        page.get_by_text("What each column says").click()
        look("plan")
        page.get_by_role("button", name="Discard").click()
        upload(page, firm, b"a,b\n1,2\n")
        look("plan without columns")
        for path in ("/devices", "/devices?reporting=silent", "/devices?q=nothing", "/devices/codes"):
            page.goto(firm.address + path)
            look(path)
        page.get_by_role("button", name="Make a fleet code").click()
        look("a code")
        page.goto(f"{firm.address}/devices?q=nw-ws-0012")
        page.get_by_role("link", name="nw-ws-0012").click()
        page.get_by_text("Revoke this device…").click()
        look("device")
    assert wrong == {}


@pytest.mark.parametrize("script", [True, False])
def test_the_whole_way_of_a_person(chromium: Browser, site: Any, script: bool) -> None:
    """Added, given an account that had nobody, enrolled by code, and gone: with and without script."""
    organisation = site.organisation(f"way-{script}".lower(), "Example organisation")
    with browsing(chromium, site.address, script=script) as page:
        sign_in(page, organisation, "/people/new")
        page.get_by_label("Name").fill("Ada Exempel")
        page.get_by_role("textbox", name="E-mail", exact=True).fill("ada@example.org")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("heading", name="Ada Exempel", level=1)).to_be_visible()

        page.goto(f"{site.address}/devices/codes")
        page.get_by_label("E-mail of the person").fill("ada@example.org")
        page.get_by_role("button", name="Make a code").click()
        code = page.locator(".command").first.inner_text()
        device = organisation.enrol_with(code, "ada")
        device.report([use(user="ada"), use(user="guest")])

        page.goto(f"{site.address}/people")
        page.get_by_role("link", name="Say whose").click()
        page.get_by_role("link", name="guest on").click()
        page.get_by_role("link", name="host-").click()
        guest = page.locator("li", has_text="nobody named")
        guest.get_by_label("E-mail of the person").fill("ada@example.org")
        guest.get_by_role("button", name="It is theirs").click()
        expect(page.get_by_text("nobody named")).to_have_count(0)

        page.get_by_role("link", name="Ada Exempel").first.click()
        expect(page.get_by_text("theirs alone", exact=True).first).to_be_visible()
        page.get_by_text("This person has left…").click()
        page.get_by_role("button", name="Ada Exempel has left").click()
        expect(page.get_by_text("This device was theirs alone and is revoked")).to_be_visible()
        with pytest.raises(AssertionError, match="revoked"):
            device.report([use(user="ada")])


def test_an_import_is_shown_then_applied(chromium: Browser, site: Any) -> None:
    organisation = site.organisation("import", "Example organisation")
    with browsing(chromium, site.address) as page:
        sign_in(page, organisation, "/people")
        upload(page, organisation, CSV.replace(";;inactive", ";;").encode("utf-16"))
        expect(page.get_by_text("read as UTF-16")).to_be_visible()
        expect(page.get_by_text("4 people would be added")).to_be_visible()
        page.get_by_role("link", name="Refused 1").click()
        expect(page.get_by_text("“teo” is not an e-mail address")).to_be_visible()
        page.get_by_role("button", name="Apply exactly this").click()
        expect(page.get_by_text("4 people were added")).to_be_visible()
        page.get_by_role("link", name="Open the directory").click()
        expect(page.get_by_role("link", name="Eva Příklad")).to_be_visible()


def test_the_keyboard_goes_the_same_way(chromium: Browser, firm: Any) -> None:
    with browsing(chromium, firm.address) as page:
        sign_in(page, firm, "/devices?q=nw-ws-0012")
        page.get_by_role("link", name="nw-ws-0012").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/devices/*-*")
        confirm = page.get_by_text("Revoke this device…")
        for _ in range(30):
            page.keyboard.press("Tab")
            if confirm.evaluate("element => element === document.activeElement"):
                break
        expect(page.get_by_role("button", name="Revoke nw-ws-0012")).to_be_hidden()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Revoke nw-ws-0012")).to_be_focused()


@PICTURES
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("people", "/people"),
        ("people-import", "import"),
        ("devices", "/devices"),
        ("enrolment-codes", "/devices/codes"),
    ],
)
def test_pictures_for_the_documentation(chromium: Browser, firm: Any, name: str, path: str) -> None:
    with browsing(chromium, firm.address) as page:
        sign_in(page, firm, path if path.startswith("/") else "/people")
        if path == "import":
            upload(page, firm)
        elif path == "/devices/codes":
            page.get_by_label("What for").fill("Second group of laptops")
            page.get_by_label("Devices", exact=True).fill("30")
            page.get_by_role("button", name="Make a fleet code").click()
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": 1440, "height": min(height, 1700)})
        (IMAGES / f"{name}.png").write_bytes(page.screenshot())
