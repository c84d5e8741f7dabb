"""Who this device is: what enrolment gave it, and the private key that never leaves it. One file, mode 0600."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from toktra.agent.durable_file import write_durably
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.wire.signatures import InvalidSignature, KeyId

MODE = 0o600


class NotEnrolled(AgentError):
    """The device has no identity yet."""

    exit_code = EXIT_NEEDS_YOU


class IdentityNotUsable(AgentError):
    """The identity file is damaged, or not for this account to read."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An enrolled device."""

    server: str
    """The server it enrolled with, as a URL."""
    tenant: str
    """The organisation's name, for people to read."""
    device: str
    key_id: str
    private_key: Ed25519PrivateKey = field(repr=False)


class _Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    server: str
    tenant: str
    device: str
    key_id: str
    private_key: str
    """PKCS #8 in PEM."""


def read_identity(path: Path) -> Identity:
    """Raises NotEnrolled when there is none, IdentityNotUsable when it cannot be read."""
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        key = key_from_pem(stored.private_key)
        KeyId.parse(stored.key_id)
    except FileNotFoundError:
        raise NotEnrolled(
            "This device is not enrolled. Ask for an enrolment code and run: toktra agent enrol CODE --server URL"
        ) from None
    except PermissionError:
        raise IdentityNotUsable(f"{path} belongs to another account. Run this as that account, or as root.") from None
    except (OSError, msgspec.MsgspecError, ValueError, InvalidSignature) as error:
        raise IdentityNotUsable(
            f"The device's identity {path} cannot be used ({error}). Restore it from a backup, or ask for a new code"
            " and run: toktra agent enrol CODE --server URL --again"
        ) from None
    return Identity(
        server=stored.server, tenant=stored.tenant, device=stored.device, key_id=stored.key_id, private_key=key
    )


def write_identity(path: Path, identity: Identity) -> None:
    """Whole and on the disk when it returns. Raises OSError."""
    stored = _Stored(
        server=identity.server,
        tenant=identity.tenant,
        device=identity.device,
        key_id=identity.key_id,
        private_key=key_to_pem(identity.private_key),
    )
    write_durably(path, msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n", mode=MODE)


def key_to_pem(key: Ed25519PrivateKey) -> str:
    """PKCS #8, not encrypted: the file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_from_pem(text: str) -> Ed25519PrivateKey:
    """Raises ValueError for anything but an Ed25519 key."""
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("its key is not an Ed25519 key")  # noqa: TRY004 - it is about a file's content
    return key
