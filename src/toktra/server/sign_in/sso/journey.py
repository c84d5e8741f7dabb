"""One journey to the provider and back: an authorization code with PKCE, state and nonce (OpenID Connect Core, 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from authlib.oauth2.auth import encode_client_secret_basic
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from toktra.server.sign_in.sso.asking import ProviderFault, ask
from toktra.server.sign_in.sso.provider import Metadata, Providers
from toktra.server.web.language import _

SCOPE: Final = "openid email profile"
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core, 2."""
LEEWAY_S: Final = 60
"""How far the provider's clock may be off."""


@dataclass(frozen=True, slots=True)
class Client:
    """Us, as the provider knows us."""

    issuer: str
    client_id: str
    client_secret: str
    group_claim: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What must come back unchanged, or never leaves the server."""

    state: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    began_at: datetime
    asks_anew: bool
    """Whether the provider must ask who it is, whatever session it has."""


def address_to(providers: Providers, client: Client, ticket: Ticket) -> str:
    """Where the browser goes. Raises ProviderFault."""
    metadata = providers.metadata(client.issuer)
    anew = {"prompt": "login", "max_age": "0"} if ticket.asks_anew else {}
    address: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        client.client_id,
        "code",
        redirect_uri=ticket.redirect_uri,
        scope=SCOPE + (f" {client.group_claim}" if client.group_claim in metadata.scopes_supported else ""),
        state=ticket.state,
        nonce=ticket.nonce,
        code_challenge=create_s256_code_challenge(ticket.code_verifier),
        code_challenge_method="S256",
        **anew,
    )
    return address


def claims_from(providers: Providers, client: Client, ticket: Ticket, came_back: Mapping[str, str]) -> dict[str, Any]:
    """What the provider says about the person, checked. `came_back`: the query of the return. Raises ProviderFault."""
    metadata = providers.metadata(client.issuer)
    _check_return(metadata, came_back)
    tokens = _redeem(metadata, client, ticket, came_back["code"])
    claims = _checked(providers, metadata, client, ticket, tokens)
    return _completed(metadata, claims, tokens)


def _check_return(metadata: Metadata, came_back: Mapping[str, str]) -> None:
    """Also that the answer is this provider's and not another's (RFC 9207)."""
    named = came_back.get("iss")
    if named != metadata.issuer and (named is not None or metadata.authorization_response_iss_parameter_supported):
        raise ProviderFault(_("The answer came from another provider than was asked. Begin again."))
    if "error" in came_back or not came_back.get("code"):
        said = "".join(
            letter for letter in came_back.get("error", "no code")[:60] if letter.isalnum() or letter in "_ "
        )
        raise ProviderFault(_("Your organisation’s sign-in did not let you through (%(said)s).") % {"said": said})


def _redeem(metadata: Metadata, client: Client, ticket: Ticket, code: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": ticket.redirect_uri,
        "code_verifier": ticket.code_verifier,
    }
    headers: dict[str, str] = {}
    if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
        escaped = Client("", quote(client.client_id, safe=""), quote(client.client_secret, safe=""))  # RFC 6749, 2.3.1
        encode_client_secret_basic(escaped, "POST", metadata.token_endpoint, headers, None)
    else:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    status, tokens = ask(metadata.token_endpoint, form=form, headers=headers)
    if status != 200 or not isinstance(tokens.get("id_token"), str):
        said = str(tokens.get("error", ""))[:60]
        raise ProviderFault(
            _("Your organisation’s sign-in took its answer back (status %(status)s %(said)s). Begin again.")
            % {"status": status, "said": said}
        )
    return tokens


def _checked(
    providers: Providers, metadata: Metadata, client: Client, ticket: Ticket, tokens: dict[str, Any]
) -> dict[str, Any]:
    """The ID token's claims: signed by this provider, for us, for this journey, now."""
    registry = JWSRegistry(algorithms=metadata.algorithms, strict_check_header=False)
    try:
        try:
            token = jwt.decode(tokens["id_token"], providers.keys(client.issuer), registry=registry)
        except InvalidKeyIdError:
            token = jwt.decode(tokens["id_token"], providers.keys(client.issuer, anew=True), registry=registry)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": metadata.issuer},
                "aud": {"essential": True, "value": client.client_id},
            },
            {"nonce": ticket.nonce, "client_id": client.client_id, "access_token": tokens.get("access_token")},
        )
        claims.validate(leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderFault(
            _("Your organisation’s sign-in gave an answer that cannot be believed (%(fault)s). Begin again.")
            % {"fault": type(error).__name__}
        ) from None
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
        raise ProviderFault(_("Your organisation’s sign-in did not say who you are."))
    if ticket.asks_anew:
        _check_asked_anew(claims.get("auth_time"), ticket.began_at)
    return dict(claims)


def _check_asked_anew(auth_time: object, began_at: datetime) -> None:
    """An old session at the provider proves nothing about now."""
    earliest = (began_at - timedelta(seconds=LEEWAY_S)).timestamp()
    if not isinstance(auth_time, int | float) or isinstance(auth_time, bool) or auth_time < earliest:
        raise ProviderFault(
            _("Your organisation’s sign-in did not ask you again, so this confirms nothing. Confirm in another way.")
        )


def _completed(metadata: Metadata, claims: dict[str, Any], tokens: dict[str, Any]) -> dict[str, Any]:
    """With what the provider tells only when asked once more; what it signed goes first."""
    access_token = tokens.get("access_token")
    if metadata.userinfo_endpoint is None or not isinstance(access_token, str):
        return claims
    status, told = ask(metadata.userinfo_endpoint, headers={"authorization": f"Bearer {access_token}"})
    if status != 200 or told.get("sub") != claims["sub"]:
        raise ProviderFault(_("Your organisation’s sign-in contradicts itself about who you are."))
    return {**told, **claims}
