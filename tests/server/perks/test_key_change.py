"""A new key, a second device, a lost key: typed by their owner, with devices in little and the service as it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from tests.agent.device import Device
from tests.server.perks.conftest import SecondLedger, second_ledger

from toktra.agent.control_client import ask
from toktra.agent.perks.age import NotOpened, Sealer, unseal
from toktra.agent.perks.commands import perks
from toktra.agent.perks.key_files import read_key
from toktra.agent.perks.keys import Key, new_key, to_file
from toktra.agent.perks.messages import PerksTold, ShowPerks
from toktra.wire.personal import MOST_RESEALED, Allowance, PersonalRecord, read_plain

if TYPE_CHECKING:
    from toktra.server.database.embedded import EmbeddedPostgres

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
"""On the devices, and at the service."""
ME = os.geteuid()
STORED = 3 * MOST_RESEALED + 10
"""More than a page has, and than one request replaces."""


@pytest.fixture
def service(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[SecondLedger]:
    with second_ledger(postgres, tmp_path / "service", clock=lambda: NOON) as running:
        yield running


@dataclass(slots=True)
class Owner:
    """A mailbox that holds days of records, and devices that its key was given to."""

    service: SecondLedger
    key: Key
    key_file: Path
    devices: list[Device]

    @property
    def digest(self) -> bytes:
        return sha256(self.key.mailbox.encode()).digest()

    def types(self, place: int, *arguments: str) -> Result:
        return CliRunner().invoke(
            perks, list(arguments), env={"TOKTRA_AGENT_STATE": str(self.devices[place].path), "SUDO_USER": ""}
        )

    def told(self, place: int) -> PerksTold:
        answer = ask(self.devices[place].control_path, ShowPerks())
        assert isinstance(answer, PerksTold)
        return answer

    def store(self, number: int, key: Key) -> None:
        with psycopg.connect(self.service.app) as connection:
            for back in range(3):
                connection.execute("select create_record_day(%s)", [NOON.date() - timedelta(days=back)])
            for place in range(number):
                day = NOON.date() - timedelta(days=place % 3)
                sealed = Sealer(key.recipient).seal(PersonalRecord())
                connection.execute(
                    "select store_uploads(%b, array[%b], array[%b]::uuid[], array[%b])",
                    [day, self.digest, uuid4(), sealed],
                )

    def records(self) -> dict[str, tuple[date, bytes]]:
        with psycopg.connect(self.service.app) as connection:
            rows = connection.execute("select record::text, day, sealed from record where mailbox = %s", [self.digest])
            return {record: (day, bytes(sealed)) for record, day, sealed in rows}

    def has_mailbox(self) -> bool:
        with psycopg.connect(self.service.app) as connection:
            return connection.execute("select from mailbox where digest = %s", [self.digest]).fetchone() is not None


@pytest.fixture
def owner(service: SecondLedger, tmp_path: Path) -> Iterator[Owner]:
    """Two devices have the key, and the hours of today up to noon are filled by both."""
    key = new_key(service.url)
    file = tmp_path / "old.key"
    file.write_bytes(to_file(key))
    with ExitStack() as ending:
        one = Owner(service, key, file, [])
        with psycopg.connect(service.app) as connection:
            connection.execute("insert into mailbox values (%s)", [one.digest])
        one.store(STORED, key)
        for name in ("desk", "laptop"):
            (tmp_path / name).mkdir()
            device = Device(tmp_path / name)
            ending.callback(device.close)
            device.allowance = Allowance(standing="enrolled", service=service.url)
            one.devices.append(device)
            joined = one.types(len(one.devices) - 1, "join", "--key", str(file))
            assert joined.exit_code == 0, joined.output
        until(lambda: len(one.records()) == STORED + 2 * 13, "both devices filled the hours of today up to noon")
        yield one


def test_all_is_sealed_for_the_new_key_and_the_second_device_follows(owner: Owner, tmp_path: Path) -> None:
    before = owner.records()
    new_file = tmp_path / "new.key"
    changed = owner.types(0, "key", "change", str(owner.key_file), str(new_file))
    assert changed.exit_code == 0, changed.output
    assert f"{len(before)} records were sealed anew." in changed.output
    new = read_key(new_file, str)
    after = owner.records()
    assert {record: day for record, (day, _) in after.items()} == {record: day for record, (day, _) in before.items()}
    for _, sealed in after.values():
        assert read_plain(unseal(sealed, new.identity)) == PersonalRecord()
    for _, sealed in list(after.values())[:20]:
        with pytest.raises(NotOpened):
            unseal(sealed, owner.key.identity)
    assert [owner.told(place).recipient for place in range(2)] == [new.recipient, owner.key.recipient]

    owner.store(2, owner.key)  # what the laptop sent before its owner came to it
    followed = owner.types(1, "key", "change", str(owner.key_file), str(new_file))
    assert "2 records were sealed anew." in followed.output
    assert owner.told(1).recipient == new.recipient
    again = owner.types(1, "key", "change", str(owner.key_file), str(new_file))
    assert (again.exit_code, "0 records were sealed anew." in again.output) == (0, True)
    assert "open with neither" not in again.stderr


def test_a_key_of_another_ledger_changes_nothing(owner: Owner, tmp_path: Path) -> None:
    before = owner.records()
    other = tmp_path / "other.key"
    other.write_bytes(to_file(new_key(owner.service.url)))
    for old, new, said in (
        (owner.key_file, other, "is the key of another ledger"),
        (other, tmp_path / "made.key", "which is neither of the two keys"),
    ):
        refused = owner.types(0, "key", "change", str(old), str(new))
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
    assert owner.records() == before
    assert owner.told(0).recipient == owner.key.recipient


def test_who_lost_the_key_leaves_and_begins_anew(owner: Owner, tmp_path: Path) -> None:
    refused = owner.types(0, "join", "--save", str(tmp_path / "another.key"), "--yes")
    assert "seals for another key of yours" in refused.stderr
    assert owner.types(0, "leave", "--yes").exit_code == 0
    until(lambda: not owner.has_mailbox(), "the device had the mailbox deleted")
    assert owner.records() == {}
    until(lambda: owner.told(0).part == "none", "and then forgot it")
    begun = owner.types(0, "join", "--save", str(tmp_path / "new.key"), "--yes")
    assert begun.exit_code == 0, begun.output
    assert owner.told(0).recipient == read_key(tmp_path / "new.key", str).recipient


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
