"""Reading and writing the key where its owner keeps it: in place of no other file, and readable to nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.perks.keys import (
    LONGEST_FILE_BYTES,
    Key,
    KeyNotUsable,
    from_copy,
    from_file,
    is_wrapped,
    opens_with_passkey,
)


class KeyNotSaved(AgentError):
    """The key could not be written where its owner said. Nothing was changed."""

    exit_code = EXIT_NEEDS_YOU


def read_key(path: Path, ask_passphrase: Callable[[], str]) -> Key:
    """The key in a file, or in a copy that asks for its passphrase. Raises KeyNotUsable."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE_BYTES)
    except OSError as error:
        raise KeyNotUsable(f"{path} cannot be read ({error.strerror}). Name the file you saved your key to.") from None
    if opens_with_passkey(content):
        raise KeyNotUsable(
            f"{path} opens with a passkey, which only a browser can use: open your personal ledger there. Here, take"
            " the key file or a copy with a passphrase."
        )
    return from_copy(content, ask_passphrase()) if is_wrapped(content) else from_file(content)


def save(path: Path, content: bytes) -> None:
    """A new file that only its owner can read, on the disk when this returns. Raises KeyNotSaved."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KeyNotSaved(
            f"{path} is there already, and it stays as it is. Name a file that is not there yet."
        ) from None
    except OSError as error:
        raise KeyNotSaved(
            f"{path} cannot be written ({error.strerror}). Name a file in a directory of yours."
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyNotSaved(f"{path} cannot be written ({error.strerror}). Choose another disk.") from None
