"""The week as a picture that can be worked with: drag or use the arrow keys to choose hours, click a window to pick it.

What is chosen and what is there is told to a screen reader in words; the same can be done with the form and the list
beside it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from toktra.agent.tray import colours, words
from toktra.agent.tray.language import _
from toktra.agent.tray.news import News
from toktra.agent.tray.state import Kind
from toktra.agent.tray.week import SLOT_MINUTES, SLOTS, Block, Stretch
from toktra.wire.schedule import MINUTES_A_DAY, WeeklyWindow, Window

GUTTER: Final = 48.0
HEAD: Final = 34.0
_ARROWS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
    Qt.Key.Key_PageUp: (0, -6),
    Qt.Key.Key_PageDown: (0, 6),
    Qt.Key.Key_Home: (0, -SLOTS),
    Qt.Key.Key_End: (0, SLOTS),
}


class WeekView(QWidget):
    """Shows `blocks` of the week that begins on `monday`."""

    def __init__(self, monday: date, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chosen = News[WeeklyWindow]()
        """A stretch was chosen: the window it would be."""
        self.add_wanted = News[()]()
        """Enter: what is chosen is to be added."""
        self.picked = News[Window]()
        """A window of the owner was clicked."""
        self.remove_wanted = News[()]()
        """Delete: what is picked is to go."""
        self.monday = monday
        self.blocks: list[Block] = []
        self._picked: Window | None = None
        self._stretch = Stretch(0, 24, 0, 25)
        self._dragging = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(520, 380)
        self.setAccessibleName(_("Week"))
        self._describe()

    def show_week(self, monday: date, blocks: list[Block]) -> None:
        """Another week, or other windows."""
        self.monday, self.blocks = monday, blocks
        self._describe()
        self.update()

    def pick(self, window: Window | None) -> None:
        """Marks one of the windows shown."""
        self._picked = window
        self.update()

    def chosen_window(self) -> WeeklyWindow:
        """What the stretch would be as a window."""
        return self._stretch.window()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for seven days."""
        return QSize(640, 460)

    def place(self, day: int, minute: int) -> QPointF:
        """Where a time of the week is drawn."""
        return QPointF(GUTTER + day * self._day_width(), HEAD + minute * self._minute_height())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrows choose, with Shift they stretch; Enter adds, Delete removes."""
        key = Qt.Key(event.key())
        if key in _ARROWS:
            stretching = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._choose(self._stretch.moved(*_ARROWS[key], stretching=stretching))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.add_wanted.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """The stretch chosen is drawn stronger."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """And weaker again."""
        super().focusOutEvent(event)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """On a window of the owner: picks it. Elsewhere: begins a stretch."""
        at = self._at(event.position())
        if event.button() is not Qt.MouseButton.LeftButton or at is None:
            return
        day, slot = at
        minute = slot * SLOT_MINUTES
        for block in self.blocks:
            if not block.added and block.day == day and block.start_minute <= minute < block.end_minute:
                self.picked.emit(block.window)
                return
        self._dragging = True
        self._choose(Stretch(day, slot, day, slot))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Stretches."""
        at = self._at(event.position())
        if self._dragging and at is not None:
            self._choose(Stretch(self._stretch.day, self._stretch.slot, *at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The stretch is as it is."""
        del event
        self._dragging = False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Grid, windows, stretch."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inks = colours.in_use()
        self._paint_grid(painter, inks)
        for block in self.blocks:
            self._paint_block(painter, inks, block)
        self._paint_stretch(painter, inks)
        painter.end()

    def _choose(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self._describe()
        self.chosen.emit(stretch.window())
        self.update()

    def _describe(self) -> None:
        """In words: what is chosen, and what is private in this week."""
        private = [
            f"{words.long_day_names()[one.day]} {words.minute(one.start_minute)} – {words.minute(one.end_minute)}"
            for one in sorted(self.blocks, key=lambda one: (one.day, one.start_minute))
        ]
        self.setAccessibleDescription(
            _(
                "Chosen: {window}. Private this week: {windows}. Arrow keys choose, Shift and arrow keys stretch, Enter"
                " adds."
            ).format(window=words.window(self._stretch.window()), windows="; ".join(private) or _("nothing"))
        )

    def _day_width(self) -> float:
        return (self.width() - GUTTER - 2) / 7

    def _minute_height(self) -> float:
        return (self.height() - HEAD - 8) / MINUTES_A_DAY

    def _at(self, point: QPointF) -> tuple[int, int] | None:
        day = int((point.x() - GUTTER) // self._day_width())
        slot = int((point.y() - HEAD) // (self._minute_height() * SLOT_MINUTES))
        return (day, slot) if 0 <= day <= 6 and 0 <= slot < SLOTS else None

    def _rect(self, day: int, start_minute: int, end_minute: int, inset: float = 0.0) -> QRectF:
        top_left = self.place(day, start_minute)
        height = (end_minute - start_minute) * self._minute_height()
        return QRectF(top_left.x(), top_left.y(), self._day_width(), height).adjusted(inset, inset, -inset, -inset)

    def _paint_grid(self, painter: QPainter, inks: colours.Colours) -> None:
        painter.fillRect(self._rect(0, 0, MINUTES_A_DAY).adjusted(0, 0, 6 * self._day_width(), 0), QColor(inks.surface))
        painter.setPen(QColor(inks.ink_3))
        for hour in range(0, 25, 3):
            y = self.place(0, 60 * hour).y()
            painter.drawText(QRectF(0, y - 8, GUTTER - 8, 16), Qt.AlignmentFlag.AlignRight, words.minute(60 * hour))
        today = date.today()  # noqa: DTZ011 - the device's own calendar is what hangs on the wall
        for day, name in enumerate(words.day_names()):
            on = self.monday + timedelta(days=day)
            font = painter.font()
            font.setBold(on == today)
            painter.setFont(font)
            painter.setPen(QColor(inks.ink if on == today else inks.ink_2))
            head = QRectF(self.place(day, 0).x(), 4, self._day_width(), HEAD - 8)
            painter.drawText(head, Qt.AlignmentFlag.AlignCenter, f"{name} {on.day}.")
            font.setBold(False)
            painter.setFont(font)
        for hour in range(25):
            painter.setPen(QPen(QColor(inks.line), 1.0 if hour % 6 else 1.6))
            painter.drawLine(self.place(0, 60 * hour), self.place(7, 60 * hour))
        painter.setPen(QPen(QColor(inks.line), 1.0))
        for day in range(8):
            painter.drawLine(self.place(day, 0), self.place(day, MINUTES_A_DAY))

    def _paint_block(self, painter: QPainter, inks: colours.Colours, block: Block) -> None:
        state, rect = inks.states[Kind.PRIVATE], self._rect(block.day, block.start_minute, block.end_minute, 1.5)
        painter.setBrush(QColor(state.wash))
        style = Qt.PenStyle.SolidLine if block.window == self._picked else Qt.PenStyle.DashLine
        width = 2.4 if block.window == self._picked else 1.2
        painter.setPen(QPen(QColor(state.ink if block.window == self._picked else state.line), width, style))
        painter.drawRoundedRect(rect, 4, 4)
        if block.added:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(QColor(state.line), Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(rect, 4, 4)
        start, end = words.minute(block.start_minute), words.minute(block.end_minute)
        room, line = painter.fontMetrics().horizontalAdvance, painter.fontMetrics().height()
        text = f"{start}–{end}" if room(f"{start}–{end}") <= rect.width() - 8 else f"{start}–\n{end}"
        if rect.height() >= line * (1 + text.count("\n")):
            painter.setPen(QColor(state.ink))
            painter.drawText(rect.adjusted(4, 1, 0, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)

    def _paint_stretch(self, painter: QPainter, inks: colours.Colours) -> None:
        window = self._stretch.window()
        days = sorted((self._stretch.day, self._stretch.to_day))
        rect = self._rect(days[0], window.start_minute, window.end_minute)
        rect.setWidth(self._day_width() * (days[1] - days[0] + 1))
        colour = QColor(inks.focus if self.hasFocus() else inks.line_strong)
        painter.setPen(QPen(colour, 2.6 if self.hasFocus() else 1.4))
        colour.setAlpha(28)
        painter.setBrush(colour)
        painter.drawRoundedRect(rect, 4, 4)
