"""A region's own age key, to which other regions seal what moves here: `region-key` in the data directory, 0600."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pyrage  # type: ignore[import-untyped]

from toktra.server.settings import InvalidSetting

FILE_NAME: Final = "region-key"


def region_key(data_directory: Path) -> pyrage.x25519.Identity:
    """The key; made when there is none. Raises InvalidSetting when the file cannot be used."""
    path = data_directory / FILE_NAME
    try:
        data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            return pyrage.x25519.Identity.from_str(path.read_text("ascii").strip())
        key = pyrage.x25519.Identity.generate()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise InvalidSetting(f"the region's key {path} cannot be used: {error}") from None
    return key
