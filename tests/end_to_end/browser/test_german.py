"""The whole site in German on a phone: nothing is left in English, and nothing is wider than the screen."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Page

from toktra.server.web.language import LOCALE

TEXTS = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest('code, .mono')) found.push(walker.currentNode.data);
    for (const name of ['aria-label', 'placeholder', 'title', 'data-label'])
        for (const element of document.querySelectorAll(`[${name}]`)) found.push(element.getAttribute(name));
    return found.map(text => text.replace(/\\s+/g, ' ').trim());
}"""
DEEPER = ("/budgets/new", "/budgets/what-if", "/people/new", "/people/import", "/devices/codes", "/rights/new")
"""Pages that no navigation leads to at once."""
HOSTS = ("api.anthropic.com", "chatgpt.com", "api.mistral.ai")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def english() -> frozenset[str]:
    """Every text that is another one in German."""
    catalogue = read_po(BytesIO((LOCALE / "de" / "toktra.po").read_bytes()), locale="de")
    texts = set()
    for message in catalogue:
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        texts |= {str(said) for said, german in zip(ids, strings, strict=True) if said and said != german}
    return frozenset(re.sub(r"\s+", " ", text.replace("%%", "%")) for text in texts)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 900}, locale="de-DE", reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_the_whole_site_is_german_and_fits_a_phone(site: Any, page: Page, english: frozenset[str]) -> None:
    organisation = site.organisation("deutsch", "Beispiel GmbH", owner="Robin Beispiel")
    kim = organisation.add_person("Kim Beispiel")
    organisation.enrol(kim, account="kim").report(some_use(random.Random(3)))
    wrong: dict[str, object] = {}

    def look(what: str) -> None:
        assert page.locator("html").get_attribute("lang") == "de"
        left = english.intersection(page.evaluate(TEXTS))
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if left or over:
            wrong[what] = (sorted(left), over)

    for person, home, deeper in ((None, "/", DEEPER), (kim, "/me", ())):
        page.goto(organisation.sign_in_link(person))
        look(f"{home}, the link")
        page.get_by_role("button", name="Als ").click()
        page.wait_for_url(f"{organisation.address}{home}")
        places = page.eval_on_selector_all("nav a[href^='/']", "links => links.map(link => link.getAttribute('href'))")
        for path in sorted({*places, *deeper, home}):
            response = page.goto(organisation.address + path)
            assert response is not None
            assert response.status == 200, path
            look(path)
    page.goto(f"{organisation.address}/sign-in/deutsch")
    look("sign-in")
    assert wrong == {}


def test_the_choice_at_the_foot_of_a_page_stays(site: Any, page: Page) -> None:
    organisation = site.organisation("zweisprachig", "Beispiel GmbH")
    page.goto(f"{organisation.address}/sign-in/zweisprachig")
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Sign in", exact=True).wait_for()
    page.goto(f"{organisation.address}/sign-in/zweisprachig")
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("heading", name="Anmelden", exact=True).wait_for()


def some_use(chance: random.Random) -> list[dict[str, Any]]:
    """Eight days of a few uses each."""
    now = datetime.now(UTC).replace(microsecond=0)
    return [
        {
            "provider_host": chance.choice(HOSTS),
            "request_bytes": chance.randrange(10**3, 10**6),
            "response_bytes": chance.randrange(10**3, 10**6),
            "estimated_input_tokens": chance.randrange(10**2, 10**5),
            "estimated_output_tokens": chance.randrange(10, 10**4),
            "at": now - timedelta(days=back, minutes=place * 7),
            "user": "kim",
        }
        for back in range(8, -1, -1)
        for place in range(3)
    ]
