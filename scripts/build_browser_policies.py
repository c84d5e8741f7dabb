"""Writes the policies with which a fleet installs the extension: packaging/browsers, for Chrome, Edge and Firefox.

    build_browser_policies.py            write them
    build_browser_policies.py --check    exit with 1 when one is not what it should be

Each browser has the same policy in several forms: a file for Linux, a registry file for Windows (what the browser's own
ADMX template sets), a configuration profile for macOS. UPDATE_URL and PACKAGE_URL stand for where an organisation
publishes the extension.
"""

from __future__ import annotations

import argparse
import json
import plistlib
import sys
import uuid
from pathlib import Path
from typing import Any

from toktra.agent.browser.identity import FIREFOX_ID, NATIVE_HOST, chrome_id

PLACE = Path(__file__).parents[1] / "packaging" / "browsers"
UPDATE_URL = "https://toktra.example.com/extension/updates.xml"
PACKAGE_URL = "https://toktra.example.com/extension/toktra.xpi"

CHROMIUM: dict[str, Any] = {
    "ExtensionSettings": {
        chrome_id(): {
            "installation_mode": "force_installed",
            "update_url": UPDATE_URL,
            "override_update_url": True,
            "toolbar_pin": "force_pinned",
        }
    },
    "NativeMessagingAllowlist": [NATIVE_HOST],
}
FIREFOX: dict[str, Any] = {
    "ExtensionSettings": {
        FIREFOX_ID: {
            "installation_mode": "force_installed",
            "install_url": PACKAGE_URL,
            "default_area": "navbar",
            "private_browsing": False,
        }
    }
}
REGISTRY = {
    "chrome": r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Google\Chrome",
    "edge": r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge",
    "firefox": r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Mozilla\Firefox",
}
DOMAINS = {"chrome": "com.google.Chrome", "edge": "com.microsoft.Edge", "firefox": "org.mozilla.firefox"}
NAMES = {"chrome": "Chrome", "edge": "Edge", "firefox": "Firefox"}


def files() -> dict[Path, bytes]:
    """What is written, and where."""
    written: dict[Path, bytes] = {}
    for browser in NAMES:
        policy = FIREFOX if browser == "firefox" else CHROMIUM
        whole = {"policies": policy} if browser == "firefox" else policy
        name = "policies.json" if browser == "firefox" else f"{browser}-policy.json"
        written[PLACE / name] = (json.dumps(whole, indent=2) + "\n").encode()
        written[PLACE / f"{browser}.reg"] = _registry(browser, policy).encode()
        written[PLACE / f"{browser}.mobileconfig"] = _profile(browser, policy)
    return written


def _registry(browser: str, policy: dict[str, Any]) -> str:
    key = REGISTRY[browser]
    settings = json.dumps(policy["ExtensionSettings"]).replace("\\", "\\\\").replace('"', '\\"')
    lines = ["Windows Registry Editor Version 5.00", "", f"[{key}]", f'"ExtensionSettings"="{settings}"']
    if browser != "firefox":
        lines += ["", f"[{key}\\NativeMessagingAllowlist]", f'"1"="{NATIVE_HOST}"']
    return "\r\n".join(lines) + "\r\n"


def _profile(browser: str, policy: dict[str, Any]) -> bytes:
    domain = DOMAINS[browser]
    content = {
        "PayloadType": domain,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"com.toktra.extension.{browser}.settings",
        "PayloadUUID": _uuid(f"{browser} settings"),
        "PayloadEnabled": True,
        **({"EnterprisePoliciesEnabled": True} if browser == "firefox" else {}),
        **policy,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"com.toktra.extension.{browser}",
            "PayloadUUID": _uuid(browser),
            "PayloadDisplayName": f"Toktra extension for {NAMES[browser]}",
            "PayloadScope": "System",
            "PayloadContent": [content],
        }
    )


def _uuid(name: str) -> str:
    """The same in every build."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.extension.toktra")).upper()


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is not up to date")
    check = parser.parse_args().check
    stale = [path for path, content in files().items() if not path.exists() or path.read_bytes() != content]
    for path in stale:
        if check:
            print(f"{path.name} is not up to date: run scripts/build_browser_policies.py", file=sys.stderr)
        else:
            path.write_bytes(files()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
