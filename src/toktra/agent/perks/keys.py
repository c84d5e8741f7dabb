"""The key of a person's second ledger: made on their device, shown once, kept where they want it, and nowhere else.

The key file is an age identity file, which `age -d -i FILE` reads. Two comments in it say where the records are: the
personal service, and the mailbox's secret. Pure but for drawing the key; `commands` writes it where its owner says.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.perks.age import NotAKey, NotOpened, new_identity, recipient_of, unwrap, wrap
from toktra.agent.server_address import ServerAddressNotUsable, server_address

SECRET_BYTES: Final = 32
SHORTEST_PASSPHRASE: Final = 12
LONGEST_FILE_BYTES: Final = 64 << 10
_HEAD: Final = "# Token Perks key. Whoever has it can read your personal ledger. Nobody can replace it."
_WRAPPED: Final = (b"-----BEGIN AGE ENCRYPTED FILE-----", b"age-encryption.org/v1")
_BY_PASSKEY: Final = b"age-encryption.org/v1\n-> age-encryption.org/fido2prf "
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class KeyNotUsable(AgentError):
    """The file is no Token Perks key, or does not open."""

    exit_code = EXIT_NEEDS_YOU


class PassphraseTooShort(AgentError):
    """It could be guessed by whoever finds the copy."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """All that it takes to find and read one person's records."""

    service: str
    """The personal service's address."""
    mailbox: str = field(repr=False)
    """The secret the mailbox is known by, base64url."""
    identity: str = field(repr=False)
    """The age identity."""

    @property
    def recipient(self) -> str:
        """The public part: with it one can seal, not read."""
        return recipient_of(self.identity)


def new_key(service: str) -> Key:
    """A key that nobody has had before."""
    return Key(service=service, mailbox=secrets.token_urlsafe(SECRET_BYTES), identity=new_identity())


def to_file(key: Key) -> bytes:
    """The text of the key file."""
    return f"{_HEAD}\n# service: {key.service}\n# mailbox: {key.mailbox}\n{key.identity}\n".encode("ascii")


def from_file(content: bytes) -> Key:
    """The reverse, also of a file that was edited by hand. Raises KeyNotUsable naming the line that is missing."""
    try:
        lines = [line.strip() for line in content.decode().removeprefix("\ufeff").splitlines()]
    except UnicodeDecodeError:
        raise KeyNotUsable("This is no Token Perks key: it is not text. Choose the file you saved it to.") from None
    said = {found[1]: found[2] for line in lines if (found := re.fullmatch(r"#\s*(service|mailbox):\s*(\S+)", line))}
    identities = [line for line in lines if line and not line.startswith("#")]
    if len(identities) != 1:
        raise KeyNotUsable(
            f"This is no Token Perks key: beside the comments it has {len(identities)} lines, and should have one that"
            " begins with AGE-SECRET-KEY-1. Choose the file you saved it to."
        )
    if not _SECRET.fullmatch(said.get("mailbox", "")):
        raise KeyNotUsable("In this key the line `# mailbox:` is missing or damaged. Use another copy of it.")
    try:
        recipient_of(identities[0])
        service = server_address(said.get("service", ""))
    except NotAKey as error:
        raise KeyNotUsable(f"The last line of this key is damaged: {error}. Use another copy of it.") from None
    except ServerAddressNotUsable:
        raise KeyNotUsable("In this key the line `# service:` is missing or damaged. Use another copy of it.") from None
    return Key(service=service, mailbox=said["mailbox"], identity=identities[0])


def is_wrapped(content: bytes) -> bool:
    """Whether a file is a copy that asks for a passphrase."""
    return content.lstrip().startswith(_WRAPPED)


def opens_with_passkey(content: bytes) -> bool:
    """Whether a file is a copy that the browser opens with a passkey, which nothing here could."""
    return content.startswith(_BY_PASSKEY)


def to_copy(key: Key, words: str) -> bytes:
    """A copy that opens with a passphrase: here, in the browser, and with `age -d`. Raises PassphraseTooShort."""
    if len(words) < SHORTEST_PASSPHRASE:
        raise PassphraseTooShort(
            f"A passphrase has {SHORTEST_PASSPHRASE} characters at least, this one {len(words)}: whoever finds the copy"
            " can try as many as they like. Take four words that have nothing to do with each other."
        )
    return wrap(to_file(key), words)


def from_copy(content: bytes, words: str) -> Key:
    """The reverse. Raises KeyNotUsable."""
    try:
        return from_file(unwrap(content, words))
    except NotOpened:
        raise KeyNotUsable(
            "The copy does not open: the passphrase is another one, or the file is damaged. Nothing was changed. A"
            " forgotten passphrase cannot be replaced, by us or by anyone; use another copy of the key."
        ) from None
