"""The window behind the icon: state, pauses, today's figures and what left last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from toktra.agent.control_messages import Left, LeftEvent, Log
from toktra.agent.tray import colours, icons, words
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.language import _, ngettext
from toktra.agent.tray.own_agent import OwnAgent
from toktra.agent.tray.parts import button, heading, problem, rule, say, text
from toktra.agent.tray.personal_part import PersonalPart
from toktra.agent.tray.state import Kind, name_of, waits
from toktra.wire.events import encode

WIDTH: Final = 400
SHOWN_LEFT: Final = 4
"""Uploads listed here; the window of its own has them all."""
ONE_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where the window leads to."""

    pause_until: Callable[[], object]
    schedule: Callable[[], object]
    log: Callable[[], object]
    portal: Callable[[], object]


class MainWindow(QWidget):
    """Shows `agent` and lets its owner act. Closed, it can be opened again."""

    def __init__(self, agent: OwnAgent, link: AgentLink, ways: Ways) -> None:
        super().__init__()
        self._agent, self._link, self._ways = agent, link, ways
        self._shown_left: tuple[list[tuple[str, str, str]], str] | None = None
        self.setWindowTitle("Toktra")
        self.setFixedWidth(WIDTH)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 16, 16, 12)
        self._layout.setSpacing(12)
        self._layout.addLayout(self._head())
        self._layout.addWidget(self._now_panel())
        self._layout.addWidget(self._make_problem())
        self._personal = PersonalPart(agent)
        self._layout.addWidget(self._personal)
        self._layout.addLayout(self._pauses())
        self._layout.addWidget(rule())
        self._layout.addLayout(self._figures())
        self._layout.addWidget(rule())
        self._layout.addLayout(self._left())
        self._layout.addWidget(rule())
        self._layout.addLayout(self._foot())
        agent.changed.connect(self.update_words)
        agent.refused.connect(lambda because: say(self._problem, because))
        self.update_words()

    def update_words(self) -> None:
        """Writes what is known now."""
        shown, inks = self._agent.shown(), colours.in_use()
        state = inks.states[shown.kind]
        self._mark.setPixmap(icons.mark(inks.accent, 28))
        self._now.setProperty("kind", shown.kind.value)
        for dressed in (self._now, self._headline, self._sentence):
            dressed.style().unpolish(dressed)
            dressed.style().polish(dressed)
        self._glyph.setPixmap(icons.state_glyph(shown.kind, state.ink, 28))
        self._headline.setText(shown.headline)
        self._sentence.setText(shown.sentence)
        self._now.setAccessibleName(f"{shown.headline}. {shown.sentence}")
        self.setWindowIcon(icons.state_icon(shown.kind))
        self.setWindowTitle(f"Toktra – {name_of(shown.kind)}")
        private = shown.kind is Kind.PRIVATE
        had_focus = self.focusWidget()
        for one in self._when_observed:
            one.setVisible(not private)
            one.setEnabled(shown.kind is not Kind.OFFLINE)
        for one in self._when_private:
            one.setVisible(private)
        told, today = self._agent.told, self._agent.today
        self._longer.setVisible(private and told is not None and told.until is not None)
        self._clock_is_right.setVisible(shown.doubts_clock)
        if had_focus is not None and had_focus.isHidden():  # what was pressed is gone: on to its counterpart
            (self._end if private else self._half_hour).setFocus()
        self._tokens.setText(words.tokens(today.tokens.low, today.tokens.high) if today else "–")
        self._exchanges.setText(words.count(today.exchanges) if today else "–")
        self._bytes.setText(f"{words.size(today.request_bytes)} / {words.size(today.response_bytes)}" if today else "–")
        self._device.setText(today.tenant if today else "")
        self._portal.setEnabled(today is not None)
        self._personal.update_words()
        say(self._waiting, self._waits())
        say(self._asks, _("A change waits for you in your schedule.") if waits(told) else "")
        self._ask_what_left()

    def event(self, event: QEvent) -> bool:
        """Whenever a line came or went, as high as the words need: they wrap, so the height follows from the width."""
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self.setFixedHeight(self._layout.totalHeightForWidth(WIDTH))
        return done

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """News arrive sooner while somebody looks."""
        super().showEvent(event)
        self._agent.look(closely=True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """And later again."""
        super().hideEvent(event)
        say(self._problem, "")
        self._agent.look(closely=False)

    def _head(self) -> QHBoxLayout:
        self._mark = QLabel()
        self._device = text(quiet=True)
        self._device.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout()
        row.addWidget(self._mark)
        row.addWidget(heading("Toktra", 1.25))
        row.addWidget(self._device, 1)
        return row

    def _now_panel(self) -> QFrame:
        self._now = QFrame()
        self._now.setObjectName("now")
        self._glyph = QLabel()
        self._headline = heading("", 1.25)
        self._headline.setWordWrap(True)
        self._sentence = text()
        lines = QVBoxLayout()
        lines.setSpacing(2)
        lines.addWidget(self._headline)
        lines.addWidget(self._sentence)
        row = QHBoxLayout(self._now)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(lines, 1)
        return self._now

    def _make_problem(self) -> QLabel:
        self._problem = problem()
        return self._problem

    def _pauses(self) -> QVBoxLayout:
        agent = self._agent
        title = heading(_("Pause"))
        self._half_hour = button(_("30 min"), self._acting(lambda: agent.pause_for(30)))
        self._half_hour.setAccessibleName(_("Pause for 30 minutes"))
        one_hour = button(_("1 hour"), self._acting(lambda: agent.pause_for(60)))
        one_hour.setAccessibleName(_("Pause for 1 hour"))
        rest = button(_("The rest of today"), self._acting(lambda: agent.pause_until(_midnight(agent.now))))
        rest.setAccessibleName(_("Pause for the rest of today"))
        until = button(_("Until …"), self._ways.pause_until)
        until.setAccessibleName(_("Pause until a time"))
        now = button(_("Until I resume"), self._acting(lambda: agent.pause_until(None)))
        now.setAccessibleName(_("Pause until I resume"))
        self._longer = button(_("1 hour more"), self._acting(self._one_hour_more))
        self._end = button(_("End now"), self._acting(agent.resume))
        self._clock_is_right = button(_("The clock is right"), self._acting(agent.confirm_clock))
        self._when_observed = (title, self._half_hour, one_hour, rest, until, now)
        self._when_private = (self._longer, self._end, self._clock_is_right)
        rows = QVBoxLayout()
        rows.setSpacing(8)
        rows.addWidget(title)
        for together in (
            (self._half_hour, one_hour, rest),
            (until, now),
            (self._longer, self._end),
            (self._clock_is_right,),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            for one in together:
                row.addWidget(one, 1)
            rows.addLayout(row)
        self._asks = text()
        self._asks.hide()
        rows.addWidget(self._asks)
        rows.addWidget(button(_("Change my schedule"), self._ways.schedule, link=True), 0, Qt.AlignmentFlag.AlignLeft)
        return rows

    def _figures(self) -> QVBoxLayout:
        self._tokens, self._exchanges, self._bytes = text(), text(), text()
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        for row, (name, value) in enumerate(
            (
                (_("Tokens, ≈ estimated"), self._tokens),
                (_("Exchanges"), self._exchanges),
                (_("Sent / received"), self._bytes),
            )
        ):
            label = text(name, quiet=True)
            label.setBuddy(value)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setAccessibleDescription(name)
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
        lines = QVBoxLayout()
        lines.addWidget(heading(_("Today on this device")))
        lines.addLayout(grid)
        return lines

    def _left(self) -> QVBoxLayout:
        self._uploads = QGridLayout()
        self._uploads.setHorizontalSpacing(12)
        self._uploads.setVerticalSpacing(4)
        self._uploads.setColumnStretch(1, 1)
        self._waiting = text(quiet=True)
        lines = QVBoxLayout()
        lines.addWidget(heading(_("What left this device")))
        lines.addLayout(self._uploads)
        lines.addWidget(self._waiting)
        lines.addWidget(
            button(_("See each one, field by field"), self._ways.log, link=True), 0, Qt.AlignmentFlag.AlignLeft
        )
        return lines

    def _foot(self) -> QHBoxLayout:
        self._portal = button(_("Open my page"), self._ways.portal, link=True)
        self._portal.setAccessibleDescription(_("Everything that is kept about you, in the browser"))
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._portal)
        return row

    def _acting(self, act: Callable[[], object]) -> Callable[[], None]:
        """An act of the owner: what was refused before is no news any more."""

        def acting() -> None:
            say(self._problem, "")
            act()

        return acting

    def _one_hour_more(self) -> None:
        told = self._agent.told
        if told is not None and told.until is not None:
            self._agent.pause_until(told.until + ONE_HOUR)

    def _waits(self) -> str:
        today = self._agent.today
        if today is None or today.waiting == 0:
            return ""
        waits = ngettext("%(n)s use waits to be sent.", "%(n)s uses wait to be sent.", today.waiting)
        return f"{waits % {'n': words.count(today.waiting)}} {today.link_because}".strip()

    def _ask_what_left(self) -> None:
        if self._agent.told is None:
            self._show_left(None)
        else:
            self._link.ask(Log(limit=50), self._show_page, lambda _error: None)

    def _show_page(self, page: Left) -> None:
        self._show_left(page.events)

    def _show_left(self, events: tuple[LeftEvent, ...] | None) -> None:
        """None: nobody can be asked."""
        together = groupby(events or (), _sent_at)
        lines = [_upload(sent_at, list(uploaded), self._agent.now) for sent_at, uploaded in together][:SHOWN_LEFT]
        nothing = _("Not known while no agent answers.") if events is None else _("Nothing yet.")
        if (lines, nothing) == self._shown_left:
            return
        self._shown_left = (lines, nothing)
        while (item := self._uploads.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if not lines:
            self._uploads.addWidget(text(nothing, quiet=True), 0, 0, 1, 3)
        for row, (at, what, how_much) in enumerate(lines):
            self._uploads.addWidget(QLabel(at), row, 0, Qt.AlignmentFlag.AlignTop)
            self._uploads.addWidget(text(what), row, 1)
            amount = QLabel(how_much)
            amount.setObjectName("quiet")
            self._uploads.addWidget(amount, row, 2, Qt.AlignmentFlag.AlignTop)


def _sent_at(one: LeftEvent) -> datetime:
    return one.sent_at


def _upload(sent_at: datetime, events: list[LeftEvent], now: datetime) -> tuple[str, str, str]:
    """One upload in words: when, how many uses of which hosts, and their bytes on the way."""
    hosts = ", ".join(dict.fromkeys(one.event.provider_host for one in events))
    uses = ngettext("%(n)s use", "%(n)s uses", len(events)) % {"n": words.count(len(events))}
    return words.moment(sent_at, now), f"{uses}, {hosts}", words.size(sum(len(encode(one.event)) for one in events))


def _midnight(now: datetime) -> datetime:
    local = now.astimezone()
    return datetime.combine(local.date() + timedelta(days=1), time()).astimezone()
