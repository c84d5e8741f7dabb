"""A provider that lies, is confused, or is somebody else: nothing it says is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from toktra.server.sign_in.sso.asking import ProviderFault, check_address
from toktra.server.sign_in.sso.journey import Client, Ticket, address_to, claims_from
from toktra.server.sign_in.sso.provider import Providers

KEY = RSAKey.generate_key(2048, {"kid": "1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "1"})
NEW_KEY = RSAKey.generate_key(2048, {"kid": "2"})
SECRET = "a secret of 32 characters or more"
NOW = datetime.now(UTC)


@dataclass
class Liar:
    """A provider that answers as it is told."""

    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "1"})
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "1"})
    key: Any = field(default_factory=lambda: KEY)
    published: list[Any] = field(default_factory=lambda: [KEY])
    token_status: int = 200
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, object]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
            ends["userinfo_endpoint"] = "/me"
            return 200, {"issuer": self.issuer, **{k: self.issuer + v for k, v in ends.items()}, **self.metadata}
        if path == "/jwks":
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        if path == "/me":
            return 200, self.userinfo
        now = int(datetime.now(UTC).timestamp())
        honest = {"iss": self.issuer, "aud": "toktra", "sub": "1", "nonce": "n", "iat": now, "exp": now + 60}
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        algorithms = [self.header["alg"]]
        token = jwt.encode(self.header, claims, self.key, algorithms=algorithms) if self.key else "e30.e30."
        return self.token_status, {"access_token": "a", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def liar() -> Iterator[Liar]:
    provider = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, answer = provider.answer(self.path)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name the server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


def ask(
    liar: Liar, providers: Providers | None = None, *, anew: bool = False, came_back: dict[str, str] | None = None
) -> dict[str, Any]:
    ticket = Ticket("s", "n", "v" * 43, "https://toktra.test/return", NOW, asks_anew=anew)
    client = Client(liar.issuer, "toktra", SECRET)
    return claims_from(providers or Providers(plain_loopback=True), client, ticket, {"code": "c", **(came_back or {})})


def test_an_honest_provider_is_believed(liar: Liar) -> None:
    liar.userinfo = {"sub": "1", "email": "ada@example.org"}
    claims = ask(liar)
    assert (claims["sub"], claims["email"]) == ("1", "ada@example.org")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another client"},
        {"aud": ["toktra", "another client"]},  # for two, without saying for whom of them
        {"aud": ["toktra", "another client"], "azp": "another client"},
        {"nonce": "of another journey"},
        {"nonce": None},
        {"exp": int((NOW - timedelta(days=1)).timestamp())},
        {"iat": int((NOW + timedelta(days=1)).timestamp())},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
        {"at_hash": "of-another-token"},
    ],
)
def test_a_token_that_is_not_for_us_here_and_now_is_refused(liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = claims
    with pytest.raises(ProviderFault):
        ask(liar)


@pytest.mark.parametrize("lie", ["other key", "client secret", "none", "key of the header"])
def test_a_signature_that_is_not_the_providers_is_refused(liar: Liar, lie: str) -> None:
    if lie == "other key":
        liar.key = OTHER_KEY
    elif lie == "client secret":  # everybody who has the secret could sign
        liar.key, liar.header = OctKey.import_key(SECRET), {"alg": "HS256"}
        liar.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}
    elif lie == "none":
        liar.key = None
        liar.metadata = {"id_token_signing_alg_values_supported": ["RS256", "none"]}
    else:
        liar.key, liar.header = OTHER_KEY, {"alg": "RS256", "jwk": OTHER_KEY.as_dict(private=False)}
    with pytest.raises(ProviderFault, match="cannot be believed"):
        ask(liar)


def test_a_key_that_was_added_since_is_fetched_and_not_for_ever_again(liar: Liar) -> None:
    clock = [0.0]
    providers = Providers(plain_loopback=True, clock=lambda: clock[0])
    ask(liar, providers)
    liar.key, liar.header, liar.published = NEW_KEY, {"alg": "RS256", "kid": "2"}, [KEY, NEW_KEY]
    with pytest.raises(ProviderFault):
        ask(liar, providers)
    clock[0] += 11
    ask(liar, providers)
    assert liar.asked.count("/jwks") == 2
    assert liar.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"issuer": "https://other.example"}, "calls itself"),
        ({"token_endpoint": "http://192.0.2.1/token"}, "must begin with https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "must begin with https"),
        ({"jwks_uri": None}, "incompletely"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "no way that could be checked"),
    ],
)
def test_a_provider_that_describes_itself_badly_is_not_asked_further(
    liar: Liar, metadata: dict[str, Any], words: str
) -> None:
    liar.metadata = metadata
    with pytest.raises(ProviderFault, match=words):
        ask(liar)
    assert liar.asked == ["/.well-known/openid-configuration"]


def test_an_answer_of_another_provider_is_refused_before_its_code_is_sent_anywhere(liar: Liar) -> None:
    for came_back in ({"iss": "https://other.example"}, {"iss": ""}, {"code": ""}, {"error": "login_required"}):
        with pytest.raises(ProviderFault):
            ask(liar, came_back=came_back)
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(ProviderFault, match="another provider"):
        ask(liar)
    assert "/token" not in liar.asked


def test_what_contradicts_the_token_is_refused(liar: Liar) -> None:
    liar.userinfo = {"sub": "2", "email": "robin@example.org"}
    with pytest.raises(ProviderFault, match="contradicts itself"):
        ask(liar)
    liar.userinfo = {"sub": "1", "email": "robin@example.org"}
    liar.claims = {"email": "ada@example.org"}
    assert ask(liar)["email"] == "ada@example.org"  # what was signed goes first


def test_an_old_session_at_the_provider_confirms_nothing(liar: Liar) -> None:
    for auth_time in (None, int((NOW - timedelta(days=1)).timestamp()), True, "now"):
        liar.claims = {"auth_time": auth_time}
        with pytest.raises(ProviderFault):
            ask(liar, anew=True)
    liar.claims = {"auth_time": int(NOW.timestamp())}
    assert ask(liar, anew=True)["sub"] == "1"


def test_damaged_answers_are_faults_and_no_failures_of_ours(liar: Liar) -> None:
    liar.token_status = 500
    with pytest.raises(ProviderFault, match="took its answer back"):
        ask(liar)
    for body in (b"", b"<html>", b"[]", b'{"a": "' + b"x" * (1 << 20) + b'"}'):
        liar.answer = lambda path, body=body: (200, body)  # type: ignore[method-assign,misc]
        with pytest.raises(ProviderFault):
            Providers(plain_loopback=True).metadata(liar.issuer)


def test_the_browser_is_sent_with_what_must_come_back(liar: Liar) -> None:
    liar.metadata = {"scopes_supported": ["openid", "groups"]}
    ticket = Ticket("state", "n", "v" * 43, "https://toktra.test/return", NOW, asks_anew=True)
    client = Client(liar.issuer, "toktra", SECRET, "groups")
    address = address_to(Providers(plain_loopback=True), client, ticket)
    assert address.startswith(f"{liar.issuer}/auth?response_type=code&client_id=toktra&")
    for part in ("state=state", "nonce=n", "code_challenge_method=S256", "prompt=login", "max_age=0", "+groups"):
        assert part in address
    assert SECRET not in address
    assert "v" * 43 not in address


@pytest.mark.parametrize(
    ("url", "plain_loopback", "usable"),
    [
        ("https://login.example.org/realms/a", False, True),
        ("http://127.0.0.1:9000", True, True),
        ("http://localhost:9000", True, True),
        ("http://127.0.0.1:9000", False, False),
        ("http://127.0.0.1.evil.example", True, False),
        ("http://192.0.2.1", True, False),
        ("https://", True, False),
        ("https://a@login.example.org", True, False),
        ("https://login.example.org:99999", True, False),
        ("//login.example.org", True, False),
        ("", True, False),
    ],
)
def test_only_https_or_a_provider_on_this_machine(url: str, plain_loopback: bool, usable: bool) -> None:
    try:
        check_address(url, plain_loopback=plain_loopback)
    except ProviderFault:
        assert not usable
    else:
        assert usable
