"""The policies of a fleet name the extension that the agent lets in, and every form of one says the same."""

from __future__ import annotations

import json
import plistlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from toktra.agent.browser.identity import FIREFOX_ID, NATIVE_HOST, chrome_id

ROOT = Path(__file__).parents[2]
BROWSERS = ROOT / "packaging" / "browsers"
TEMPLATES = BROWSERS / "admx"
NAMESPACE = {"": "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"}


def test_they_are_up_to_date() -> None:
    check = [sys.executable, str(ROOT / "scripts/build_browser_policies.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("browser", "extension"), [("chrome", chrome_id()), ("edge", chrome_id()), ("firefox", FIREFOX_ID)]
)
def test_every_form_installs_the_same_extension(browser: str, extension: str) -> None:
    name = "policies.json" if browser == "firefox" else f"{browser}-policy.json"
    policy = json.loads((BROWSERS / name).read_text())
    policy = policy.get("policies", policy)
    assert policy["ExtensionSettings"][extension]["installation_mode"] == "force_installed"

    [profile] = plistlib.loads((BROWSERS / f"{browser}.mobileconfig").read_bytes())["PayloadContent"]
    assert {name: profile[name] for name in policy} == policy

    lines = (BROWSERS / f"{browser}.reg").read_bytes().decode().split("\r\n")
    [settings] = [line.partition("=")[2] for line in lines if line.startswith('"ExtensionSettings"=')]
    assert json.loads(json.loads(settings)) == policy["ExtensionSettings"]
    assert (f'"1"="{NATIVE_HOST}"' in lines) is (browser != "firefox")


def test_the_template_of_windows_sets_all_that_the_extension_reads() -> None:
    template = ElementTree.parse(TEMPLATES / "toktra.admx")
    told: dict[str, set[str]] = {}
    for policy in template.iterfind(".//policy", NAMESPACE):
        [text] = policy.iterfind("elements/text", NAMESPACE)
        told.setdefault(policy.attrib["key"], set()).add(text.attrib["valueName"])
        assert policy.attrib["presentation"] == f"$(presentation.{text.attrib['id']})"
    settings = set(json.loads((ROOT / "extension/managed.json").read_text())["properties"])
    assert told == {
        rf"Software\Policies\{browser}\3rdparty\extensions\{chrome_id()}\policy": settings
        for browser in (r"Google\Chrome", r"Microsoft\Edge")
    }


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_the_template_has_its_words_in_both_languages(language: str) -> None:
    needed = re.findall(r"\$\((string|presentation)\.(\w+)\)", (TEMPLATES / "toktra.admx").read_text())
    words = ElementTree.parse(TEMPLATES / language / "toktra.adml")
    there = [
        (kind, one.attrib["id"])
        for kind in ("string", "presentation")
        for one in words.iterfind(f".//{kind}", NAMESPACE)
    ]
    assert sorted(there) == sorted(set(needed))
    assert all(one.text for one in words.iterfind(".//string", NAMESPACE))
