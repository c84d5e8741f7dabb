"""Seals the secrets that are kept in the database, with a key that is not in it.

The server's own key is TOKTRA_SECRET_KEY, or the file `secret-key` (0600) in the data directory, made when it is first
needed. Who holds the database alone reads no secret; who loses the server's key enters them again.
The sealing is Fernet's (cryptography.io); what is sealed names its organisation and purpose, so that a sealed secret
moved to another row opens nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from toktra.server.settings import InvalidSetting

SETTING: Final = "TOKTRA_SECRET_KEY"
FILE_NAME: Final = "secret-key"


class SecretKeyNotUsable(InvalidSetting):
    """The server's own key is missing, readable by others, or no key. The text says which, and what to do."""


class SealBroken(Exception):
    """A sealed secret cannot be opened."""

    def __init__(self) -> None:
        super().__init__(
            "what is stored cannot be opened with this server's secret key. Was the secret key replaced? "
            "Enter the provider's key again."
        )


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tenant: UUID
    purpose: str
    secret: str


class Vault:
    """Seals and opens secrets. Its own key is never shown, logged or repeated in an error."""

    __slots__ = ("_fernet",)

    def __init__(self, secret_key: bytes) -> None:
        """Raises SecretKeyNotUsable unless these are 32 bytes in URL-safe base64."""
        try:
            self._fernet = Fernet(secret_key)
        except ValueError:
            raise SecretKeyNotUsable(
                f"{SETTING} is no secret key: 32 random bytes in URL-safe base64 are needed, 44 characters in all"
            ) from None

    def seal(self, secret: str, *, tenant_id: UUID, purpose: str) -> bytes:
        """The secret as it may be stored; `purpose` says what for and whose, such as "usage-api:openai"."""
        return self._fernet.encrypt(msgspec.json.encode(_Sealed(tenant_id, purpose, secret)))

    def open(self, sealed: bytes, *, tenant_id: UUID, purpose: str) -> str:
        """The secret again. Raises SealBroken, also for one sealed for another organisation or purpose."""
        try:
            found = msgspec.json.decode(self._fernet.decrypt(sealed), type=_Sealed)
        except (InvalidToken, msgspec.DecodeError):
            raise SealBroken from None
        if (found.tenant, found.purpose) != (tenant_id, purpose):
            raise SealBroken
        return found.secret

    def hand_over(self, sealed: bytes) -> bytes:
        """The secret with what it is for, in clear, for a file that is itself sealed to another region's key.

        What this vault did not seal comes back as it is.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return sealed

    def take_over(self, handed: bytes) -> bytes:
        """What another region's vault handed over, sealed by this one; anything else comes back as it is."""
        try:
            msgspec.json.decode(handed, type=_Sealed)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return handed
        return self._fernet.encrypt(handed)


def open_vault(data_directory: Path, environment: Mapping[str, str]) -> Vault:
    """The vault of this installation; makes its key when there is none. Raises SecretKeyNotUsable."""
    if given := environment.get(SETTING):
        return Vault(given.encode())
    path = data_directory / FILE_NAME
    try:
        return Vault(_read(path) or _make(path))
    except OSError as error:
        raise SecretKeyNotUsable(
            f"the secret key {path} cannot be used: {error.strerror}. Correct its owner, or set {SETTING}."
        ) from None


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with open(handle, "rb") as file:  # noqa: PTH123 - the handle is open already
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            raise SecretKeyNotUsable(f"the secret key {path} can be read by others. Run: chmod 600 {path}")
        return file.read(1024).strip()


def _make(path: Path) -> bytes:
    """Writes a new key, whole or not at all. When another process was first, its key is the one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    key = Fernet.generate_key()
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, key + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return _read(path) or key
    finally:
        unfinished.unlink()
    return key
