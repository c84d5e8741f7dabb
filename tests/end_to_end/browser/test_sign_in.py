"""Signing in, in a real Chromium: by passkey of a virtual authenticator, by password and app, by work account."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.lab.axe import violations
from tests.lab.oidc_provider import NoProvider, OidcProvider, oidc_provider

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
PICTURES = ("sign-in", "sign-in-settings", "how-you-sign-in")
PASSWORD = "plenty of words in a row"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def secret_key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())
        yield


@pytest.fixture(scope="module")
def address(site: Any) -> str:
    """The site by a name: at an IP address browsers make no passkeys."""
    return str(site.address).replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def guild(site: Any) -> Any:
    organisation = site.organisation("guild", "Example guild")
    organisation.change("update person set email = 'robin@example.org' where person_id = %s", [organisation.owner_id])
    return organisation


@pytest.fixture(scope="module")
def provider(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    try:
        with oidc_provider(tmp_path_factory.mktemp("oidc"), [f"{address}/sign-in/guild/sso/return"]) as running:
            yield running
    except NoProvider as reason:
        pytest.skip(str(reason))


@pytest.fixture
def context(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """A browser that complains about nothing: no breach of the policy, no request elsewhere, no failing script."""
    context = chromium.new_context(base_url=address, viewport={"width": 1440, "height": 1000}, locale="en-GB")
    context.set_default_timeout(30_000)
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield context
    context.close()
    assert faults == []


def check(page: Page, name: str) -> None:
    """No fault for axe, nothing to scroll sideways on a phone; and the docs' pictures where they are asked for."""
    if os.environ.get("TOKTRA_PICTURES") and name in PICTURES:
        page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
    for width, scheme in ((1440, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 1000})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert violations(page) == [], (name, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def sign_in_by_link(page: Page, organisation: Any, address: str, person: Any = None) -> None:
    page.goto(organisation.sign_in_link(person).replace(organisation.address, address))
    page.get_by_role("button", name="Sign in as").click()


def make_stale(organisation: Any) -> None:
    """Everybody's last proof is a while ago."""
    statement = "update session set proven_at = now() - interval '6 minutes' where tenant_id = %s"
    organisation.change(statement, [organisation.tenant.tenant_id])


def virtual_device(page: Page) -> None:
    """A laptop whose own lock holds passkeys, as Chromium's tests have it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_passkey_is_added_signs_in_and_confirms(context: BrowserContext, guild: Any, address: str) -> None:
    page = context.new_page()
    virtual_device(page)
    sign_in_by_link(page, guild, address)
    page.goto("/me/sign-in")
    expect(page.get_by_text("no way in but one-time links")).to_be_visible()
    page.get_by_label("A name for it").fill("Work laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("rowheader", name="Work laptop")).to_be_visible()
    expect(page.get_by_text("You have no recovery codes")).to_be_visible()
    check(page, "how-you-sign-in")
    page.get_by_role("button", name="Make ten new codes").click()
    expect(page.locator(".codes li")).to_have_count(10)
    check(page, "codes")

    page.get_by_role("button", name="Sign out").click()
    page.goto("/sign-in/guild?next=/people")
    check(page, "sign-in without the organisation's own")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()

    make_stale(guild)
    page.goto("/settings/sign-in")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    check(page, "confirm")
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.get_by_role("heading", name="Your organisation’s own sign-in")).to_be_visible()
    make_stale(guild)
    page.goto("/me/sign-in")
    page.get_by_role("button", name="Add a passkey").click()  # the script is sent to the same question
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()

    elsewhere = context.new_page()
    virtual_device(elsewhere)
    elsewhere.goto("/sign-in/guild")
    elsewhere.get_by_role("button", name="Use a passkey").click()
    expect(elsewhere.get_by_role("alert")).to_contain_text("No passkey was used")


def test_a_password_and_an_app_are_set_up_and_sign_in(
    chromium: Browser, context: BrowserContext, guild: Any, address: str
) -> None:
    page = context.new_page()
    person = guild.add_person("Ada Exempel")
    guild.change("update person set email = 'ada@example.org' where person_id = %s", [person])
    sign_in_by_link(page, guild, address, person)
    page.get_by_role("link", name="How you sign in").click()
    page.get_by_role("link", name="Set a password").click()
    check(page, "password")
    app = pyotp.TOTP(page.locator("code.seal").inner_text().replace(" ", ""))
    page.get_by_label("New password").fill("too short")
    page.get_by_label("Code from your authenticator app").fill("000000")
    page.get_by_role("button", name="Set password and app").click()
    expect(page.locator("#password-error")).to_contain_text("at least 12 characters")
    check(page, "password-refused")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(app.generate_otp(int(time.time()) // 30 - 1))
    page.get_by_role("button", name="Set password and app").click()
    expect(page.get_by_text("Password and app are set")).to_be_visible()

    plain = chromium.new_context(base_url=address, java_script_enabled=False)
    quiet = plain.new_page()  # without script there is all but the passkey
    quiet.goto("/sign-in/guild?next=/me/devices")
    expect(quiet.get_by_role("button", name="Use a passkey")).to_be_hidden()
    quiet.get_by_label("Work e-mail").fill("ada@example.org")
    quiet.get_by_label("Password").fill("wrong words in a row")
    quiet.get_by_label("Code from your authenticator app").fill("123456")
    quiet.get_by_role("button", name="Sign in", exact=True).click()
    expect(quiet.get_by_role("alert")).to_contain_text("do not belong together")
    quiet.get_by_label("Password").fill(PASSWORD)
    quiet.get_by_label("Code from your authenticator app").fill(app.generate_otp(int(time.time()) // 30))
    quiet.get_by_role("button", name="Sign in", exact=True).click()
    expect(quiet.get_by_role("heading", name="My devices")).to_be_visible()
    plain.close()


def test_the_organisations_own_sign_in_is_set_up_and_used(
    chromium: Browser, context: BrowserContext, guild: Any, address: str, provider: OidcProvider
) -> None:
    page = context.new_page()
    sign_in_by_link(page, guild, address)
    page.get_by_role("link", name="Sign-in", exact=True).click()
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Client ID").fill(provider.client_id)
    page.get_by_label("Domains of your e-mail addresses").fill("nodot")
    page.get_by_role("button", name="Ask the provider and save").click()
    expect(page.get_by_role("alert")).to_contain_text("is no domain")
    check(page, "sso-refused")
    page.get_by_label("Client secret").fill(provider.client_secret)
    page.get_by_label("Domains of your e-mail addresses").fill("example.org")
    page.get_by_label("Claim with groups").fill("groups")
    page.get_by_label("Group 1", exact=True).fill("auditors")
    page.get_by_label("Role for group 1").select_option("Auditor")
    page.get_by_role("button", name="Ask the provider and save").click()
    expect(page.get_by_text("The sign-in page offers the work account")).to_be_visible()
    check(page, "sign-in-settings")

    provider.tell("eva", email="eva@example.org", email_verified=True, name="Eva Příklad", groups=["auditors"])
    other = chromium.new_context(base_url=address, locale="en-GB")
    work = other.new_page()
    work.goto("/sign-in/guild")
    check(work, "sign-in")
    work.get_by_role("link", name="Continue with your work account").click()
    work.locator("input[name=login]").fill("eva")
    work.locator("input[name=password]").fill("any")
    work.get_by_role("button", name=re.compile("sign-in", re.IGNORECASE)).click()
    expect(work.get_by_text("Eva Příklad").first).to_be_visible()
    expect(work.get_by_role("link", name="Audit trail")).to_be_visible()
    other.close()
