"""Every route of the site has an action, every action a line in the table, and the table is what routes obey."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.routing import Route

from toktra.server.web.access import ALLOWED, Action, Role, may
from toktra.server.web.navigation import GROUPS, places_for
from toktra.server.web.page import Page
from toktra.server.web.site import nowhere, site_pages, site_routes

LEADERS = {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR}
EVERYONE = set(Role)
RUNNERS = {Role.OWNER, Role.ADMINISTRATOR}
NAME_READERS = {*RUNNERS, Role.PRIVACY_OFFICER, Role.AUDITOR}
DECIDERS = {Role.OWNER, Role.PRIVACY_OFFICER}
AUDITORS = {Role.OWNER, Role.PRIVACY_OFFICER, Role.AUDITOR}

EXPECTED: dict[tuple[str, str], set[Role]] = {
    ("GET", "/"): LEADERS,
    ("GET", "/overview/figures"): LEADERS,
    ("GET", "/usage"): LEADERS,
    ("GET", "/usage.csv"): LEADERS,
    ("GET", "/exports"): LEADERS,
    ("GET", "/exports/file"): LEADERS,
    ("GET", "/exports/scheduled"): LEADERS,
    ("POST", "/exports/scheduled"): RUNNERS,
    ("GET", "/exports/scheduled/{schedule_id}"): LEADERS,
    ("GET", "/exports/scheduled/{schedule_id}/edit"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/edit"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/pause"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/resume"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/test"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/end"): RUNNERS,
    ("POST", "/exports/scheduled/{schedule_id}/{first_day}/again"): RUNNERS,
    ("GET", "/cost"): LEADERS,
    ("GET", "/cost/{provider_id}"): LEADERS,
    ("GET", "/prices"): LEADERS,
    ("GET", "/prices/{provider_id}"): LEADERS,
    ("POST", "/prices/currency"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("POST", "/prices/exchange-rate"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("POST", "/prices/{provider_id}/{kind}"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements/cost-centres"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("POST", "/statements/cost-centres"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements/{month}"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements/{month}.pdf"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements/{month}/one"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/statements/{month}/one.pdf"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/budgets"): LEADERS,
    ("GET", "/budgets/new"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("POST", "/budgets/new"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/budgets/what-if"): LEADERS,
    ("GET", "/budgets/{budget_id}"): LEADERS,
    ("GET", "/budgets/{budget_id}.csv"): LEADERS,
    ("POST", "/budgets/{budget_id}"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("POST", "/budgets/{budget_id}/end"): {Role.OWNER, Role.ADMINISTRATOR, Role.FINANCE},
    ("GET", "/token-perks"): NAME_READERS,
    ("POST", "/token-perks/switch"): RUNNERS,
    ("POST", "/token-perks/tiers"): RUNNERS,
    ("POST", "/token-perks/tiers/{tier}/end"): RUNNERS,
    ("POST", "/token-perks/invitations"): RUNNERS,
    ("POST", "/token-perks/invitations/{invitation_id}/withdraw"): RUNNERS,
    ("GET", "/me/token-perks"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/token-perks/join"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/token-perks/leave"): EVERYONE - {Role.VISITOR},
    ("GET", "/webhooks"): RUNNERS,
    ("POST", "/webhooks"): RUNNERS,
    ("POST", "/webhooks/{endpoint_id}/end"): RUNNERS,
    ("POST", "/webhooks/deliveries/{delivery_id}/replay"): RUNNERS,
    ("GET", "/settings/api"): RUNNERS,
    ("POST", "/settings/api"): RUNNERS,
    ("POST", "/settings/api/{client_id}/revoke"): RUNNERS,
    ("GET", "/reconciliation"): LEADERS,
    ("POST", "/reconciliation/{provider_id}/connect"): {Role.OWNER, Role.ADMINISTRATOR},
    ("POST", "/reconciliation/{provider_id}/disconnect"): {Role.OWNER, Role.ADMINISTRATOR},
    ("GET", "/devices"): NAME_READERS,
    ("GET", "/devices.csv"): NAME_READERS,
    ("GET", "/devices/codes"): RUNNERS,
    ("POST", "/devices/codes"): RUNNERS,
    ("POST", "/devices/codes/{code_id}/end"): RUNNERS,
    ("GET", "/devices/{device_id}"): NAME_READERS,
    ("POST", "/devices/{device_id}/revoke"): RUNNERS,
    ("POST", "/devices/{device_id}/accounts"): RUNNERS,
    ("GET", "/people"): NAME_READERS,
    ("GET", "/people.csv"): NAME_READERS,
    ("GET", "/people/new"): RUNNERS,
    ("POST", "/people/new"): RUNNERS,
    ("GET", "/people/import"): RUNNERS,
    ("POST", "/people/import"): RUNNERS,
    ("GET", "/people/import/{import_id}"): RUNNERS,
    ("POST", "/people/import/{import_id}/columns"): RUNNERS,
    ("POST", "/people/import/{import_id}/apply"): RUNNERS,
    ("POST", "/people/import/{import_id}/discard"): RUNNERS,
    ("GET", "/people/sync"): RUNNERS,
    ("POST", "/people/sync/tokens"): RUNNERS,
    ("POST", "/people/sync/tokens/{token_id}/end"): RUNNERS,
    ("POST", "/people/sync/groups/{group_id}"): RUNNERS,
    ("GET", "/people/{person_id}"): NAME_READERS,
    ("POST", "/people/{person_id}"): RUNNERS,
    ("POST", "/people/{person_id}/leave"): RUNNERS,
    ("POST", "/people/{person_id}/sign-in-link"): RUNNERS,
    ("POST", "/people/{person_id}/law"): RUNNERS,
    ("POST", "/people/{person_id}/return"): RUNNERS,
    ("GET", "/what-is-collected"): EVERYONE - {Role.VISITOR},
    ("GET", "/attribution"): LEADERS,
    ("POST", "/attribution/more"): {Role.PRIVACY_OFFICER},
    ("POST", "/attribution/less"): {Role.OWNER, Role.PRIVACY_OFFICER},
    ("GET", "/audit"): AUDITORS,
    ("POST", "/audit/check"): AUDITORS,
    ("POST", "/audit.csv"): AUDITORS,
    ("GET", "/me"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/as-others-see-it"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/privacy-hours"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/privacy-hours"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/privacy-hours.json"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/privacy-hours/devices"): EVERYONE - {Role.VISITOR},
    ("GET", "/works-agreement"): NAME_READERS,
    ("POST", "/works-agreement"): {Role.PRIVACY_OFFICER},
    ("GET", "/me/events"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/events.csv"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/events.json"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/devices"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/devices/code"): EVERYONE - {Role.VISITOR},
    ("POST", "/claim"): EVERYONE - {Role.VISITOR},
    ("GET", "/claim/{code}"): EVERYONE - {Role.VISITOR},
    ("POST", "/claim/{code}"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/who-looked"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/notices"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/notices/{version}/confirm"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/rights"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/rights/new"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/rights/new"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/rights/{request_id}"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/rights/{request_id}/standing"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/rights/{request_id}/seal"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/rights/{request_id}/copy.zip"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/rights/{request_id}/copy.zip.age"): EVERYONE - {Role.VISITOR},
    ("GET", "/privacy-office"): AUDITORS,
    ("GET", "/rights"): AUDITORS,
    ("GET", "/rights/new"): DECIDERS,
    ("POST", "/rights/new"): DECIDERS,
    ("GET", "/rights/{request_id}"): AUDITORS,
    ("GET", "/rights/{request_id}/standing"): AUDITORS,
    ("GET", "/rights/{request_id}/receipt.json"): AUDITORS,
    ("POST", "/rights/{request_id}/take"): DECIDERS,
    ("POST", "/rights/{request_id}/identify"): DECIDERS,
    ("POST", "/rights/{request_id}/grant"): DECIDERS,
    ("POST", "/rights/{request_id}/refuse"): DECIDERS,
    ("POST", "/rights/{request_id}/extend"): DECIDERS,
    ("POST", "/rights/{request_id}/hold"): DECIDERS,
    ("GET", "/retention"): AUDITORS,
    ("POST", "/retention/change"): DECIDERS,
    ("GET", "/notices"): AUDITORS,
    ("POST", "/notices/about"): DECIDERS,
    ("POST", "/notices/language"): DECIDERS,
    ("POST", "/notices/first"): DECIDERS,
    ("GET", "/notices/preview"): AUDITORS,
    ("POST", "/notices/publish"): DECIDERS,
    ("GET", "/notices/{version}"): AUDITORS,
    ("GET", "/people/{person_id}/usage"): LEADERS - {Role.FINANCE},
    ("POST", "/people/{person_id}/usage"): LEADERS - {Role.FINANCE},
    ("GET", "/sign-in"): EVERYONE,
    ("GET", "/sign-in/{slug:slug}"): EVERYONE,
    ("POST", "/sign-in/{slug:slug}/password"): EVERYONE,
    ("GET", "/sign-in/{slug:slug}/recovery-code"): EVERYONE,
    ("POST", "/sign-in/{slug:slug}/recovery-code"): EVERYONE,
    ("POST", "/sign-in/{slug:slug}/passkey/options"): EVERYONE,
    ("POST", "/sign-in/{slug:slug}/passkey"): EVERYONE,
    ("GET", "/sign-in/{slug:slug}/sso"): EVERYONE,
    ("GET", "/sign-in/{slug:slug}/sso/return"): EVERYONE,
    ("GET", "/confirm"): EVERYONE - {Role.VISITOR},
    ("GET", "/confirm/sso"): EVERYONE - {Role.VISITOR},
    ("POST", "/confirm/password"): EVERYONE - {Role.VISITOR},
    ("POST", "/confirm/passkey/options"): EVERYONE - {Role.VISITOR},
    ("POST", "/confirm/passkey"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/sign-in"): EVERYONE - {Role.VISITOR},
    ("GET", "/me/sign-in/password"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/password"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/password/remove"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/passkeys/options"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/passkeys"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/passkeys/{passkey_id}/remove"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/recovery-codes"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/work-account/connect"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/work-account/disconnect"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/sessions/end-others"): EVERYONE - {Role.VISITOR},
    ("POST", "/me/sign-in/sessions/{session_id}/end"): EVERYONE - {Role.VISITOR},
    ("POST", "/people/{person_id}/sessions/end"): RUNNERS,
    ("GET", "/settings/sign-in"): {Role.OWNER},
    ("POST", "/settings/sign-in"): {Role.OWNER},
    ("POST", "/settings/sign-in/remove"): {Role.OWNER},
    ("POST", "/language"): EVERYONE,
    ("GET", "/ask/{slug:slug}"): EVERYONE,
    ("POST", "/ask/{slug:slug}"): EVERYONE,
    ("GET", "/ask/{token}"): EVERYONE,
    ("POST", "/ask/{token}"): EVERYONE,
    ("POST", "/ask/{token}/seal"): EVERYONE,
    ("POST", "/ask/{token}/copy.zip"): EVERYONE,
    ("POST", "/ask/{token}/copy.zip.age"): EVERYONE,
    ("GET", "/sign-in/{token}"): EVERYONE,
    ("POST", "/sign-in/{token}"): EVERYONE,
    ("POST", "/sign-out"): EVERYONE,
    ("GET", "/static/{version}/{name:path}"): EVERYONE,
}
"""Written by hand and a second time on purpose: a change of the table must be meant twice."""


@dataclass(frozen=True)
class Door:
    method: str
    path: str
    page: Page


def doors() -> list[Door]:
    return [
        Door(method, page.path, page) for page in site_pages() for method in sorted((page.methods or set()) - {"HEAD"})
    ]


def test_every_route_is_a_page_with_an_action() -> None:
    *pages, last = site_routes()
    assert all(isinstance(route, Page) and isinstance(route.action, Action) for route in pages)
    assert isinstance(last, Route)
    assert last.endpoint is nowhere


@pytest.mark.parametrize("door", doors(), ids=lambda door: f"{door.method} {door.path}")
@pytest.mark.parametrize("role", Role)
def test_every_route_for_every_role(door: Door, role: Role) -> None:
    assert (door.method, door.path) in EXPECTED, "a route that nobody decided about"
    assert may(role, door.page.action) == (role in EXPECTED[door.method, door.path])


def test_nothing_is_expected_that_does_not_exist() -> None:
    assert {(door.method, door.path) for door in doors()} == set(EXPECTED)


def test_every_action_has_a_line_and_is_used() -> None:
    assert set(ALLOWED) == set(Action)
    budgets = {Action.READ_PERSON_BUDGETS, Action.CHANGE_PERSON_BUDGETS}
    parts_of_pages = {Action.READ_LAST_EXCHANGES, Action.CHANGE_ROLES, *budgets}
    assert {page.action for page in site_pages()} | parts_of_pages == set(Action)


def test_an_action_without_a_line_is_nobodys() -> None:
    assert not any(may(role, "unheard-of:do") for role in Role)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", Role)
def test_navigation_offers_only_what_opens(role: Role) -> None:
    paths = {page.path: page for page in site_pages() if "GET" in (page.methods or ())}
    for place in (place for _label, places in GROUPS for place in places):
        assert paths[place.href].action is place.action
    assert all(may(role, place.action) for place in places_for(role))


def test_finance_sees_sums_and_no_single_exchange() -> None:
    assert may(Role.FINANCE, Action.READ_OVERVIEW)
    assert not may(Role.FINANCE, Action.READ_LAST_EXCHANGES)
