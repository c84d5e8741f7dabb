"""POST /v1/oauth/token: an access token for an hour, for a client's id and secret (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form, Header, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from toktra.server.api import refusals
from toktra.server.api.clients import TOKEN_LIFETIME, Suspended, issue_token
from toktra.server.api.door import check_failures
from toktra.server.api.scopes import Scope

router = APIRouter(tags=["sign-in"])


class AccessToken(BaseModel):
    """What a client sends with its requests for the next hour."""

    access_token: Annotated[str, Field(examples=["example.Zm9yLWRvY3VtZW50YXRpb24tb25seS1ub3QtYS1zZWNyZXQ"])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a word of the protocol
    expires_in: Annotated[int, Field(description="Seconds", examples=[3600])]
    scope: Annotated[str, Field(description="What it allows, separated by spaces", examples=["usage:read costs:read"])]


class TokenRefused(BaseModel):
    """Why there is no token (RFC 6749, section 5.2)."""

    error: Literal["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]
    error_description: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "model": TokenRefused}
    for status, words in {400: "The request cannot be used", 401: "No such client, or not its secret"}.items()
}
_OTHERS: dict[int | str, dict[str, Any]] = {
    status: said for status, said in refusals.documented(413).items() if status not in {400, 401}
}


@router.post(
    "/oauth/token",
    summary="An access token",
    responses={**_REFUSALS, **_OTHERS},
    operation_id="fetch_token",
    response_model=AccessToken,
)
async def token(
    request: Request,
    *,
    grant_type: Annotated[str, Form(max_length=100, examples=["client_credentials"])] = "",
    scope: Annotated[str, Form(max_length=1000, description="Some of the client's scopes; all without it")] = "",
    client_id: Annotated[str, Form(max_length=200)] = "",
    client_secret: Annotated[str, Form(max_length=200)] = "",
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | AccessToken:
    """The client says its id and secret by HTTP Basic or in the form."""
    if not grant_type:
        return _refused("invalid_request", "grant_type is missing: send client_credentials")
    if grant_type != "client_credentials":
        return _refused("unsupported_grant_type", "only client_credentials is granted here")
    if authorization:
        client_id, client_secret = _basic(authorization)
    try:
        issued = await issue_token(request.app.state.database, client_id, client_secret, scope.split())
    except Suspended:
        raise refusals.suspended() from None
    if issued is None:
        check_failures(request)
        return _refused("invalid_client", "there is no such client with this secret, or it was revoked", status=401)
    text, given = issued
    if not given:
        known = ", ".join(Scope)
        return _refused("invalid_scope", f"the client may do nothing of what was asked for; scopes are: {known}")
    return AccessToken(
        access_token=str(text),
        expires_in=int(TOKEN_LIFETIME.total_seconds()),
        scope=" ".join(one.value for one in given),
    )


def _basic(header: str) -> tuple[str, str]:
    """Id and secret, each of them form-encoded as section 2.3.1 says; empty ones for what is neither."""
    kind, _, said = header.partition(" ")
    try:
        decoded = base64.b64decode(said.strip(), validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        decoded = ""
    name, _, secret = decoded.partition(":")
    return unquote_plus(name), unquote_plus(secret)


def _refused(error: str, description: str, *, status: int = 400) -> Response:
    headers = {"www-authenticate": 'Basic realm="toktra"'} if status == 401 else {}
    return JSONResponse({"error": error, "error_description": description}, status, headers=headers)
