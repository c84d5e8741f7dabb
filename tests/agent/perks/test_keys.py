"""The key: what is in the file, what opens with it, also without us, and what is said when it does not."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from toktra.agent.perks.age import NotOpened, Sealer, unseal
from toktra.agent.perks.key_files import KeyNotSaved, read_key, save
from toktra.agent.perks.keys import (
    Key,
    KeyNotUsable,
    PassphraseTooShort,
    from_copy,
    from_file,
    is_wrapped,
    new_key,
    to_copy,
    to_file,
)
from toktra.wire.personal import LONGEST_SEALED_BYTES, PersonalRecord, PersonalUse, read_plain

SERVICE = "https://personal.example.org"
WORDS = "correct horse battery staple"
USE = PersonalUse(
    at=datetime(2027, 1, 4, 12, tzinfo=UTC),
    provider_host="api.anthropic.com",
    request_bytes=1200,
    response_bytes=34_000,
    estimated_input_tokens=300,
    estimated_output_tokens=900,
    estimator_version="1",
)
RECORD = PersonalRecord(uses=(USE, USE))
COPY = b"""\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBFLzlpTlRoY1J3aS9mcFpw
S1E1TnR3IDEwCktzZlZjQytJZkhiZWlRNzBVb0Y5T3RKMzFZdFJlTzdTOXdycVZN
enBqdmcKLS0tIG5TdWJXQWEwMzFOMjlEV1Bod2hoWHFjTzBzYjlwUVV6ak1ScFZB
U29xOFEKS7qcuM351JWfRX1fyelCl7cDpkRWImA/6WnkUIPT8dv7BuFj0OT9FHjG
R1fXQxCvCIjfyTt8DnXMKGrom1EOv9l+0zs2PjHdiQoybEjuM+myDHsg2eOi37YS
efJJpzbpwe59mPCgIM9BKbSQZ2HbScqTZwPfkv6gH4vIqYpoKJj5uwqYM15xZPMY
IRdmOFNZsy/cronLvLOjvOcAJorMM9KH+ouw1/6s3MiVfTgRbOgizKCzHafZ+Mj0
qWUVbfr4icghPPr2/W81FtYhzdiQ6UtXwdeOqZsMTNvDMLesMmPZ7L82RNJ0e23l
njLTJ7eqwVP9WZKImYrY1gvXzyot6oDo92//yv2VIzsdvkZY+Ej82gbctyh4wPEQ
FMKMnNkd0lE=
-----END AGE ENCRYPTED FILE-----
"""
"""Of a key made for this test, by age-encryption 0.3 with a work factor of 2^10 instead of 2^18."""
RECIPIENT_OF_COPY = "age1v2pjf2q84muqme87nypwqmgcqndyrwy78q8g3mgdll8vw9nehcgs0ru6tf"


@pytest.fixture(scope="module")
def key() -> Key:
    return new_key(SERVICE)


def test_the_file_is_an_age_identity_that_says_where_the_records_are(key: Key) -> None:
    first, service, mailbox, identity = to_file(key).decode().splitlines()
    assert first == "# Token Perks key. Whoever has it can read your personal ledger. Nobody can replace it."
    assert (service, mailbox) == (f"# service: {SERVICE}", f"# mailbox: {key.mailbox}")
    assert identity.startswith("AGE-SECRET-KEY-1")
    assert len(base64.urlsafe_b64decode(key.mailbox + "=")) == 32
    assert from_file(to_file(key)) == from_file(to_file(key).replace(b"\n", b"\r\n")) == key
    assert new_key(SERVICE).mailbox != key.mailbox


def test_a_key_does_not_show_itself(key: Key) -> None:
    assert key.identity not in repr(key)
    assert key.mailbox not in repr(key)


def test_a_sealed_record_opens_with_the_key_alone(key: Key) -> None:
    sealed = Sealer(key.recipient).seal(RECORD)
    assert len(sealed) <= LONGEST_SEALED_BYTES
    assert b"anthropic" not in sealed
    assert read_plain(unseal(sealed, key.identity)) == RECORD
    with pytest.raises(NotOpened):
        unseal(sealed, new_key(SERVICE).identity)
    with pytest.raises(NotOpened):
        unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), key.identity)
    empty = Sealer(key.recipient).seal(PersonalRecord())
    assert read_plain(unseal(empty, key.identity)) == PersonalRecord()


def test_the_age_command_opens_what_the_device_seals_and_the_device_what_it_seals(key: Key, tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("not installed: age")
    save(tmp_path / "key", to_file(key))
    (tmp_path / "record.age").write_bytes(Sealer(key.recipient).seal(RECORD))
    opened = subprocess.run(
        ["age", "-d", "-i", tmp_path / "key", tmp_path / "record.age"], capture_output=True, check=True
    ).stdout
    assert read_plain(opened) == RECORD
    sealed = subprocess.run(["age", "-r", key.recipient], input=b"from age", capture_output=True, check=True).stdout
    assert unseal(sealed, key.identity) == b"from age"


def test_a_copy_opens_with_its_passphrase(key: Key) -> None:
    """At the library's own work factor, which takes a second each way: once is enough."""
    copy = to_copy(key, WORDS)
    assert is_wrapped(copy)
    assert not is_wrapped(to_file(key))
    assert from_copy(copy, WORDS) == key
    with pytest.raises(PassphraseTooShort, match="12 characters at least, this one 6"):
        to_copy(key, "secret")


def test_a_copy_of_the_browsers_library_opens_and_what_is_wrong_with_one_is_said() -> None:
    assert is_wrapped(COPY)
    assert from_copy(COPY, WORDS).recipient == RECIPIENT_OF_COPY
    with pytest.raises(KeyNotUsable, match="the passphrase is another one, or the file is damaged"):
        from_copy(COPY, WORDS + "r")
    with pytest.raises(KeyNotUsable, match="does not open"):
        from_copy(COPY[: len(COPY) // 2], WORDS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "it is not text"),
        (b"", "it has 0 lines"),
        (b"# mailbox: x\nAGE-SECRET-KEY-1AAAA\n", "`# mailbox:` is missing or damaged"),
        (b"# service: ftp://x\n# mailbox: " + b"a" * 43 + b"\n{identity}\n", "`# service:` is missing or damaged"),
        (b"# service: https://x\n# mailbox: " + b"a" * 43 + b"\nAGE-SECRET-KEY-1AAAA\n", "last line .* is damaged"),
    ],
)
def test_a_damaged_key_file_is_named_by_its_line(key: Key, content: bytes, said: str) -> None:
    with pytest.raises(KeyNotUsable, match=said):
        from_file(content.replace(b"{identity}", key.identity.encode()))


def test_a_key_is_saved_for_its_owner_alone_and_in_place_of_nothing(key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.txt"
    before = os.umask(0)
    try:
        save(path, to_file(key))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path, lambda: pytest.fail("it asks for no passphrase")) == key
    with pytest.raises(KeyNotSaved, match="is there already"):
        save(path, b"another")
    assert path.read_bytes() == to_file(key)
    with pytest.raises(KeyNotSaved, match="Name a file in a directory of yours"):
        save(tmp_path / "none" / "key.txt", b"")
    with pytest.raises(KeyNotUsable, match="cannot be read"):
        read_key(tmp_path / "none", str)
