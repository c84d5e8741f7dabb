"""One account's second ledger on a device, with clocks and chance that a test sets; disk, sealing and HTTP are real."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.agent.perks.services import Organisation, PersonalSide

from toktra.agent.perks.account_file import Membership
from toktra.agent.perks.allowance import AllowanceKeeper
from toktra.agent.perks.keys import new_key
from toktra.agent.perks.members import Member, Members
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.slots import opening_day
from toktra.agent.perks.uplink import PersonalUplink
from toktra.wire.personal import PersonalRecord, PersonalUse

UID = 1000
THURSDAY = datetime(2027, 1, 7, 15, 20, tzinfo=UTC)
MONDAY = datetime(2027, 1, 11, tzinfo=UTC)


class Account:
    """It joined on a Thursday; time passes when it is told to."""

    def __init__(self, directory: Path, personal: PersonalSide, organisation: Organisation) -> None:
        self.directory = directory
        self.personal = personal
        self.organisation = organisation
        self.key = new_key(personal.url)
        self.random = random.Random(4)
        self.now = THURSDAY
        self.elapsed_s = 0.0
        personal.today = self.today
        self.members = Members.open(directory)
        self.members.join(
            UID,
            Membership(
                recipient=self.key.recipient,
                mailbox=self.key.mailbox,
                service=personal.url,
                upload_second=1234,
                opening_at=opening_day(THURSDAY, self.random.random),
            ),
        )
        self.start()

    @property
    def member(self) -> Member:
        found = self.members.of(UID)
        assert found is not None
        return found

    def today(self) -> date:
        """Of the device's clock, and of the service's."""
        return self.now.date()

    def start(self) -> None:
        """Anew, as after a restart: only what is on the disk counts."""
        self.members.close()
        self.members = Members.open(self.directory)
        service = PersonalService(self.member.membership.service)
        self.uplink = PersonalUplink(
            self.member, service, now=lambda: self.now, monotonic=lambda: self.elapsed_s, chance=self.random.random
        )
        self.allowance = AllowanceKeeper(
            self.member,
            service,
            self.organisation.post,
            account="alice",
            monotonic=lambda: self.elapsed_s,
            chance=self.random.random,
        )

    def use(self, number: int, tokens: int = 500) -> PersonalUse:
        """Something was used in personal mode, and sealed in a record of its own."""
        use = PersonalUse(
            at=self.now.replace(microsecond=0),
            provider_host="api.anthropic.com",
            request_bytes=number,
            response_bytes=7 * number,
            estimated_input_tokens=tokens,
            estimated_output_tokens=0,
            estimator_version="1",
        )
        self.member.waiting.append(self.member.sealer.seal(PersonalRecord(uses=(use,))))
        return use

    def pass_time(self, duration: timedelta) -> None:
        """The device is on, and does what is due when it is due."""
        until = self.now + duration
        while self.now < until:
            pause_s = min(self.uplink.step(), self.allowance.step(), (until - self.now).total_seconds())
            self.skip(timedelta(seconds=max(0.5, pause_s)))

    def skip(self, duration: timedelta) -> None:
        """The device is off."""
        self.now += duration
        self.elapsed_s += duration.total_seconds()

    def opens(self) -> None:
        """Until the Monday is over, and its mailbox open."""
        self.pass_time(MONDAY + timedelta(days=1, minutes=1) - self.now)
        assert self.member.membership.opening_at is None, self.member.troubles
