"""A person's week in a real Chromium, by pointer, keys and without script, all the way to their device and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.agent.privacy_hours.machine import Agent, Machine
from tests.end_to_end.browser.test_portal import findings

from toktra.agent.control_messages import ConfirmPortal, Show, Told
from toktra.agent.privacy_hours.weeks import Asking
from toktra.agent.privacy_hours.windows import format_window
from toktra.agent.timetable import Timetable
from toktra.agent.transport import Transport
from toktra.server.web.access import Role

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
KIM = 1000

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def firm(site: Any) -> Any:
    return site.organisation("hours", "Example organisation")


@contextmanager
def signed_in(chromium: Browser, firm: Any, person: object, **options: Any) -> Iterator[Page]:
    context = chromium.new_context(base_url=firm.address, timezone_id="Europe/Berlin", **options)
    page = context.new_page()
    page.goto(firm.sign_in_link(person))
    page.get_by_role("button").first.click()
    page.wait_for_load_state()
    yield page
    context.close()


class OwnDevice:
    """A device of Kim's with a real gate, which asks the running server as an agent does."""

    def __init__(self, enrolled: Any, state: Path) -> None:
        self.agent = Agent(Machine(), state)
        self.transport = Transport(
            server=enrolled.address, key_id=enrolled.enrolled.key_id, private_key=enrolled.private_key
        )
        self._now = 0.0
        self._asking = Asking(
            self.agent.inbox,
            self.transport.post,
            agent_version="0.1.0",
            timetable=Timetable(every_s=900, spread_s=0, monotonic=lambda: self._now, chance=lambda: 0.0),
            monotonic=lambda: self._now,
        )

    def asks(self) -> None:
        """A quarter of an hour later; twice, because it says how it stands with its next question."""
        for _ in range(2):
            self._asking.step(30)
            self.agent.look()
            self._now += 900

    def shows(self) -> Told:
        told = self.agent.ask(KIM, Show())
        assert isinstance(told, Told)
        return told

    def windows(self) -> set[str]:
        schedule = self.shows().schedule
        assert schedule is not None
        return {format_window(window) for window in schedule.windows}

    def close(self) -> None:
        self.agent.end()
        self.transport.close()


def test_a_week_goes_from_the_page_to_the_device_and_a_removal_waits_there(
    firm: Any, chromium: Browser, tmp_path: Path
) -> None:
    kim = firm.add_person("Kim Example")
    enrolled = firm.enrol(kim, account=f"user{KIM}")
    firm.change("update device set hostname = 'kims-laptop' where device_id = %s", [enrolled.enrolled.device])
    device = OwnDevice(enrolled, tmp_path)
    with signed_in(chromium, firm, kim, viewport={"width": 1440, "height": 1000}) as page:
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        page.goto("/me/privacy-hours")
        expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
        page.get_by_role("button", name="Add a window on Monday").click()
        field = page.get_by_label("Monday 1, to")
        field.press("ArrowUp")
        expect(field).to_have_value("13:15")
        page.get_by_role("button", name="Copy Monday to weekdays").click()
        expect(page.get_by_label("Friday 1, to")).to_have_value("13:15")
        draw(page, "sun", 0.25, 0.75)
        expect(page.get_by_label("Sunday 1, from")).to_have_value("06:00")
        draw(page, "sun", 0.75, 1.0)  # takes the end that is there and moves it
        expect(page.get_by_label("Sunday 1, to")).to_have_value("24:00")
        assert findings(page) == []
        page.get_by_role("button", name="Save my week").last.click()
        expect(page.get_by_role("status")).to_contain_text("Your week is saved")

        device.asks()
        assert device.windows() == set()  # it was not chosen
        page.get_by_role("button", name="Send my week to it").click()
        expect(page.get_by_text("Takes in your week when it next asks")).to_be_visible()
        device.asks()
        assert device.windows() == {"mon-fri 12:00-13:15", "sun 06:00-24:00"}
        page.goto("/me/privacy-hours")
        expect(page.get_by_text("Holds on this device as it stands here.")).to_be_visible()

        page.get_by_role("button", name="Remove this window: Wednesday").click()
        page.get_by_role("button", name="Save my week").last.click()
        device.asks()
        assert device.windows() == {"mon-fri 12:00-13:15", "sun 06:00-24:00"}
        page.goto("/me/privacy-hours")
        expect(page.get_by_text("waits for confirmation on kims-laptop")).to_be_visible()
        expect(page.get_by_text("Took out Wed 12:00–13:15")).to_be_visible()
        pictures(page, "privacy-hours")

        waits = device.shows().waiting
        assert waits is not None
        device.agent.ask(KIM, ConfirmPortal(waiting=waits))
        assert device.windows() == {"mon,tue,thu,fri 12:00-13:15", "sun 06:00-24:00"}
        device.asks()
        page.goto("/me/privacy-hours")
        expect(page.get_by_text("Holds on this device as it stands here.")).to_be_visible()
        assert refused == []
    device.close()


def draw(page: Page, day: str, start: float, end: float) -> None:
    """Drags from one share of a day's bar to another."""
    bar = page.locator(f"[data-day={day}] [data-bar]")
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], y)
    page.mouse.move(box["x"] + end * box["width"], y)
    page.mouse.up()


def pictures(page: Page, name: str) -> None:
    """For the documentation and for whoever looks, when asked to."""
    if "TOKTRA_PICTURES" not in os.environ:
        return
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 1000})
            page.screenshot(path=IMAGES / f"{name}-{scheme}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 1000})


def test_without_script_on_a_phone_the_buttons_post_and_nothing_typed_is_lost(firm: Any, chromium: Browser) -> None:
    lee = firm.add_person("Lee Example")
    with signed_in(chromium, firm, lee, java_script_enabled=False, viewport={"width": 390, "height": 800}) as page:
        page.goto("/me/privacy-hours")
        page.get_by_role("button", name="Add a window on Saturday").click()
        expect(page.get_by_text("Not saved yet.")).to_be_visible()
        page.get_by_label("Saturday, window 1, from").fill("22:00")
        page.get_by_label("Saturday, window 1, to").fill("22:00")
        page.get_by_role("button", name="Add a day").click()
        page.get_by_label("Date 1", exact=True).fill("2027-12-24")
        page.get_by_role("button", name="Save my week").last.click()
        trouble = page.get_by_role("alert")
        expect(trouble).to_contain_text("Time zone: give one like Europe/Berlin")
        expect(trouble).to_contain_text("Saturday, window 1 begins and ends at the same time")
        expect(page.get_by_label("Saturday, window 1, from")).to_have_value("22:00")
        page.get_by_label("Saturday, window 1, to").fill("6")
        page.get_by_label("Time zone").fill("Europe/Berlin")
        page.get_by_label("Time zone").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Your week is saved")
        expect(page.get_by_text("Added Sat 22:00–06:00")).to_be_visible()
        expect(page.get_by_text("Added 24 Dec 2027 all day")).to_be_visible()
        page.get_by_role("button", name="Remove Saturday, window 1").click()
        page.get_by_role("button", name="Save my week").last.click()
        expect(page.get_by_text("Took out Sat 22:00–06:00")).to_be_visible()


def test_the_privacy_office_sets_what_an_agreement_adds_and_every_employee_sees_it(
    firm: Any, chromium: Browser
) -> None:
    officer = firm.add_person("Pat Example", Role.PRIVACY_OFFICER)
    with signed_in(chromium, firm, officer, viewport={"width": 1440, "height": 1000}) as page:
        page.goto("/works-agreement")
        page.get_by_label("Name", exact=True).fill("Works agreement of 1 March")
        page.get_by_role("button", name="Add a window on Monday").click()
        page.get_by_label("Monday 1, from").fill("19:00")
        page.get_by_label("Monday 1, to").fill("07:00")
        page.get_by_role("button", name="Copy Monday to weekdays").click()
        draw(page, "sat", 0.0, 1.0)
        draw(page, "sun", 0.0, 1.0)
        assert findings(page) == []
        page.get_by_role("button", name="Set the agreement").last.click()
        expect(page.get_by_role("status")).to_contain_text("It is set")
        pictures(page, "works-agreement")
        page.goto("/me/privacy-hours")
        expect(page.get_by_role("heading", name="Works agreement of 1 March")).to_be_visible()
        expect(page.get_by_text("Mon–Fri 19:00–07:00")).to_be_visible()
        assert page.locator("[data-day=tue] .k-added").count() == 2
        page.goto("/audit")
        expect(page.get_by_role("rowheader", name="Works agreement changed")).to_be_visible()
    with signed_in(chromium, firm, firm.add_person("Alex Example", Role.ADMINISTRATOR)) as page:
        page.goto("/works-agreement")
        expect(page.get_by_text("Only the privacy office can change it.")).to_be_visible()
        assert page.get_by_role("button", name="Set the agreement").count() == 0
        assert findings(page) == []
