"""Every route as every role meets it: through the application, with a real session."""

from __future__ import annotations

import httpx
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role, may
from toktra.server.web.site import site_pages
from toktra.server.web.templates import STATIC

PLACES = {"/sign-in/{token}": "/sign-in/no.link", "/static/{version}/{name:path}": STATIC.address("site.css")}
SLUG = "{slug:slug}"


@pytest.mark.parametrize("role", Role)
async def test_every_route_for_every_role(
    api: httpx.AsyncClient, database: Database, tenant: object, role: Role
) -> None:
    del tenant
    organisation = await find_tenant(database, "north")
    assert organisation is not None
    if role is not Role.VISITOR:
        person = await add_person(database, organisation.tenant_id, display_name="Kim", role=role)
        await api.post(await create_sign_in_link(database, organisation, person))
    # Signing out comes last: after it, everyone is a visitor.
    for page in sorted(site_pages(), key=lambda page: page.path == "/sign-out"):
        for method in (page.methods or set()) - {"HEAD"}:
            answer = await api.request(method, PLACES.get(page.path, page.path.replace(SLUG, "north")))
            refused = 401 if role is Role.VISITOR else 403
            assert (answer.status_code == refused) == (not may(role, page.action)), (method, page.path)
            assert answer.status_code < 500


async def test_every_answer_has_the_strict_policy(api: httpx.AsyncClient) -> None:
    for path in ("/", "/sign-in", "/sign-in/x", "/no/such/page", STATIC.address("tokens.css")):
        headers = (await api.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == (
            "no-store" if "/static/" not in path else "public, max-age=31536000, immutable"
        )


async def test_an_address_that_leads_nowhere_says_so(api: httpx.AsyncClient) -> None:
    answer = await api.get("/no/such/page")
    assert answer.status_code == 404
    assert "no such page" in answer.text
    missing = await api.get("/static/0/../../page.py")
    assert missing.status_code == 404
