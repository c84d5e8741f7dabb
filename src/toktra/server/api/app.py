"""The API as an application of its own, which create_app mounts at /v1, and its OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from toktra.server.api import oauth
from toktra.server.api.body_limit import BodyLimit
from toktra.server.api.quota import Quota, QuotaHeaders
from toktra.server.api.refusals import ProblemDetails, on_busy, on_problem
from toktra.server.api.resources import (
    audit,
    budgets,
    costs,
    devices,
    exports,
    people,
    providers,
    rights,
    scheduled_exports,
    usage,
)
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.problems import Problem
from toktra.server.settings import ServerSettings
from toktra.server.web.rate_limit import FailureLimit

PREFIX: Final = "/v1"
VERSION: Final = "1.0"
"""Of the API, not of Toktra. New members and operations raise the second number; clients must pass over what they do
not know. Nothing that is there goes or changes its meaning below /v1."""
DESCRIPTION: Final = """\
What Toktra's pages show, for programs, by the same rules.

Every request carries `Authorization: Bearer TOKEN`: an API key, or an access token that an OAuth client fetched from
`/v1/oauth/token`. A program acts for the person who made its key: it may do what its scopes name and what that person's
role still allows.

Each answer says in `RateLimit-Policy` and `RateLimit` what is left of the quota of this minute. A refusal is a problem
document (RFC 9457), `application/problem+json`: it names the part of the request and what to do. Lists answer with
`next_cursor`; send it back as `cursor` for the items after it.
"""


def api_app(database: Database | None, settings: ServerSettings | None = None) -> FastAPI:
    """The application. Without a database it answers nothing but its own document."""
    app = FastAPI(
        title="Toktra",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,  # the page of the framework loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(QuotaHeaders), Middleware(BodyLimit)],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_problem,
            RequestValidationError: on_problem,
            DatabaseBusy: on_busy,
            psycopg.OperationalError: on_busy,
            Exception: on_problem,
        },
    )
    app.state.database = database
    app.state.settings = settings or ServerSettings()
    app.state.quota = Quota(app.state.settings.api_requests_per_minute)
    app.state.failures = FailureLimit(failures=20, window_s=60)
    known = (oauth, usage, costs, budgets, providers, people, devices, exports, scheduled_exports, audit, rights)
    for resource in known:
        app.include_router(resource.router)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=[{"url": PREFIX}],
        )
        schemas = made["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):  # the framework's own form, which is never sent
            schemas.pop(unused, None)
        models = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= models.pop("$defs")
        schemas["ProblemDetails"] = models
        app.openapi_schema = made
    return app.openapi_schema
