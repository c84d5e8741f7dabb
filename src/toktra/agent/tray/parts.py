"""Small parts that every window of the tray is made of."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy


def heading(text: str, size: float = 1.1) -> QLabel:
    """A title above what belongs to it."""
    label = QLabel(text)
    font = QFont(label.font())
    font.setPointSizeF(font.pointSizeF() * size)
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
    return label


def text(content: str = "", *, quiet: bool = False) -> QLabel:
    """Running text, which wraps and can be copied, also with the keyboard."""
    label = QLabel(content)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    if quiet:
        label.setObjectName("quiet")
    return label


def problem() -> QLabel:
    """Where it is said what was not done and why; hidden while there is nothing to say."""
    label = text()
    label.setObjectName("problem")
    label.hide()
    return label


def say(label: QLabel, words: str) -> None:
    """Shows `words` in a label made by `problem`, or hides it when there are none."""
    label.setText(words)
    label.setVisible(bool(words))


def button(words: str, act: Callable[[], object], *, main: bool = False, link: bool = False) -> QPushButton:
    """A push button; `main` for the one that matters most, `link` for one that leads elsewhere."""
    made = QPushButton(words)
    made.setProperty("main", main)
    made.setProperty("flat", link)
    made.setAutoDefault(True)  # Enter presses it, as people expect of a button that has the focus
    if link:
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.clicked.connect(lambda _checked=False: act())
    return made


def rule() -> QFrame:
    """A thin line between two parts."""
    frame = QFrame()
    frame.setObjectName("rule")
    return frame
