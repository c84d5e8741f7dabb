"""What the extension may do and which hosts it may see: generated from the catalogue, and no more than listed here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from toktra.agent.browser.identity import CHROME_KEY, chrome_id
from toktra.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "extension"
BUILD = ROOT / "scripts" / "build_extension.py"
MANIFEST = json.loads((EXTENSION / "manifest.json").read_text())
HOSTS = json.loads((EXTENSION / "hosts.json").read_text())

ALLOWED = {"alarms", "nativeMessaging", "storage", "webRequest"}
KEYS = {
    "manifest_version",
    "name",
    "description",
    "version",
    "default_locale",
    "key",
    "minimum_chrome_version",
    "browser_specific_settings",
    "incognito",
    "icons",
    "action",
    "background",
    "permissions",
    "host_permissions",
    "storage",
    "content_security_policy",
}


def origin(pattern: str) -> tuple[str, str]:
    """Scheme and host of a match pattern."""
    found = re.fullmatch(r"(https|wss)://((?:\*\.)?[a-z0-9.-]+)/.*", pattern)
    assert found, pattern
    return found[1], found[2]


def test_the_generated_files_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(BUILD), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_may_do_four_things_and_nothing_else() -> None:
    assert set(MANIFEST["permissions"]) == ALLOWED
    assert MANIFEST["storage"] == {"managed_schema": "managed.json"}
    assert set(MANIFEST) == KEYS  # no content scripts, no optional permissions, nothing open to pages
    assert MANIFEST["incognito"] == "not_allowed"
    policy = MANIFEST["content_security_policy"]["extension_pages"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert set(policy[1:-1]) == {"script-src 'self'", "style-src 'self'", "img-src 'self'"}
    # Its server, of whatever address, never unencrypted over a network.
    assert policy[-1] == "connect-src https: http://localhost:* http://127.0.0.1:*"


def test_every_host_it_may_see_is_a_providers() -> None:
    catalogue = load_catalogue()
    suffixes = {suffix for provider in catalogue.providers for suffix in provider.suffixes}
    stars = {rule for provider in catalogue.providers for rule in provider.patterns}
    for pattern in MANIFEST["host_permissions"]:
        _scheme, host = origin(pattern)
        assert pattern.endswith("/*")
        assert host[2:] in suffixes or host in stars if host.startswith("*.") else catalogue.find(host), pattern


def test_every_use_lies_within_what_is_granted_and_names_a_path_or_an_api() -> None:
    granted = {origin(pattern) for pattern in MANIFEST["host_permissions"]}
    kinds = {host: provider.kind.value for provider in load_catalogue().providers for host in provider.hosts}
    for pattern in (*HOSTS["requests"], *HOSTS["sockets"]):
        assert origin(pattern) in granted, pattern
        host = origin(pattern)[1]
        if not host.startswith("*.") and kinds[host] != "api":
            assert not pattern.endswith(f"{host}/*"), f"{pattern} would count pages and pictures"


def test_the_sites_whose_paths_count_are_told_to_administrators_and_only_by_path() -> None:
    uses = tomllib.loads((EXTENSION / "uses.toml").read_text())["use"]
    page = (ROOT / "docs" / "administrator" / "browser-extension.md").read_text()
    rows = [line for line in page.partition("| What is a use there |")[2].split("\n\n")[0].splitlines() if "`" in line]
    told = {host: row for row in rows for host in re.findall(r"`([a-z0-9.-]+)`", row.split("|")[1])}
    assert told.keys() == {use["host"] for use in uses}
    for use in uses:
        for path in (*use["paths"], *use.get("sockets", [])):
            assert path.rpartition("/")[2] in told[use["host"]], path
        counted = [one for one in (*HOSTS["requests"], *HOSTS["sockets"]) if origin(one)[1] == use["host"]]
        assert counted, use["host"]
        assert not any(one.endswith(f"{use['host']}/*") for one in counted), counted


@pytest.mark.parametrize(
    ("url", "counts"),
    [
        ("https://chatgpt.com/backend-api/f/conversation", True),
        ("https://chatgpt.com/backend-api/f/conversation/prepare", False),
        ("https://chatgpt.com/backend-api/conversations?offset=0", False),
        ("https://chatgpt.com/backend-api/conversation/6f1/title", False),
        ("https://chatgpt.com/ces/v1/t", False),
        ("https://claude.ai/api/organizations/o/chat_conversations/c/completion", True),
        ("https://claude.ai/api/organizations/o/chat_conversations/c/title", False),
        ("https://claude.ai/api/event_logging/batch", False),
        ("https://gemini.google.com/_/BardChatUi/data/batchexecute?rpcids=x", False),
        ("https://grok.com/rest/app-chat/conversations/new", True),
        ("https://grok.com/rest/app-chat/conversations/c/responses", True),
        ("https://grok.com/rest/app-chat/conversations/c/load-responses", False),
        ("https://grok.com/rest/app-chat/conversations/c/title", False),
        ("https://openrouter.ai/api/v1/chat/completions", True),
        ("https://openrouter.ai/api/internal/v1/event", False),
        ("https://poe.com/api/gql_POST", False),
        ("https://api.openai.com/v1/responses", True),
        ("https://my.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", True),
        ("wss://copilot.microsoft.com/c/api/chat?api-version=2", True),
        ("wss://chatgpt.com/backend-api/conversation", False),
    ],
)
def test_questions_count_and_what_a_site_does_beside_them_does_not(url: str, counts: bool) -> None:
    patterns = [*HOSTS["requests"], *HOSTS["sockets"]]
    assert any(matches(one, url) for one in patterns) is counts


def matches(pattern: str, url: str) -> bool:
    """As browsers match: a star before the host is any name below it, one in the path anything, the query included."""
    scheme, _, rest = pattern.partition("://")
    host, _, path = rest.partition("/")
    below = r"(?:[^/]+\.)?" + re.escape(host[2:]) if host.startswith("*.") else re.escape(host)
    return re.fullmatch(f"{scheme}://{below}/{'.*'.join(map(re.escape, path.split('*')))}", url) is not None


def test_no_source_reaches_further_than_its_permissions() -> None:
    sources = {path.name: path.read_text() for path in EXTENSION.rglob("*.js") if path.name != "rules.js"}
    forbidden = (
        r"requestBody|requestHeaders|extraHeaders|XMLHttpRequest|sendBeacon|WebSocket\(|EventSource|importScripts|eval\("
        r"|new Function|cookies|chrome\.tabs|innerHTML|chrome\.permissions|externally"
    )
    assert {name: re.findall(forbidden, text) for name, text in sources.items() if re.search(forbidden, text)} == {}
    assert [name for name, text in sources.items() if "fetch(" in text] == ["server.js"]  # to the enrolled server alone
    assert sources["server.js"].count("fetch(") == 1
    assert 'credentials: "omit"' in sources["server.js"]
    assert not any(re.search(r"\bimport\(|from \"(?!\.)", text) for text in sources.values())  # its own modules
    assert not any(re.search(r"https?://", text) for text in sources.values())  # no address is built in
    assert not any(" with { type" in text for text in sources.values())  # a worker with one is not started twice
    assert re.findall(r"\burl\b", "".join(sources.values())).count("url") == 2  # taken apart, and only for its host
    assert "new URL(url).hostname" in sources["requests.js"]


def test_both_languages_have_every_text() -> None:
    english, german = (
        json.loads((EXTENSION / "_locales" / language / "messages.json").read_text()) for language in ("en", "de")
    )
    assert english.keys() == german.keys()
    sources = "".join(
        (EXTENSION / name).read_text() for name in ("popup.js", "popup_alone.js", "words.js", "popup.html")
    )
    used = {first or second for first, second in re.findall(r'text\(\s*"([a-z_]+)"|data-text="([a-z_]+)"', sources)}
    refusals = re.findall(r'NotEnrolled\("([a-z_]+)"|name: "([a-z_]+)"', _all_sources())
    links = re.findall(r'because: .*?"([a-z_]+)" : "([a-z_]+)"|this\.later\(link, "([a-z_]+)"', _all_sources())
    used |= {name for names in refusals for name in names if name}
    used |= {f"link_{name}" for names in links for name in names if name and name != "unreachable"} | {
        "link_unreachable"
    }
    assert used <= english.keys()
    for name in english:
        for place in ("$1", "$2", "$3"):
            assert english[name]["message"].count(place) == german[name]["message"].count(place), name


def _all_sources() -> str:
    return "".join(path.read_text() for path in EXTENSION.rglob("*.js"))


def test_chrome_gives_it_the_id_the_agent_lets_in() -> None:
    assert re.fullmatch(r"[a-p]{32}", chrome_id())
    assert MANIFEST["key"] == CHROME_KEY


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_a_package_holds_what_its_browser_knows(browser: str, tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    subprocess.run([sys.executable, str(BUILD), "--pack", browser, str(target)], check=True)
    with zipfile.ZipFile(target) as package:
        names, manifest = set(package.namelist()), json.loads(package.read("manifest.json"))
    assert {"worker.js", "hosts.json", "_locales/de/messages.json", "icons/toktra-128.png"} <= names
    assert "uses.toml" not in names
    assert ("key" in manifest, "service_worker" in manifest["background"]) == (browser == "chrome",) * 2


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_it_knows_a_providers_host_as_the_catalogue_does() -> None:
    catalogue = load_catalogue()
    below = [*HOSTS["suffixes"], *HOSTS["one_label"]]
    suffixed = [f"{label}.{suffix}" for suffix in below for label in ("eu", "a.b")]
    left_out = [host for provider in catalogue.providers for host in provider.left_out if "*" not in host]
    others = [*below, "example.com", "api.openai.com.example.com", "API.OPENAI.COM", "chatgpt.com.", "api.openai.co"]
    names = [*HOSTS["exact"], *suffixed, *left_out, *others]
    script = (
        f"import {{ providerHost }} from {json.dumps((EXTENSION / 'hosts.js').as_uri())};"
        f"console.log(JSON.stringify({json.dumps(names)}.map(providerHost)))"
    )
    command = ["node", "--no-warnings", "--input-type=module", "-e", script]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    granted = {provider.id for provider in catalogue.providers if provider.kind.value == "api"}
    for name, answer in zip(names, answers, strict=True):
        provider = catalogue.find(name)
        expected = provider is not None and (provider.id in granted or name.lower().rstrip(".") in HOSTS["exact"])
        assert (answer is not None) is expected, name
        assert answer in (None, name.lower().rstrip("."))
