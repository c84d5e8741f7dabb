"""From a directory to second ledgers at work: what the agent starts beside its own, and ends with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from toktra.agent.perks.desk import PerksDesk
from toktra.agent.perks.members import Members
from toktra.agent.perks.mode import Modes
from toktra.agent.perks.second_ledger import SecondLedger
from toktra.agent.perks.sending import Sending
from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.store import Store
from toktra.agent.transport import Post


def open_perks(
    directory: Path,
    stack: ExitStack,
    *,
    post: Post,
    server: str,
    name: Callable[[int], str],
    ca_file: Path | None,
    read_clocks: Callable[[], Reading],
    zone: Callable[[], ZoneInfo | None],
    now: Callable[[], datetime],
    chance: Callable[[], float],
) -> tuple[PerksDesk, SecondLedger]:
    """Who answers their owners, and where the gate hands personal use. `stack` ends it all. Raises OSError.

    `post` signs as the device, to the organisation's `server`; it has to be another than the corporate uplink's.
    """
    members = Members.open(directory)
    stack.callback(members.close)
    modes = Modes(Store(directory / "mode"), read_clocks, zone)
    ledger = SecondLedger(members, modes, chance=chance)
    stack.callback(ledger.close)
    sending = Sending(members, post, server=server, name=name, ca_file=ca_file, chance=chance, now=now)
    sending.start()
    stack.callback(sending.close)
    desk = PerksDesk(
        members, modes, ledger, ask_standing=sending.ask_standing, wake=sending.wake, now=now, chance=chance
    )
    return desk, ledger
