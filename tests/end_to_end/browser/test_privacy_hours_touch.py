"""A person's week under a finger: Chromium as a telephone, with the touches a touch screen makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from tests.end_to_end.browser.test_portal import findings
from tests.end_to_end.browser.test_privacy_hours import signed_in

pytestmark = pytest.mark.browser

TELEPHONE = {
    "viewport": {"width": 390, "height": 800},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
LEAST_TARGET_PX = 24
"""WCAG 2.2, 2.5.8."""


class Finger:
    """Touches as the screen reports them, in CSS pixels of the viewport."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)

    def _touch(self, kind: str, points: Sequence[tuple[float, float]]) -> None:
        touches = [{"x": x, "y": y, "id": place} for place, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def slide(self, points: Sequence[tuple[float, float]], *, ends: str = "touchEnd") -> None:
        """Down at the first point, through all others, and up; or taken away by the system with `touchCancel`."""
        self._touch("touchStart", points[:1])
        for point in points[1:]:
            self._touch("touchMove", [point])
        self._touch(ends, [])

    def along(self, day: str, start: float, end: float, *, ends: str = "touchEnd") -> None:
        """Slides from one share of a day's bar to another, in small steps as a finger does."""
        box = self.bar(day)
        y = box["y"] + box["height"] / 2
        shares = [start + (end - start) * step / 10 for step in range(11)]
        self.slide([(box["x"] + share * box["width"], y) for share in shares], ends=ends)

    def bar(self, day: str) -> dict[str, float]:
        bar = self._page.locator(f"[data-day={day}] [data-bar]")
        bar.scroll_into_view_if_needed()
        box = bar.bounding_box()
        assert box is not None
        return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def test_a_week_is_drawn_moved_and_saved_with_a_finger(site: Any, chromium: Browser) -> None:
    firm = site.organisation("touch", "Example organisation")
    kim = firm.add_person("Kim Example")
    with signed_in(chromium, firm, kim, **TELEPHONE) as page:
        page.goto("/me/privacy-hours")
        assert page.evaluate("matchMedia('(pointer: coarse)').matches")
        finger = Finger(page)

        finger.along("mon", 0.25, 0.5)
        expect(page.get_by_label("Monday 1, from")).to_have_value("06:00")
        expect(page.get_by_label("Monday 1, to")).to_have_value("12:00")
        finger.along("mon", 0.52, 0.75)  # beside the end by less than a finger is wide: it is the end that is meant
        expect(page.get_by_label("Monday 1, to")).to_have_value("18:00")
        assert page.locator("[data-day=mon] [data-row]").count() == 1

        finger.along("mon", 0.75, 0.9, ends="touchCancel")  # a call comes in
        expect(page.get_by_label("Monday 1, to")).to_have_value("18:00")
        finger.along("tue", 0.25, 0.5, ends="touchCancel")
        expect(page.locator("[data-day=tue] [data-row]")).to_have_count(0)

        box = finger.bar("wed")
        before = page.evaluate("scrollY")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        finger.slide([(x, y - 12 * step) for step in range(11)])  # up over the bar: that scrolls the page
        page.wait_for_function("before => scrollY > before + 40", arg=before)
        expect(page.locator("[data-day=wed] [data-row]")).to_have_count(0)

        page.get_by_role("button", name="Add a window on Saturday").tap()
        page.get_by_role("button", name="Add a window on Sunday").tap()
        page.get_by_role("button", name="Remove this window: Sunday").tap()
        expect(page.locator("[data-day=sun] [data-row]")).to_have_count(0)
        page.get_by_role("button", name="Copy Monday to weekdays").tap()
        expect(page.get_by_label("Friday 1, to")).to_have_value("18:00")
        assert too_small(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert findings(page) == []

        page.get_by_role("button", name="Save my week").last.tap()
        expect(page.get_by_role("status")).to_contain_text("Your week is saved")
        expect(page.get_by_text("Added Mon–Fri 06:00–18:00")).to_be_visible()
        expect(page.get_by_text("Added Sat 12:00–13:00")).to_be_visible()


def too_small(page: Page) -> list[str]:
    """Controls of the editor that a finger could miss."""
    found: list[str] = page.evaluate(
        """least => [...document.querySelectorAll('[data-week] :is(button, input), [data-copy]')]
            .filter((one) => one.checkVisibility())
            .map((one) => [one, one.getBoundingClientRect()])
            .filter(([, box]) => box.width < least || box.height < least)
            .map(([one]) => one.ariaLabel || one.name || one.textContent)""",
        LEAST_TARGET_PX,
    )
    return found
