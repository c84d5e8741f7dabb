"""Writes the extension's manifest, hosts and estimator's tables from the catalogue and extension/uses.toml.

    build_extension.py            write them
    build_extension.py --check    exit with 1 when one is not what it should be
    build_extension.py --pack chrome|firefox FILE    the package for a store: what that browser knows, and no more

What the extension may see is decided here: a host gets a permission only when the catalogue has it and it is known
which requests to it are a use of AI. A name with a star inside (bedrock-runtime.*.amazonaws.com) cannot be granted
without all of amazonaws.com, so it is not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toktra
from toktra.agent.browser.identity import CHROME_KEY, FIREFOX_ID
from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.browser_tables import browser_tables
from toktra.catalogue.providers import Kind

EXTENSION = Path(__file__).parents[1] / "extension"
USES = EXTENSION / "uses.toml"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    # Its organisation's server, whose address is not known here: encrypted, or on this machine. It needs no permission.
    "connect-src https: http://localhost:* http://127.0.0.1:*"
)
OLDEST_CHROME = "123"  # the popup's light-dark()
OLDEST_FIREFOX = "142.0"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the extension is told about hosts and uses."""

    exact: list[str]
    suffixes: list[str]
    one_label: list[str]
    """As a suffix, for names of one label more."""
    left_out: list[str]
    grants: list[str]
    """Match patterns of whole hosts: the permissions."""
    requests: list[str]
    """Match patterns of what counts as a use, of POST requests."""
    sockets: list[str]
    """The same for WebSockets."""


class Unusable(ValueError):
    """uses.toml says something that cannot be followed."""


def rules(catalogue: Catalogue, uses: list[dict[str, Any]]) -> Rules:
    """Raises Unusable naming the entry at fault."""
    apis = [provider for provider in catalogue.providers if provider.kind is Kind.API]
    exact = sorted({host for provider in apis for host in provider.hosts})
    suffixes = sorted({suffix for provider in apis for suffix in provider.suffixes})
    stars = [rule for provider in apis for rule in provider.patterns]
    one_label = sorted(rule[2:] for rule in stars if rule.startswith("*.") and "*" not in rule[2:])
    below = sorted({*suffixes, *one_label})
    by_path = [str(use.get("host")) for use in uses]
    whole = [host for host in exact if host not in by_path]
    requests = [f"{one}/*" for one in _origins("https", whole, below)]
    sockets = [f"{one}/*" for one in _origins("wss", whole, below)]
    for use in uses:
        _check(use, catalogue, by_path)
        requests += [f"https://{use['host']}{path}{end}" for path in use["paths"] for end in _ends(path)]
        sockets += [f"wss://{use['host']}{path}{end}" for path in use.get("sockets", []) for end in _ends(path)]
    exact = sorted({*exact, *by_path})
    grants = [f"{one}/*" for scheme in ("https", "wss") for one in _origins(scheme, exact, below)]
    left_out = sorted({host for provider in catalogue.providers for host in provider.left_out})
    return Rules(exact, suffixes, one_label, left_out, grants, requests, sockets)


def manifest(found: Rules) -> dict[str, Any]:
    """Manifest V3 for Chrome, Edge and Firefox alike."""
    return {
        "manifest_version": 3,
        "name": "__MSG_name__",
        "description": "__MSG_description__",
        "version": toktra.__version__.partition(".dev")[0].partition("a")[0],
        "default_locale": "en",
        "key": CHROME_KEY,
        "minimum_chrome_version": OLDEST_CHROME,
        "browser_specific_settings": {
            "gecko": {
                "id": FIREFOX_ID,
                "strict_min_version": OLDEST_FIREFOX,
                "data_collection_permissions": {"required": ["browsingActivity"]},
            }
        },
        "incognito": "not_allowed",
        "icons": {str(size): f"icons/toktra-{size}.png" for size in (16, 32, 48, 128)},
        "action": {"default_popup": "popup.html", "default_title": "__MSG_name__"},
        "background": {"service_worker": "worker.js", "scripts": ["worker.js"], "type": "module"},
        "permissions": ["alarms", "nativeMessaging", "storage", "webRequest"],
        "host_permissions": found.grants,
        "storage": {"managed_schema": "managed.json"},
        "content_security_policy": {"extension_pages": POLICY},
    }


def hosts(found: Rules) -> dict[str, Any]:
    """The content of hosts.json."""
    return {
        "exact": found.exact,
        "suffixes": found.suffixes,
        "one_label": found.one_label,
        "left_out": found.left_out,
        "requests": found.requests,
        "sockets": found.sockets,
    }


def files() -> dict[Path, str]:
    """What is written, and where."""
    found = rules(load_catalogue(), tomllib.loads(USES.read_text("utf-8"))["use"])
    listed = json.dumps(hosts(found), indent=1)
    return {
        EXTENSION / "manifest.json": json.dumps(manifest(found), indent=2) + "\n",
        EXTENSION / "hosts.json": listed + "\n",
        # A worker that imports JSON is not started a second time (Chromium 156), so it has the same as a module.
        EXTENSION
        / "rules.js": f"// The content of hosts.json, made by scripts/build_extension.py.\nexport default {listed};\n",
        EXTENSION / "alone" / "coefficients.js": (
            "// The tables of src/toktra/catalogue/coefficients.toml, made by scripts/build_extension.py.\n"
            f"export default {_lines(browser_tables())};\n"
        ),
    }


def _lines(table: dict[str, Any]) -> str:
    """JSON with each list on one line."""
    whole = json.dumps(table, indent=1)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", whole)


def for_browser(whole: dict[str, Any], browser: str) -> dict[str, Any]:
    """The manifest without what the other browser would warn about."""
    background = dict(whole["background"])
    background.pop("scripts" if browser == "chrome" else "service_worker")
    others = ("browser_specific_settings",) if browser == "chrome" else ("key", "minimum_chrome_version", "storage")
    return {name: value for name, value in whole.items() if name not in others} | {"background": background}


def pack(browser: str, target: Path) -> None:
    """Writes the package, the same for the same sources."""
    found = rules(load_catalogue(), tomllib.loads(USES.read_text("utf-8"))["use"])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(EXTENSION.rglob("*")):
            if path.is_dir() or path == USES:
                continue
            content = path.read_bytes()
            if path.name == "manifest.json":
                content = json.dumps(for_browser(manifest(found), browser), indent=2).encode()
            package.writestr(zipfile.ZipInfo(path.relative_to(EXTENSION).as_posix()), content)


def _origins(scheme: str, exact: list[str], below: list[str]) -> Iterator[str]:
    yield from (f"{scheme}://{host}" for host in exact)
    yield from (f"{scheme}://*.{suffix}" for suffix in below)


def _ends(path: str) -> tuple[str, ...]:
    """Match patterns see the query too."""
    return ("",) if path.endswith("*") else ("", "?*")


def _check(use: dict[str, Any], catalogue: Catalogue, by_path: list[str]) -> None:
    host = use.get("host")
    if not isinstance(host, str) or catalogue.find(host) is None:
        raise Unusable(f"{USES.name}: {host!r} is no host of the catalogue")
    if by_path.count(host) > 1:
        raise Unusable(f"{USES.name}: {host} is there twice")
    paths = [*use.get("paths", []), *use.get("sockets", [])]
    if not paths:
        raise Unusable(f"{USES.name}: {host} has no path")
    for path in paths:
        if not path.startswith("/") or path.strip("/*") == "":
            raise Unusable(f"{USES.name}: {host}: {path!r} is no path of a use")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is not up to date")
    parser.add_argument("--pack", nargs=2, metavar=("BROWSER", "FILE"), help="chrome or firefox, and a .zip to write")
    arguments = parser.parse_args()
    if arguments.pack:
        pack(arguments.pack[0], Path(arguments.pack[1]))
        return 0
    check = arguments.check
    stale = [path for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.name} is not up to date: run scripts/build_extension.py", file=sys.stderr)
        else:
            path.write_text(files()[path], "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
