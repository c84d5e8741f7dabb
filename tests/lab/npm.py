"""Programs of npm that tests run: installed once into the user's cache, exactly what a lock file names."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from platformdirs import user_cache_path

INSTALL_WITHIN_S = 110


class NotInstalled(Exception):
    """It cannot be had here; the text says what is missing."""


def installed(source: Path) -> Path:
    """A directory with the content of `source`, whose package-lock.json is installed there. Raises NotInstalled."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise NotInstalled(f"node and npm are needed for {source.name}")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(source.iterdir()))).hexdigest()[:16]
    home = user_cache_path("toktra-tests") / f"{source.name}-{digest}"
    if home.exists():
        return home
    unfinished = home.with_name(f"{home.name}.{os.getpid()}")
    shutil.copytree(source, unfinished)
    try:
        subprocess.run(
            ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=unfinished, check=True, capture_output=True, timeout=INSTALL_WITHIN_S,
        )  # fmt: skip
        unfinished.rename(home)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not home.exists():  # otherwise another process was quicker
            raise NotInstalled(f"npm could not install {source.name}: {error}") from None
    return home
