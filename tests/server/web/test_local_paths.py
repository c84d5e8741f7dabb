"""A sign-in leads to a page of this site and nowhere else."""

from __future__ import annotations

import pytest

from toktra.server.web.local_paths import local_path


@pytest.mark.parametrize("path", ["/", "/me", "/people?page=2&show=all", "/people/x#h-leave", "/%2F%2Fhost"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert local_path(path, "/home") == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("//host", "///host", "/\\host", "\\\\host", "https://host", "http:host", "http:///host"),
        *("/\thost", "/\n/host", "/a b", "/a\\b", "/ä", "/a\x00", "/\u2215"),
        *("javascript:alert(1)", " /me", "me", "?x", "#x", "", None, "/" + "x" * 500),
    ],
)  # fmt: skip
def test_anything_else_is_not(elsewhere: str | None) -> None:
    assert local_path(elsewhere, "/home") == "/home"
