"""A machine in little: two clocks, accounts whose traffic is counted, and an agent's gate that watches it.

Every sending is a power of two of bytes, so a sum of bytes says exactly which sendings it holds.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from toktra.agent.accounts import Accounts
from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.control_messages import Answer, HoursRequest
from toktra.agent.gate import GatedSource
from toktra.agent.perks.members import Members
from toktra.agent.perks.mode import Modes
from toktra.agent.perks.second_ledger import SecondLedger
from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.privacy_hours.store import Store
from toktra.agent.privacy_hours.weeks import Inbox
from toktra.agent.recorder import Recorder
from toktra.wire.events import UsageEvent, encode
from toktra.wire.portal import WeeksAnswer, decode_answer

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC).timestamp()  # a Monday
ZONE = ZoneInfo("Etc/UTC")


@dataclass(slots=True)
class Counted:
    """An exchange in progress, by the monotonic clock."""

    sent: int
    began: float
    last: float


class Machine:
    """The clocks, and what a kernel would count while it is asked to. A source for the gate."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.set_by = 0.0
        self.watching = True
        self._open: dict[int | None, Counted] = {}
        self._over: list[tuple[int | None, Counted]] = []
        self.sendings: list[int | None] = []
        """Whose each was."""

    def read(self) -> Reading:
        return Reading(wall_s=NOON + self.monotonic - 1000 + self.set_by, monotonic_s=self.monotonic, boot="first")

    def send(self, uid: int | None) -> int:
        """More of an account's exchange. The bytes are 2 to the power of the number returned."""
        number = len(self.sendings)
        self.sendings.append(uid)
        if self.watching:
            counted = self._open.setdefault(uid, Counted(0, self.monotonic, self.monotonic))
            counted.sent += 1 << number
            counted.last = self.monotonic
        return number

    def finish(self, uid: int | None) -> None:
        """The account's exchange is over."""
        if uid in self._open:
            self._over.append((uid, self._open.pop(uid)))

    # As a source

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        over, self._over = self._over, []
        return [self._observed(uid, counted) for uid, counted in over]

    def pause(self) -> list[ObservedExchange]:
        for uid in list(self._open):
            self.finish(uid)
        self.watching = False
        return self.poll(0)

    def resume(self) -> None:
        self.watching = True

    def close(self) -> list[ObservedExchange]:
        return self.pause()

    def wake_on(self, fd: int) -> None:
        """Nothing of it sleeps."""

    def status(self) -> CaptureStatus | None:
        return None

    def _observed(self, uid: int | None, counted: Counted) -> ObservedExchange:
        at_1970 = self.read().wall_s - self.monotonic
        return ObservedExchange(
            provider_host="api.openai.com",
            uid=uid,
            exchange=Exchange(
                request_bytes=counted.sent,
                control_bytes=0,
                response_bytes=0,
                segments_out=1,
                segments_in=0,
                first_on_connection=False,
                continued=False,
                started_at=counted.began + at_1970,
                first_byte_at=None,
                ended_at=counted.last + at_1970,
            ),
        )


@dataclass(slots=True)
class Question:
    """As `control.Asked`, with the account the test says."""

    uid: int
    request: HoursRequest
    answered: list[Answer] = field(default_factory=list)

    def answer(self, answer: Answer) -> None:
        self.answered.append(answer)


class Desk:
    """In the place of the control socket, which knows only one account here: the test's own."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self._never, self._readable = socket.socketpair()

    @property
    def descriptor(self) -> int:
        return self._readable.fileno()

    def waiting(self) -> list[Question]:
        asked, self.asked = self.asked, []
        return asked

    def close(self) -> None:
        self._never.close()
        self._readable.close()


class Agent:
    """What of an agent stands between the machine and an event: the gate, its store on a disk, the recorder."""

    def __init__(self, machine: Machine, state: Path) -> None:
        self.machine = machine
        self.state = state
        self.zone: ZoneInfo | None = ZONE
        self.events: list[UsageEvent] = []
        self._recorder = Recorder(accounts=Accounts(account=lambda uid: f"user{uid}"), device="device")
        self._desk = Desk()
        self.start()

    def start(self) -> None:
        self.machine.watching = True  # the kernel program is attached before anybody can be asked
        hours = LiveHours(Store(self.state / "privacy-hours"), self.machine.read, lambda: self.zone)
        self.inbox = Inbox(hours, Accounts(account=lambda uid: f"user{uid}", uid=_number_in))
        self.members = Members.open(self.state / "perks")
        self.modes = Modes(Store(self.state / "perks" / "mode"), self.machine.read, lambda: self.zone)
        self.ledger = SecondLedger(
            self.members, self.modes, chance=lambda: 0.0, monotonic=lambda: self.machine.monotonic
        )
        self.gate = GatedSource(self.machine, hours, self._desk, self.inbox, self.ledger)

    def look(self) -> list[int]:
        """The sendings that are recorded by a look at this moment."""
        return self._record(self.gate.poll(0))

    def run_for(self, seconds: float) -> list[int]:
        """As a punctual agent does: looks again and again."""
        until, recorded = self.machine.monotonic + seconds, self.look()
        while self.machine.monotonic < until:
            self.machine.monotonic = min(until, self.machine.monotonic + 0.125)
            recorded += self.look()
        return recorded

    def ask(self, uid: int, request: HoursRequest) -> Answer:
        """What it answers to an account."""
        question = Question(uid, request)
        self._desk.asked.append(question)
        self.look()
        [answer] = question.answered
        return answer

    def hear(self, answer: WeeksAnswer) -> list[int]:
        """The server says something; the sendings that are recorded by the look that takes it in."""
        self.inbox.put(decode_answer(encode(answer)))
        return self.look()

    def stop(self) -> list[int]:
        return self._record(self.gate.close())

    def end(self) -> None:
        self._desk.close()
        self.members.close()

    def _record(self, observed: list[ObservedExchange]) -> list[int]:
        events = self._recorder.events(observed)
        self.events += events
        return [number for event in events for number in numbers(event.request_bytes)]


def _number_in(account: str) -> int | None:
    """As the system's user database: user1000 is 1000."""
    return int(account[4:]) if account.startswith("user") and account[4:].isdecimal() else None


def numbers(sent: int) -> list[int]:
    """The sendings that a sum of bytes holds."""
    return [place for place in range(sent.bit_length()) if sent >> place & 1]
