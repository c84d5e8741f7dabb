"""The site: every page with its action, and what wraps them. `create_app` mounts both; nothing else knows the pages."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from toktra.server.api.site_routes import api_client_pages
from toktra.server.audit.routes import audit_pages
from toktra.server.budgets.routes import budget_pages
from toktra.server.costs.routes import cost_pages
from toktra.server.devices.claim_pages import claim_pages
from toktra.server.devices.site_routes import device_pages
from toktra.server.directory.routes import directory_pages
from toktra.server.exports.routes import export_pages
from toktra.server.notices.routes import notice_pages
from toktra.server.people.routes import link_pages
from toktra.server.perks.portal_routes import own_perks_pages
from toktra.server.perks.routes import perks_pages
from toktra.server.portal.routes import portal_pages
from toktra.server.privacy_hours.routes import privacy_hours_pages
from toktra.server.privacy_office.routes import privacy_office_pages
from toktra.server.reconciliation.routes import reconciliation_pages
from toktra.server.retention.routes import retention_pages
from toktra.server.rights.mailed.routes import ByMail
from toktra.server.rights.office_routes import office_rights_pages
from toktra.server.rights.portal_routes import own_rights_pages
from toktra.server.scim.site_routes import sync_pages
from toktra.server.sign_in.routes import sign_in_pages
from toktra.server.statements.routes import statement_pages
from toktra.server.tenants.attribution_routes import attribution_pages
from toktra.server.usage.breakdown.routes import breakdown_pages
from toktra.server.usage.routes import usage_pages
from toktra.server.web import notices
from toktra.server.web.access import ALLOWED, Action
from toktra.server.web.headers import SameOrigin, SecurityHeaders
from toktra.server.web.language_choice import ReadersLanguage, language_pages
from toktra.server.web.page import Page, Visit
from toktra.server.web.templates import STATIC
from toktra.server.webhooks.routes import webhook_pages


async def static_file(visit: Visit) -> Response:
    """A style sheet, font or script."""
    version, name = visit.request.path_params["version"], visit.request.path_params["name"]
    return STATIC.answer(version, name) or notices.not_found()


def site_pages() -> list[Page]:
    """Every page of the site. Raises ValueError for one whose action has no line in the table."""
    pages = [
        *usage_pages(),
        *breakdown_pages(),
        *cost_pages(),
        *statement_pages(),
        *budget_pages(),
        *webhook_pages(),
        *api_client_pages(),
        *reconciliation_pages(),
        *attribution_pages(),
        *export_pages(),
        *audit_pages(),
        *portal_pages(),
        *privacy_office_pages(),
        *own_rights_pages(),
        *office_rights_pages(),
        *ByMail().pages(),
        *retention_pages(),
        *notice_pages(),
        *perks_pages(),
        *own_perks_pages(),
        *privacy_hours_pages(),
        *device_pages(),
        *claim_pages(),
        *sync_pages(),
        *directory_pages(),
        *sign_in_pages(),
        *link_pages(),
        *language_pages(),
        Page("/static/{version}/{name:path}", static_file, action=Action.FETCH_STATIC_FILE),
    ]
    unlisted = [page.path for page in pages if page.action not in ALLOWED]
    if unlisted:
        raise ValueError(f"no role may open {', '.join(unlisted)}: list the action in access.py")
    return pages


def site_routes() -> list[BaseRoute]:
    """The pages, and last a page for every address that does not exist. They read the pool from app.state.database."""
    return [*site_pages(), Route("/{anything:path}", nowhere, methods=["GET"])]


async def nowhere(request: Request) -> Response:
    """The answer to an address that leads nowhere; it says the same to everyone, so it has no action."""
    del request
    return notices.not_found()


def site_middleware() -> list[Middleware]:
    """The strict policy on every answer of the app, the refusal of forged requests, and the reader's language."""
    return [Middleware(SecurityHeaders), Middleware(SameOrigin), Middleware(ReadersLanguage)]
