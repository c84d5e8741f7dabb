"""What an OpenID provider says about itself (OpenID Connect Discovery 1.0), and the keys it signs with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from toktra.server.sign_in.sso.asking import ProviderFault, ask, check_address
from toktra.server.web.language import _

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that only the provider can make: no "none", and none with the client's own secret."""
_KEPT_FOR_S: Final = 600.0
_KEYS_AGAIN_AFTER_S: Final = 10.0
"""An unknown key makes us ask for keys again, but not more often than this."""


class Metadata(msgspec.Struct, frozen=True):
    """What of a provider's configuration is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])
    id_token_signing_alg_values_supported: list[str] = msgspec.field(default_factory=lambda: ["RS256"])
    scopes_supported: list[str] = msgspec.field(default_factory=list)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> list[str]:
        return sorted(ALGORITHMS.intersection(self.id_token_signing_alg_values_supported))


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    asked_at: float
    keys: KeySet | None = None
    keys_asked_at: float = 0.0


@dataclass(slots=True)
class Providers:
    """The providers this process has asked, remembered for minutes. Its methods block: call them in a thread."""

    plain_loopback: bool
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, _Known] = field(default_factory=dict)

    def metadata(self, issuer: str) -> Metadata:
        """The provider's configuration. Raises ProviderFault."""
        return self._provider(issuer).metadata

    def keys(self, issuer: str, *, anew: bool = False) -> KeySet:
        """The keys the provider signs with; `anew` when one was missing. Raises ProviderFault."""
        known = self._provider(issuer)
        is_due = known.keys is None or (anew and self.clock() - known.keys_asked_at > _KEYS_AGAIN_AFTER_S)
        if known.keys is None or is_due:
            _status, answer = ask(known.metadata.jwks_uri)
            known.keys, known.keys_asked_at = _key_set(answer), self.clock()
        return known.keys

    def _provider(self, issuer: str) -> _Known:
        known = self._known.get(issuer)
        if known is None or self.clock() - known.asked_at > _KEPT_FOR_S:
            known = self._known[issuer] = _Known(self._discover(issuer), self.clock())
        return known

    def _discover(self, issuer: str) -> Metadata:
        check_address(issuer, plain_loopback=self.plain_loopback)
        status, answer = ask(get_well_known_url(issuer, external=True))
        if status != 200:
            raise ProviderFault(
                _("At %(issuer)s is no OpenID provider (status %(status)s).") % {"issuer": issuer, "status": status}
            )
        try:
            found = msgspec.convert(answer, Metadata)
        except msgspec.ValidationError as error:
            raise ProviderFault(
                _("The provider at %(issuer)s describes itself incompletely: %(fault)s")
                % {"issuer": issuer, "fault": error}
            ) from None
        if found.issuer != issuer:
            raise ProviderFault(
                _("The provider calls itself “%(found)s”, not “%(issuer)s”. Use its own name, letter by letter.")
                % {"found": found.issuer[:200], "issuer": issuer}
            )
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint):
            if address is not None:
                check_address(address, plain_loopback=self.plain_loopback)
        if not found.algorithms:
            raise ProviderFault(_("The provider signs in no way that could be checked here, such as RS256."))
        return found


def _key_set(answer: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set(answer)  # type: ignore[arg-type]
    except (JoseError, ValueError, KeyError, TypeError):
        raise ProviderFault(_("The provider’s keys cannot be read.")) from None
