"""Who asks, and whether they may: the one dependency of every operation."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2, SecurityScopes

from toktra.server.api import refusals
from toktra.server.api.clients import Caller, Suspended, whose
from toktra.server.api.quota import Quota
from toktra.server.api.scopes import WORDS, Scope
from toktra.server.web.rate_limit import FailureLimit

TOKEN_PATH: Final = "/v1/oauth/token"  # noqa: S105 - an address

_key: Final = HTTPBearer(
    scheme_name="ApiKey", description="An API key, made under Settings, API access", auto_error=False
)
_oauth: Final = OAuth2(
    scheme_name="OAuth2",
    description="An access token for an hour, for a client's secret (RFC 6749, section 4.4)",
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl=TOKEN_PATH, scopes={scope.value: words for scope, words in WORDS.items()}
        )
    ),
    auto_error=False,
)


async def allowed(
    request: Request,
    needed: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_key)],
    _token: Annotated[Any, Depends(_oauth)] = None,
) -> Caller:
    """Who asks, when the key works, has every scope the operation names, and its quota is not used up."""
    caller = await _caller(request, credentials.credentials if credentials else "")
    quota: Quota = request.app.state.quota
    left = quota.take(caller.client_id)
    request.state.quota_left = left
    if left.is_over:
        raise refusals.slow_down(left.reset_s)
    missing = [scope for scope in needed.scopes if Scope(scope) not in caller.scopes]
    if missing:
        raise refusals.not_allowed(missing)
    return caller


async def _caller(request: Request, text: str) -> Caller:
    try:
        caller = await whose(request.app.state.database, text)
    except Suspended:
        raise refusals.suspended() from None
    if caller is not None:
        return caller
    check_failures(request)
    raise refusals.not_authenticated()


def check_failures(request: Request) -> None:
    """Counts one more try with what does not work. Raises Problem 429 when this source made too many."""
    failures: FailureLimit = request.app.state.failures
    source = request.client.host if request.client else ""
    wait_s = failures.retry_after_s(source)
    failures.count_failure(source)
    if wait_s:
        raise refusals.slow_down(wait_s)
