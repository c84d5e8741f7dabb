"""Asks the person at the device whether a link may switch personal mode, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QLocale, Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QVBoxLayout

from toktra.agent.control_messages import Show, Told
from toktra.agent.errors import AgentError
from toktra.agent.perks.messages import PerksTold, PersonalOff, PersonalOn
from toktra.agent.tray import colours, icons
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.application import obey_signals, to_front
from toktra.agent.tray.language import _, use_language
from toktra.agent.tray.one_instance import OneInstance
from toktra.agent.tray.parts import button, heading, problem, say, text
from toktra.agent.tray.state import Kind, shown

WIDTH: Final = 400
ARMED_AFTER_MS: Final = 700
"""What is clicked or typed before was meant for the page that the question appeared over."""


class LinkWindow(QDialog):
    """The question. Enter, Escape and closing it leave everything as it is."""

    def __init__(
        self,
        link: AgentLink,
        wish: PersonalOn | PersonalOff,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._link, self._wish, self._now = link, wish, now
        title, means, act = _words(wish)
        self.setWindowTitle(_("Toktra – a link asks"))
        self.setWindowIcon(icons.state_icon(Kind.PERSONAL))
        self.setFixedWidth(WIDTH)
        self.title, self.means = heading(title, 1.2), text(means)
        self._origin = text(_("A link in your browser asks. Any page can offer one."), quiet=True)
        self._problem = problem()
        self._leave = button(_("Leave it as it is"), self.reject)
        self._switch = button(act, self._ask)
        self._switch.setAutoDefault(False)  # Enter never switches, unless it was gone to on purpose
        self._switch.setEnabled(False)
        self._leave.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._switch)
        buttons.addWidget(self._leave)
        self._lines = lines = QVBoxLayout(self)
        lines.setContentsMargins(16, 16, 16, 12)
        lines.setSpacing(10)
        for line in (self.title, self.means, self._origin, self._problem):
            lines.addWidget(line)
        lines.addLayout(buttons)
        self._leave.setFocus(Qt.FocusReason.OtherFocusReason)
        QTimer.singleShot(ARMED_AFTER_MS, self, lambda: self._switch.setEnabled(True))

    def event(self, event: QEvent) -> bool:
        """As high as the words need: they wrap, so the height follows from the width."""
        done = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self.setFixedHeight(self._lines.totalHeightForWidth(WIDTH))
        return done

    def _ask(self) -> None:
        self._switch.setEnabled(False)
        self._leave.setEnabled(False)  # it cannot be called back any more
        self._link.ask(self._wish, self._switched, self._failed)

    def _switched(self, perks: PerksTold) -> None:
        self._link.ask(Show(), lambda told: self._done(told, perks), self._failed)

    def _done(self, told: Told, perks: PerksTold) -> None:
        """How it stands now, which may be private all the same: that comes first."""
        stands = shown(told, None, self._now(), perks)
        self.setWindowIcon(icons.state_icon(stands.kind))
        self.title.setText(stands.headline)
        self.means.setText(stands.sentence)
        say(self._problem, "\n".join(perks.troubles))
        self._end()

    def _failed(self, error: AgentError) -> None:
        say(self._problem, str(error))
        self._end()

    def _end(self) -> None:
        self._origin.hide()
        self._switch.hide()
        self._leave.setText(_("Close"))
        self._leave.setEnabled(True)
        self._leave.setFocus(Qt.FocusReason.OtherFocusReason)


def follow(find_control: Callable[[], Path], wish: PersonalOn | PersonalOff) -> int:
    """Asks in a window, until it is closed. A second link meanwhile brings the first question to the front."""
    application = QApplication([])
    application.setApplicationName("Toktra")
    application.setDesktopFileName("toktra-links")
    application.setStyle("Fusion")
    use_language(QLocale.system().uiLanguages())
    colours.choose("system")
    colours.apply(application)
    instance = OneInstance(application, purpose="link")
    if not instance.first():
        return 0
    link = AgentLink(find_control)
    window = LinkWindow(link, wish)
    instance.called.connect(lambda: to_front(window))
    heartbeat = obey_signals(application)
    to_front(window)
    code = application.exec()
    heartbeat.stop()
    link.close()
    instance.close()
    return code


def _words(wish: PersonalOn | PersonalOff) -> tuple[str, str, str]:
    """Question, what it would do, and the button that does it."""
    if isinstance(wish, PersonalOff):
        return (
            _("Back to work?"),
            _("What you begin from now on counts as work use again. Your personal windows that run end, this once."),
            _("Back to work"),
        )
    if wish.minutes is None:
        return (
            _("Switch personal mode on?"),
            _("What you begin from now on is sealed for you alone, until you switch it off."),
            _("Switch it on"),
        )
    return (
        _("Switch personal mode on for 1 hour?"),
        _("What you begin in this hour is sealed for you alone. After it you are back at work."),
        _("Switch it on"),
    )
