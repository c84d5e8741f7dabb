"""The icon in the menu bar or tray, and its menu: the state in words, and what is done about it most."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from toktra.agent.tray import icons
from toktra.agent.tray.language import _
from toktra.agent.tray.main_window import Ways
from toktra.agent.tray.own_agent import OwnAgent
from toktra.agent.tray.personal_part import AN_HOUR_MINUTES
from toktra.agent.tray.state import Kind, takes_part


class TrayIcon(QSystemTrayIcon):
    """Follows `agent`."""

    def __init__(
        self, agent: OwnAgent, ways: Ways, *, open_window: Callable[[], object], leave: Callable[[], object]
    ) -> None:
        super().__init__(icons.state_icon(Kind.OFFLINE))
        self._agent = agent
        self.menu = QMenu()
        self.state = self._entry("", open_window)
        self.menu.addSeparator()
        pauses = [
            self._entry(_("Pause for 30 minutes"), lambda: agent.pause_for(30)),
            self._entry(_("Pause for 1 hour"), lambda: agent.pause_for(60)),
            self._entry(_("Pause until …"), ways.pause_until),
            self._entry(_("Pause until I resume"), lambda: agent.pause_until(None)),
        ]
        self._pauses = pauses
        self.resume = self._entry(_("End now"), agent.resume)
        self._rule_above_personal = self.menu.addSeparator()
        self.personal = [
            self._entry(_("Personal for 1 hour"), lambda: agent.personal_for(AN_HOUR_MINUTES)),
            self._entry(_("Personal, until I switch it off"), lambda: agent.personal_for(None)),
        ]
        self.work = self._entry(_("Back to work"), agent.personal_off)
        self.menu.addSeparator()
        self._entry(_("My schedule …"), ways.schedule)
        self._entry(_("What has left this device …"), ways.log)
        self.portal = self._entry(_("Open my page"), ways.portal)
        self.menu.addSeparator()
        self._entry(_("Quit; the agent goes on"), leave)
        self.setContextMenu(self.menu)
        self.activated.connect(lambda reason: self._activated(reason, open_window))
        agent.changed.connect(self.update_words)
        self.update_words()

    def update_words(self) -> None:
        """Icon, tooltip and the menu's first line say the same."""
        shown = self._agent.shown()
        self.setIcon(icons.state_icon(shown.kind))
        self.setToolTip(f"Toktra – {shown.headline}\n{shown.sentence}")
        self.state.setText(shown.headline)
        self.state.setIcon(icons.state_icon(shown.kind))
        for entry in self._pauses:
            entry.setEnabled(shown.kind is not Kind.OFFLINE)
        self.resume.setEnabled(shown.kind is Kind.PRIVATE)
        perks = self._agent.perks
        personal = perks is not None and perks.personal
        self._rule_above_personal.setVisible(takes_part(perks))
        for entry in self.personal:
            entry.setVisible(takes_part(perks) and not personal)
            entry.setEnabled(perks is not None and perks.part == "joined")
        self.work.setVisible(personal)
        self.portal.setEnabled(self._agent.today is not None)

    def _entry(self, words: str, act: Callable[[], object]) -> QAction:
        action = self.menu.addAction(words)
        action.triggered.connect(lambda _checked=False: act())
        return action

    @staticmethod
    def _activated(reason: QSystemTrayIcon.ActivationReason, open_window: Callable[[], object]) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            open_window()
