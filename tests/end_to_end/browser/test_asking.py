"""People who are not known yet, and the pages that decide about many, with axe on every page.

Asking by mail, an invitation, a claim; directory sync, and how finely use is kept.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, expect
from tests.end_to_end.browser.conftest import Organisation, Site
from tests.end_to_end.browser.test_portal import browsing
from tests.end_to_end.browser.test_rights import Walk

from toktra.agent.claims import Claims
from toktra.agent.control_messages import Claimed
from toktra.agent.transport import Transport
from toktra.server.web.access import Role

PASSPHRASE = "a long sample passphrase"
ALREADY = "She wrote from the address that stands in her entry."

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def firm(site: Site) -> Organisation:
    return site.organisation("asking", "Example organisation")


def path_in(letter: str) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", letter)
    assert found is not None, letter
    return found[1]


def test_asked_by_mail_identified_and_fetched(chromium: Browser, site: Site, firm: Organisation) -> None:
    ina = firm.add_person("Ina Example")
    firm.change("update person set email = 'ina@example.org', status = 'inactive' where person_id = %s", [ina])
    officer = firm.add_person("Ada Example", Role.PRIVACY_OFFICER)
    with browsing(chromium, firm.address) as page:
        walk = Walk(page, firm)
        walk.go("/sign-in/asking")
        page.get_by_role("link", name="No account, and you want to know").click()
        walk.look("asking by mail")
        page.get_by_label("Your e-mail address").fill("ina@example.org")
        page.get_by_label("You ask for").select_option("access")
        page.get_by_role("button", name="Send me the link").click()
        expect(page.get_by_text("A letter is on its way")).to_be_visible()
        walk.look("the letter is on its way")
        walk.go(path_in(site.newest_letter("ina@example.org")))
        walk.look("confirming")
        page.get_by_label("What helps to find you").fill("I was in sales until May.")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="The privacy office finds out who you are")).to_be_visible()
        walk.look("it waits")

        walk.sign_in(officer, "/rights")
        expect(page.get_by_text("ina@example.org")).to_be_visible()
        page.get_by_role("link", name="R-001").click()
        page.get_by_text("Say who it is…").click()
        walk.look("who is it")
        page.get_by_label("How you know it").fill(ALREADY)
        page.get_by_role("button", name="It is this person").click()
        expect(page.get_by_text("It is known whose request it is")).to_be_visible()

        page.context.clear_cookies()
        walk.go(path_in(site.newest_letter("ina@example.org")))
        walk.look("how it is sealed")
        page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
        page.get_by_label("The same again").fill(PASSPHRASE)
        page.get_by_role("button", name="Make my copy").click()
        walk.go(path_in(site.newest_letter("ina@example.org")))  # once it is ready
        walk.look("the copy is ready")
        page.locator("#open-with").fill(PASSPHRASE)
        with page.expect_download() as download:
            page.get_by_role("button", name="Open and download").click()
        assert download.value.path().read_bytes().startswith(b"PK")
        assert walk.wrong == {}


def test_invited_by_mail_and_an_account_claimed(chromium: Browser, site: Site, firm: Organisation) -> None:
    kim = firm.add_person("Kim Example")
    firm.change("update person set email = 'kim@example.org' where person_id = %s", [kim])
    device = firm.enrol(firm.owner_id, account="robin")  # a device that came in for somebody else
    with browsing(chromium, firm.address) as page:
        walk = Walk(page, firm)
        walk.sign_in(firm.owner_id, f"/people/{kim}")
        walk.look("a person to invite")
        page.get_by_role("button", name="Send a sign-in link").click()
        expect(page.get_by_text("A link is on its way to them.")).to_be_visible()
        page.context.clear_cookies()
        walk.go(path_in(site.newest_letter("kim@example.org")))
        page.get_by_role("button", name="Sign in as").click()
        page.wait_for_url(re.compile(r"/me$"))

        walk.go(path_of_claim(device, "kim"))
        expect(page.get_by_role("heading", name="Is this account yours?")).to_be_visible()
        walk.look("claiming")
        page.get_by_role("button", name="Yes, it is mine").click()
        expect(page.get_by_text("The account is yours from now on.")).to_be_visible()
        walk.look("my devices")
        assert walk.wrong == {}


def path_of_claim(device: Any, account: str) -> str:
    """As `toktra claim` gets it: the agent's own code asks the running server."""
    transport = Transport(
        server=device.address, key_id=device.enrolled.key_id, private_key=device.private_key, ca_file=None
    )
    claimed = Claims(transport.post, server=device.address, name=lambda uid: account)._outcome(account)
    transport.close()
    assert isinstance(claimed, Claimed)
    return claimed.url.removeprefix(device.address)


def test_directory_sync_and_how_finely_use_is_kept(chromium: Browser, firm: Organisation) -> None:
    officer = firm.add_person("Pat Example", Role.PRIVACY_OFFICER)
    with browsing(chromium, firm.address) as page:
        walk = Walk(page, firm)
        walk.sign_in(firm.owner_id, "/people/sync")
        walk.look("directory sync, none yet")
        page.get_by_label("Name", exact=True).fill("Our directory")
        page.get_by_role("button", name="Make a token").click()
        token = page.get_by_role("status").locator("code").inner_text().strip()
        add_group(firm.address, token, "Engineering")
        walk.look("directory sync, a token")
        walk.go("/people/sync")
        page.get_by_label("What Engineering means").select_option("department")
        page.get_by_role("row", name="Engineering").get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Saved.")
        walk.look("directory sync, a group")
        page.get_by_role("button", name="End the token Our directory").click()
        expect(page.get_by_role("status")).to_contain_text("The token has ended.")

        walk.sign_in(officer, "/attribution")
        walk.look("attribution, by person")
        page.get_by_label("Keep use by").first.select_option("department")
        page.get_by_label("Reason").first.fill("Works agreement of 1 March.")
        page.get_by_role("button", name="Delete the detail and keep less").click()
        expect(page.get_by_role("heading", name="Kept by: Department")).to_be_visible()
        walk.look("attribution, by department")
        walk.go("/me")
        walk.look("my usage, not kept")
        walk.go("/me/notices")
        expect(page.get_by_text("Works agreement of 1 March.")).to_be_visible()
        assert walk.wrong == {}


def add_group(address: str, token: str, name: str) -> None:
    """As the organisation's own directory does."""
    answer = urllib3.PoolManager().request(
        "POST",
        f"{address}/scim/v2/Groups",
        json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name},
        headers={"authorization": f"Bearer {token}", "content-type": "application/scim+json"},
    )
    assert answer.status == 201, answer.data
