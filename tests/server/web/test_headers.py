"""Forged requests are refused; honest ones, from browsers old and new and from devices, are not."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from toktra.server.web.headers import POLICY, is_foreign


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://toktra.example:8420"}, True),
        ({"origin": "http://toktra.example:8420"}, False),
        ({"origin": "https://toktra.example:8420"}, False),
        ({"origin": "http://toktra.example"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({}, False),
    ],
)
def test_is_foreign(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(Headers({"host": "toktra.example:8420", **headers})) is foreign


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert POLICY.startswith("default-src 'none'")
    for loophole in ("unsafe", "http", "data:", "blob:", "*", "nonce", "sha256"):
        assert loophole not in POLICY
