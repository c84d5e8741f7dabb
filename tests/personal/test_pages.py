"""The files of the page: vendored ones as published, imports that lead somewhere, and nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
import tomllib

import httpx
import pytest

from toktra.personal.pages import OWN, PAGE

MANIFEST = tomllib.loads((OWN / "vendor" / "manifest.toml").read_text())["file"]


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["path"])
def test_vendored_file(entry: dict[str, str]) -> None:
    assert hashlib.sha256((OWN / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["version"]
    assert entry["licence"]


def test_every_vendored_file_is_in_the_manifest() -> None:
    present = {path.relative_to(OWN).as_posix() for path in (OWN / "vendor").rglob("*") if path.is_file()}
    assert present - {"vendor/manifest.toml"} == {entry["path"] for entry in MANIFEST}


async def test_the_page_and_all_it_imports_are_served(api: httpx.AsyncClient) -> None:
    page = await api.get("/")
    assert page.status_code == 200
    assert "{static}" not in page.text
    todo = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
    assert {name.rpartition("/")[2] for name in todo} >= {"tokens.css", "components.css", "ledger.js"}
    base = next(name for name in todo if name.endswith("ledger.js"))
    todo.add(base.replace("ledger.js", "worker.js"))  # started by address, not imported
    seen: set[str] = set()
    while todo:
        address = todo.pop()
        answer = await api.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
        seen.add(address)
        if address.endswith(".js"):
            names = re.findall(r'(?m)^(?:import|export)\b[^;]*?\bfrom\s+["\']([^"\']+)["\']', answer.text)
            assert all(name.startswith((".", "/static/")) for name in names), address
            todo |= {str(httpx.URL(f"http://test{address}").join(name).path) for name in names} - seen
    assert any("/vendor/age-encryption/recipients.js" in address for address in seen)


async def test_only_the_files_that_were_there_at_the_start_are_served(api: httpx.AsyncClient) -> None:
    for name in ("../pages.py", "vendor/manifest.toml", "missing.js", "%2e%2e/settings.py"):
        assert (await api.get(f"/static/x/{name}", follow_redirects=True)).status_code == 404


def test_nothing_inline_and_nothing_from_elsewhere() -> None:
    text = PAGE.read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)|https?://", text)
    for script in OWN.glob("*.js"):
        content = script.read_text()
        assert "innerHTML" not in content, "a record's words could be markup"
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", content)
        assert "http://" not in content.replace("http://www.w3.org/2000/svg", "")


def test_no_script_knows_of_personal_mode() -> None:
    """What no script touches, none can tell the service."""
    assert PAGE.read_text().count('href="toktra:personal/') == 3
    for script in OWN.glob("*.js"):
        assert "toktra:" not in script.read_text().replace("toktra perks", "")
        assert "h-mode" not in script.read_text()


async def test_the_policy_lets_nothing_else_in(api: httpx.AsyncClient) -> None:
    policy = (await api.get("/")).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
