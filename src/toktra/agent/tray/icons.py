"""The icons of the states: drawn shapes that differ without colour, on a ground that shows on any panel."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from toktra.agent.tray.colours import LIGHT
from toktra.agent.tray.state import Kind

SIZES: Final = (16, 22, 24, 32, 48, 64)

_SHAPES: Final = {
    Kind.OBSERVED: '<path d="M5 4.5v11M8.5 4.5v11M12 4.5v11M15.5 4.5v11M2.5 13 17.5 7"/>',
    Kind.PRIVATE: '<circle cx="10" cy="10" r="7.5"/><path d="M8 7v6M12 7v6"/>',
    Kind.PERSONAL: '<circle cx="6.5" cy="12.5" r="3.7"/><path d="m9.2 9.8 7-7M13.5 5.5l2.5 2.5M11.5 7.5l1.8 1.8"/>',
    Kind.OFFLINE: '<circle cx="10" cy="10" r="7.5" stroke-dasharray="3 3"/><path d="M4.5 15.5 15.5 4.5"/>',
}
_MARK: Final = (
    '<path d="M2.5 7v12M25.5 7v12M2.5 13H9M19 13h6.5"/><circle cx="14" cy="13" r="3.6" fill="{colour}" stroke="none"/>'
)


def state_icon(kind: Kind) -> QIcon:
    """For the tray and the window's frame: the shape in white on a tile of the state's colour."""
    icon = QIcon()
    ground = LIGHT.states[kind].ink
    tile = f'<rect x="-4" y="-4" width="28" height="28" rx="6" fill="{ground}"/>'
    for size in SIZES:
        icon.addPixmap(_drawn(tile + _stroked(_SHAPES[kind], "#ffffff", 2.2), box="-4 -4 28 28", size=size))
    return icon


def state_glyph(kind: Kind, colour: str, size: int) -> QPixmap:
    """The bare shape, for beside a text."""
    return _drawn(_stroked(_SHAPES[kind], colour, 1.6), box="0 0 20 20", size=size)


def mark(colour: str, size: int) -> QPixmap:
    """The sign of Toktra: a range with its two ends."""
    return _drawn(_stroked(_MARK.replace("{colour}", colour), colour, 2.6), box="0 -1 28 28", size=size)


def _stroked(shape: str, colour: str, width: float) -> str:
    return (
        f'<g fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round">'
        f"{shape}</g>"
    )


def _drawn(content: str, *, box: str, size: int) -> QPixmap:
    """At twice the size, so that it is sharp on fine screens too."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{content}</svg>'
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.fill(QColor(Qt.GlobalColor.transparent))
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, 2 * size, 2 * size))
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return pixmap
