"""The agent as its owner meets it here: how it stands now, kept fresh, and what the owner can tell it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from PySide6.QtCore import QObject, QTimer

from toktra.agent.control_client import AgentIsBusy, NoAgentAnswers
from toktra.agent.control_messages import (
    Add,
    ConfirmClock,
    ConfirmPortal,
    HoursRequest,
    OwnToday,
    PauseFor,
    PauseUntil,
    Remove,
    RemoveAll,
    Resume,
    Show,
    Today,
    Told,
)
from toktra.agent.errors import AgentError
from toktra.agent.perks.messages import PerksAct, PerksTold, PersonalOff, PersonalOn, ShowPerks
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.news import News
from toktra.agent.tray.state import Shown, shown
from toktra.wire.schedule import Window

LOOKED_AT_EVERY_MS: Final = 3_000
"""While a window shows it."""
IN_THE_TRAY_EVERY_MS: Final = 15_000
"""Changes made elsewhere, by the command line, show after this long at most. The agent's sleep is short of nothing."""
AFTER_AN_EDGE_MS: Final = 400


class OwnAgent(QObject):
    """State of the account this runs as."""

    def __init__(self, link: AgentLink, parent: QObject, *, now: Callable[[], datetime]) -> None:
        super().__init__(parent)
        self._link = link
        self._now = now
        self._looked_at = 0
        self.changed = News[()]()
        """There is something new to show."""
        self.refused = News[str]()
        """Something the owner asked for was not done, and why."""
        self.told: Told | None = None
        self.today: OwnToday | None = None
        self.perks: PerksTold | None = None
        self.known = False
        """Whether the agent was asked at all yet."""
        self._timer = QTimer(self, interval=IN_THE_TRAY_EVERY_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self._edge = QTimer(self, singleShot=True)
        self._edge.timeout.connect(self.refresh)

    @property
    def now(self) -> datetime:
        """The present moment, UTC."""
        return self._now()

    def shown(self) -> Shown:
        """The state in words."""
        return shown(self.told, self.today, self._now(), self.perks)

    def look(self, *, closely: bool) -> None:
        """A window opens (`closely`) or closes; while one is open, news arrive sooner."""
        self._looked_at = max(0, self._looked_at + (1 if closely else -1))
        self._timer.setInterval(LOOKED_AT_EVERY_MS if self._looked_at else IN_THE_TRAY_EVERY_MS)
        if closely:
            self.refresh()

    def refresh(self) -> None:
        """Asks how it stands."""
        self._link.ask(Show(), self._stands, self._unanswered)
        midnight = self._now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        self._link.ask(Today(since=midnight), self._figures, self._unanswered)
        self._link.ask(ShowPerks(), self._perks_stand, self._unanswered)

    def pause_for(self, minutes: int) -> None:
        self._tell(PauseFor(minutes=minutes))

    def pause_until(self, until: datetime | None) -> None:
        """None: until the owner resumes."""
        self._tell(PauseUntil(until=until))

    def resume(self) -> None:
        """Ends a pause, and the owner's windows that run now, this once."""
        self._tell(Resume())

    def add(self, window: Window) -> None:
        self._tell(Add(windows=(window,)))

    def remove(self, window: Window) -> None:
        self._tell(Remove(windows=(window,)))

    def begin_anew(self) -> None:
        """An empty schedule in place of one that cannot be read."""
        self._tell(RemoveAll())

    def confirm_clock(self) -> None:
        self._tell(ConfirmClock())

    def confirm_waiting(self) -> None:
        """Agrees to what waits, as it was told last; what began to wait since is not agreed to."""
        if self.told is not None and self.told.waiting is not None:
            self._tell(ConfirmPortal(waiting=self.told.waiting))

    def personal_for(self, minutes: int | None) -> None:
        """None: until the owner switches it off."""
        self._tell_perks(PersonalOn(minutes=minutes))

    def personal_off(self) -> None:
        """Back to work: also the owner's windows that run, this once."""
        self._tell_perks(PersonalOff())

    def _tell_perks(self, request: PerksAct) -> None:
        self._link.ask(request, self._perks_stand, self._not_done)

    def _tell(self, request: HoursRequest) -> None:
        self._link.ask(request, self._stands, self._not_done)

    def _stands(self, told: Told) -> None:
        self.told, self.known = told, True
        self._wait_for_the_edge()
        self.changed.emit()

    def _perks_stand(self, perks: PerksTold) -> None:
        self.perks = perks
        self._wait_for_the_edge()
        self.changed.emit()

    def _wait_for_the_edge(self) -> None:
        """Looks again when the next thing changes by itself."""
        edges = [told.until for told in (self.told, self.perks) if told is not None and told.until is not None]
        if not edges:
            self._edge.stop()
            return
        until_edge_ms = round((min(edges) - self._now()).total_seconds() * 1000) + AFTER_AN_EDGE_MS
        self._edge.start(min(max(until_edge_ms, AFTER_AN_EDGE_MS), 24 * 3600 * 1000))

    def _figures(self, today: OwnToday) -> None:
        self.today = today
        self.changed.emit()

    def _not_done(self, error: AgentError) -> None:
        self.refused.emit(str(error))
        self._unanswered(error)

    def _unanswered(self, error: AgentError) -> None:
        if isinstance(error, NoAgentAnswers):
            self.told = self.today = self.perks = None
            self.known = True
            self._edge.stop()
            self.changed.emit()
        elif isinstance(error, AgentIsBusy):
            self._edge.start(LOOKED_AT_EVERY_MS)
