"""The icons of the visual language: strokes on a 20 × 20 grid."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_PATHS: Final = {
    "overview": '<path d="M3 3.5h6v6H3zM11.5 3.5H17v3.5h-5.500zM11.500 10H17v6.500h-5.500zM3 12.500h6v4H3z"/>',
    "usage": '<path d="M3 16.500h14M5.500 16.500v-5M10 16.500V4M14.500 16.500V8.500"/>',
    "device": '<path d="M4 4.500h12v8.500H4zM2 16h16"/>',
    "people": '<circle cx="7.500" cy="7" r="2.700"/><path d="M2.500 16c0-3 2.200-4.700 5-4.700s5 1.700 5 4.700M13 4.600'
    'a2.700 2.700 0 0 1 0 4.900M14.500 11.800c1.900.6 3 2.100 3 4.200"/>',
    "doc": '<path d="M5 2.500h7l3.500 3.500v11.500H5zM12 2.500V6h3.500M7.500 10h5M7.500 13h5"/>',
    "menu": '<path d="M3 5.500h14M3 10h14M3 14.500h14"/>',
    "close": '<path d="m5 5 10 10M15 5 5 15"/>',
    "tally": '<path d="M5 4.500v11M8.500 4.500v11M12 4.500v11M15.500 4.500v11M2.500 13 17.500 7"/>',
    "warn": '<path d="M10 3 18 16.500H2zM10 8v4M10 14.300v.01"/>',
    "clock": '<circle cx="10" cy="10" r="7.500"/><path d="M10 5.500V10l3 2"/>',
    "check": '<path d="m4 10.500 4 4 8-9"/>',
    "info": '<circle cx="10" cy="10" r="7.500"/><path d="M10 9v5M10 6.300v.01"/>',
    "how": '<circle cx="10" cy="10" r="7.500"/><path d="M6 8.500c1.300-1.200 2.700-1.200 4 0s2.700 1.200 4 0M6 12'
    'c1.300-1.200 2.700-1.200 4 0s2.700 1.200 4 0"/>',
    "up": '<path d="M10 16V4M5 9l5-5 5 5"/>',
    "down": '<path d="M10 4v12M5 11l5 5 5-5"/>',
    "level": '<path d="M4 8h12M4 12h12"/>',
    "key": '<circle cx="6.500" cy="12.500" r="3.700"/><path d="m9.200 9.800 7-7"/>',
    "lock": '<path d="M5 9h10v8H5zM7 9V6.500a3 3 0 0 1 6 0V9"/>',
    "out": '<path d="M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "sort": '<path d="m6.500 8 3.500-4 3.500 4M6.500 12l3.500 4 3.500-4"/>',
    "get": '<path d="M10 3v10M6 9.500l4 4 4-4M4 16.500h12"/>',
    "send": '<path d="M10 16V5M6 8.500 10 4.500l4 4M4 16.500h12"/>',
    "left": '<path d="m12 5-5 5 5 5"/>',
    "right": '<path d="m8 5 5 5-5 5"/>',
    "filter": '<path d="M3 5h14M6 10h8M8.500 15h3"/>',
    "pause": '<circle cx="10" cy="10" r="7.500"/><path d="M8 7v6M12 7v6"/>',
    "log": '<path d="M4 4v12M4 6h3M4 10h3M4 14h3M10 6h6M10 10h6M10 14h4"/>',
    "scales": '<path d="M10 3v14M6.500 17h7M4 6.500h12M4 6.500 2 11.500h4zM16 6.500l-2 5h4z"/>',
    "hourglass": '<path d="M5.500 3h9M5.500 17h9M6.500 3c0 4 7 4.500 7 7s-7 3-7 7M13.500 3c0 4-7 4.500-7 7s7 3 7 7"/>',
    "none": '<path d="M4 10h12"/><circle cx="10" cy="10" r="7.500"/>',
}

ICONS: Final = {name: Markup(path) for name, path in _PATHS.items()}  # noqa: S704, constants of this file
