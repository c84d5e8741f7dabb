"""How a program shows who it is: an API key as it is, or an access token for an OAuth client's secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import quote_plus

import httpx

from toktra_client.errors import NotUnderstood, TokenRefused

EARLY_S = 60
"""An access token is fetched anew so long before it runs out."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client (RFC 6749, section 4.4), made under Settings, API access."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: Sequence[str] = ()
    """Some of the client's; all without it."""


class Credentials:
    """The bearer token to send now. Safe to share between threads."""

    def __init__(self, key: str | None, oauth: ClientCredentials | None, clock: Callable[[], float]) -> None:
        if (key is None) == (oauth is None):
            raise ValueError("Give either a key or an OAuth client.")
        self._oauth = oauth
        self._clock = clock
        self._lock = Lock()
        self._token = key or ""
        self._good_until = 0.0

    @property
    def can_renew(self) -> bool:
        """Whether another token can be had when one does not work any more."""
        return self._oauth is not None

    def token(self, http: httpx.Client) -> str:
        """Raises TokenRefused, NotUnderstood, httpx.TransportError, and httpx.HTTPStatusError for another refusal."""
        with self._lock:
            if self._oauth is not None and self._clock() >= self._good_until:
                self._fetch(http, self._oauth)
            return self._token

    def forget(self, token: str) -> None:
        """The next request fetches a new token, unless another thread has one already."""
        with self._lock:
            if token == self._token:
                self._good_until = 0.0

    def _fetch(self, http: httpx.Client, oauth: ClientCredentials) -> None:
        asked = {"grant_type": "client_credentials"}
        if oauth.scopes:
            asked["scope"] = " ".join(oauth.scopes)
        # Section 2.3.1: both are form-encoded before they are joined.
        named = httpx.BasicAuth(quote_plus(oauth.client_id), quote_plus(oauth.client_secret))
        answer = http.post("oauth/token", data=asked, auth=named)
        try:
            said = answer.json()
            if answer.is_success:
                self._token = str(said["access_token"])
                self._good_until = self._clock() + float(said["expires_in"]) - EARLY_S
                return
            if "error" in said:
                raise TokenRefused(str(said["error"]), str(said.get("error_description", "")))
        except (ValueError, KeyError, TypeError):
            raise NotUnderstood(f"{answer.url} answered {answer.status_code} and gave no access token.") from None
        answer.raise_for_status()
        raise NotUnderstood(f"{answer.url} answered {answer.status_code} and gave no access token.")
