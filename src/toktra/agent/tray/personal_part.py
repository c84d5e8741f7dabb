"""The part of the window for personal mode: there for whoever takes part in Token Perks, and for nobody else."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from toktra.agent.tray.language import _
from toktra.agent.tray.own_agent import OwnAgent
from toktra.agent.tray.parts import button, heading, say, text
from toktra.agent.tray.state import takes_part

AN_HOUR_MINUTES = 60


class PersonalPart(QWidget):
    """Switches it on and off, and says what stands in the way of the second ledger."""

    def __init__(self, agent: OwnAgent) -> None:
        super().__init__()
        self._agent = agent
        self._on = button(_("Personal, until I switch it off"), lambda: agent.personal_for(None))
        self._for_an_hour = button(_("Personal for 1 hour"), lambda: agent.personal_for(AN_HOUR_MINUTES))
        self._off = button(_("Back to work"), agent.personal_off)
        self._troubles = text(quiet=True)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(8)
        lines.addWidget(heading(_("Token Perks")))
        row = QHBoxLayout()
        row.setSpacing(8)
        for one in (self._for_an_hour, self._on, self._off):
            row.addWidget(one, 1)
        lines.addLayout(row)
        lines.addWidget(self._troubles)
        self.hide()

    def update_words(self) -> None:
        """Shows what is known now."""
        perks = self._agent.perks
        self.setVisible(takes_part(perks))
        if perks is None:
            return
        for one in (self._on, self._for_an_hour):
            one.setVisible(not perks.personal)
            one.setEnabled(perks.part == "joined")
        self._off.setVisible(perks.personal)
        say(self._troubles, "\n".join(perks.troubles))
