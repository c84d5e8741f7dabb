"""Makes `toktra:` links known to the desktop, for one account or for all: an entry that starts `toktra links follow`.

Source: Desktop Entry Specification 1.5 (quoting of Exec) and Shared MIME-info (x-scheme-handler).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.perks.links import SCHEME

NAME: Final = "toktra-links.desktop"
MIME_TYPE: Final = f"x-scheme-handler/{SCHEME}"
OF_SYSTEM: Final = Path("/usr/local/share/applications")
WITHIN_S: Final = 20
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./+:=@-]+")
_ESCAPED: Final = re.compile(r'(["`$\\])')


class CannotInstall(AgentError):
    """The entry cannot be written, or there is no program that it could start."""

    exit_code = EXIT_NEEDS_YOU


def of_account(home: Path, data_home: str) -> Path:
    """The directory of an account's own entries; `data_home` is its XDG_DATA_HOME, or empty."""
    return (Path(data_home) if data_home else home / ".local" / "share") / "applications"


def entry(program: Sequence[str]) -> str:
    """The entry that starts this program for a link. The `--` keeps a link from being read as an option."""
    return f"""\
[Desktop Entry]
Type=Application
Name=Toktra
Comment=Asks before personal mode is switched from a link
Comment[de]=Fragt nach, bevor ein Link den persönlichen Modus schaltet
Exec={" ".join(_quoted(one) for one in program)} links follow -- %u
Icon=toktra
Terminal=false
NoDisplay=true
MimeType={MIME_TYPE};
"""


def this_program() -> list[str]:
    """How the desktop starts this installation: isolated, so that a working directory decides nothing."""
    return [sys.executable, "-I", "-m", "toktra"]


def install(directory: Path, program: Sequence[str], *, make_default: bool) -> Path:
    """Writes the entry and tells the desktop; where it is. Raises CannotInstall."""
    path = directory / NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(entry(program), "utf-8")
        path.chmod(0o644)
    except OSError as error:
        raise CannotInstall(
            f"{path} cannot be written ({error.strerror}). Nothing was changed. For all accounts, run this as root."
        ) from None
    _run("update-desktop-database", str(directory))
    if make_default:
        _run("xdg-mime", "default", NAME, MIME_TYPE)
    return path


def remove(directory: Path) -> Path | None:
    """Takes it away again, and names it; None: it was not there. Raises CannotInstall."""
    path = directory / NAME
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotInstall(f"{path} cannot be removed ({error.strerror}). Nothing was changed.") from None
    _run("update-desktop-database", str(directory))
    return path


def _run(*command: str) -> None:
    """Where the desktop has such a program; those without one read the entries themselves."""
    if shutil.which(command[0]) is not None:
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(command, check=False, capture_output=True, timeout=WITHIN_S)  # noqa: S603 - names of ours


def _quoted(argument: str) -> str:
    """As the specification wants it: quotes where a character is special, and these escaped; % stands for itself."""
    doubled = argument.replace("%", "%%")
    if _PLAIN.fullmatch(argument):
        return doubled
    # Escaped once for the argument, and its backslashes once more for the value of a key.
    return '"' + _ESCAPED.sub(r"\\\1", doubled).replace("\\", "\\\\") + '"'
