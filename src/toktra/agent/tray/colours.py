"""The colours of the visual language, light and dark, as a palette and a style sheet for Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from toktra.agent.tray.state import Kind


@dataclass(frozen=True, slots=True)
class State:
    """Ink, wash and line of one of the states of a device."""

    ink: str
    wash: str
    line: str
    border: str
    """Solid, dashed or double: a state is never told by colour alone."""


@dataclass(frozen=True, slots=True)
class Colours:
    """One scheme."""

    paper: str
    surface: str
    line: str
    line_strong: str
    ink: str
    ink_2: str
    ink_3: str
    accent: str
    accent_ink: str
    accent_wash: str
    focus: str
    overdue: str
    states: dict[Kind, State]


LIGHT: Final = Colours(
    paper="#f3f6f5",
    surface="#ffffff",
    line="#d8dfde",
    line_strong="#7b898d",
    ink="#14232a",
    ink_2="#3c4d55",
    ink_3="#56646b",
    accent="#075e66",
    accent_ink="#ffffff",
    accent_wash="#e0eeee",
    focus="#1f4fd0",
    overdue="#a3241b",
    states={
        Kind.OBSERVED: State("#1461aa", "#e6eff9", "#7fa6cf", "solid"),
        Kind.PRIVATE: State("#5a1668", "#f4eaf6", "#b183bd", "dashed"),
        Kind.PERSONAL: State("#1d4d0c", "#ebf4e2", "#85ad72", "double"),
        Kind.OFFLINE: State("#3c4d55", "#eaefee", "#7b898d", "dotted"),
    },
)
DARK: Final = Colours(
    paper="#10191c",
    surface="#172327",
    line="#2b3b40",
    line_strong="#74878d",
    ink="#e7eeed",
    ink_2="#bccacb",
    ink_3="#97a8ab",
    accent="#7fcbcb",
    accent_ink="#07292c",
    accent_wash="#183438",
    focus="#a9c1ff",
    overdue="#ffaca1",
    states={
        Kind.OBSERVED: State("#6db0e6", "#182c42", "#3f668f", "solid"),
        Kind.PRIVATE: State("#f3cff8", "#35213c", "#83598f", "dashed"),
        Kind.PERSONAL: State("#bcc357", "#2a3017", "#6e7538", "double"),
        Kind.OFFLINE: State("#bccacb", "#0c1416", "#74878d", "dotted"),
    },
)


_chosen: Colours | None = None


def choose(name: str) -> None:
    """Light or dark, whatever the desktop says; "system" asks the desktop."""
    global _chosen  # noqa: PLW0603 - one process has one look
    _chosen = {"light": LIGHT, "dark": DARK}.get(name)


def in_use() -> Colours:
    """Those chosen, or of the desktop's colour scheme; a desktop that does not tell counts as light."""
    desktops = DARK if QApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark else LIGHT
    return _chosen or desktops


def apply(application: QApplication) -> None:
    """Dresses every window of the application in the colours in use."""
    colours = in_use()
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, colour in (
        (roles.Window, colours.paper),
        (roles.WindowText, colours.ink),
        (roles.Base, colours.surface),
        (roles.AlternateBase, colours.paper),
        (roles.Text, colours.ink),
        (roles.PlaceholderText, colours.ink_3),
        (roles.Button, colours.surface),
        (roles.ButtonText, colours.ink),
        (roles.ToolTipBase, colours.surface),
        (roles.ToolTipText, colours.ink),
        (roles.Highlight, colours.accent),
        (roles.HighlightedText, colours.accent_ink),
        (roles.Link, colours.accent),
        (roles.Mid, colours.line),
    ):
        palette.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.ink_3))
    application.setPalette(palette)
    application.setStyleSheet(_sheet(colours))


def _sheet(colours: Colours) -> str:
    states = "".join(
        f'QFrame#now[kind="{kind.value}"] {{ background: {state.wash};'
        f" border: {4 if state.border == 'double' else 2}px {state.border} {state.line};"
        f" border-radius: 8px; }}"
        f'QFrame#now[kind="{kind.value}"] QLabel {{ color: {state.ink}; }}'
        for kind, state in colours.states.items()
    )
    return (
        f"QPushButton {{ background: {colours.surface}; color: {colours.ink}; border: 1px solid {colours.line_strong};"
        " border-radius: 6px; padding: 6px 12px; min-height: 20px; }"
        f"QPushButton:hover {{ background: {colours.accent_wash}; }}"
        f"QPushButton:focus {{ border: 2px solid {colours.focus}; padding: 5px 11px; }}"
        f"QPushButton:disabled {{ color: {colours.ink_3}; border-color: {colours.line}; }}"
        f'QPushButton[main="true"] {{ background: {colours.accent}; color: {colours.accent_ink};'
        f" border-color: {colours.accent}; }}"
        f'QPushButton[flat="true"] {{ border: 1px solid transparent; background: transparent; color: {colours.accent};'
        " text-decoration: underline; padding: 4px 2px; text-align: left; }"
        f'QPushButton[flat="true"]:focus {{ border: 2px solid {colours.focus}; padding: 3px 1px; }}'
        f"QLabel#quiet {{ color: {colours.ink_3}; }}"
        f"QLabel#problem {{ color: {colours.overdue}; }}"
        f"QLineEdit, QListWidget, QPlainTextEdit, QTableView {{ border: 1px solid {colours.line_strong};"
        " border-radius: 4px; padding: 3px; }"
        "QLineEdit:focus, QListWidget:focus, QPlainTextEdit:focus, QTableView:focus"
        f" {{ border-color: {colours.focus}; }}"
        f"QCheckBox::indicator, QRadioButton::indicator {{ width: 13px; height: 13px; background: {colours.surface};"
        f" border: 1px solid {colours.line_strong}; border-radius: 3px; }}"
        "QRadioButton::indicator { border-radius: 7px; }"
        f"QCheckBox::indicator:checked {{ background: {colours.accent}; border-color: {colours.accent}; }}"
        f"QRadioButton::indicator:checked {{ border: 4px solid {colours.accent}; width: 7px; height: 7px; }}"
        f"QCheckBox:focus, QRadioButton:focus {{ color: {colours.focus}; text-decoration: underline; }}"
        "QTableView::item { padding: 0 6px; } QHeaderView::section { padding: 4px 6px; }"
        f"QFrame#rule {{ background: {colours.line}; max-height: 1px; min-height: 1px; border: 0; }}" + states
    )
