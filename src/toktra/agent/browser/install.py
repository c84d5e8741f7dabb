"""Makes the agent known to browsers: a launcher, and a host manifest where each browser looks for one."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toktra.agent.browser.identity import FIREFOX_ID, NATIVE_HOST, chrome_id
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError

DESCRIPTION: Final = "Toktra: hands uses of AI in the browser to the agent on this device"

# Where browsers on Linux look for host manifests, below the home directory and for everybody. Chrome:
# developer.chrome.com/docs/extensions/develop/concepts/native-messaging; Firefox: MDN, Native manifests.
OF_ACCOUNT: Final[Mapping[str, str]] = {
    "Chrome": ".config/google-chrome/NativeMessagingHosts",
    "Chromium": ".config/chromium/NativeMessagingHosts",
    "Edge": ".config/microsoft-edge/NativeMessagingHosts",
    "Firefox": ".mozilla/native-messaging-hosts",
}
OF_SYSTEM: Final[Mapping[str, str]] = {
    "Chrome": "etc/opt/chrome/native-messaging-hosts",
    "Chromium": "etc/chromium/native-messaging-hosts",
    "Edge": "etc/opt/edge/native-messaging-hosts",
    "Firefox": "usr/lib/mozilla/native-messaging-hosts",
}
LAUNCHER_OF_ACCOUNT: Final = ".local/share/toktra/browser-host"
LAUNCHER_OF_SYSTEM: Final = "usr/lib/toktra/browser-host"


class CannotInstall(AgentError):
    """A file cannot be written."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True)
class Place:
    """Below which directory, for whom."""

    root: Path
    launcher: str
    manifests: Mapping[str, str]


def of_account(home: Path) -> Place:
    """For one account."""
    return Place(home, LAUNCHER_OF_ACCOUNT, OF_ACCOUNT)


def of_system(root: Path = Path("/")) -> Place:
    """For every account of the device; takes root."""
    return Place(root, LAUNCHER_OF_SYSTEM, OF_SYSTEM)


def install(place: Place, *, more_chrome_ids: Sequence[str] = (), state: Path | None = None) -> dict[str, Path]:
    """Writes everything, and names the manifest of each browser. Raises CannotInstall."""
    launcher = place.root / place.launcher
    try:
        _write(launcher, _launcher(more_chrome_ids, state), mode=0o755)
        written = {}
        for browser, directory in place.manifests.items():
            path = place.root / directory / f"{NATIVE_HOST}.json"
            _write(path, json.dumps(manifest(browser, launcher, more_chrome_ids), indent=2) + "\n", mode=0o644)
            written[browser] = path
    except OSError as error:
        raise CannotInstall(
            f"{error.filename} cannot be written ({error.strerror}). For all accounts, run this as root."
        ) from None
    return written


def remove(place: Place) -> list[Path]:
    """Takes it all away again, and names what was there. Raises CannotInstall."""
    paths = [place.root / directory / f"{NATIVE_HOST}.json" for directory in place.manifests.values()]
    removed = []
    for path in (*paths, place.root / place.launcher):
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CannotInstall(f"{path} cannot be removed ({error.strerror}).") from None
        removed.append(path)
    return removed


def manifest(browser: str, launcher: Path, more_chrome_ids: Sequence[str] = ()) -> dict[str, object]:
    """What tells a browser which program to start, and for which extensions only."""
    about = {"name": NATIVE_HOST, "description": DESCRIPTION, "path": str(launcher), "type": "stdio"}
    if browser == "Firefox":
        return {**about, "allowed_extensions": [FIREFOX_ID]}
    return {**about, "allowed_origins": [f"chrome-extension://{one}/" for one in (chrome_id(), *more_chrome_ids)]}


def _launcher(more_chrome_ids: Sequence[str], state: Path | None) -> str:
    settings = [f"TOKTRA_EXTENSION_IDS={shlex.quote(' '.join(more_chrome_ids))}"] if more_chrome_ids else []
    settings += [f"TOKTRA_AGENT_STATE={shlex.quote(str(state))}"] if state else []
    lines = [f"export {setting}\n" for setting in settings]
    # -I: neither the browser's environment nor its working directory decides which code runs.
    return f'#!/bin/sh\n{"".join(lines)}exec {shlex.quote(sys.executable)} -I -m toktra.agent.browser "$@"\n'


def _write(path: Path, text: str, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)
