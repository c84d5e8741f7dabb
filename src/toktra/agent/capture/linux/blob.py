"""The built kernel program that ships with the package: a loader, its data, and the order of what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).with_name("blob")


class _Manifest(msgspec.Struct):
    maps: list[str]
    programs: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What bpftool made of the program's source; scripts/build_kernel_program.py --check proves it."""

    loader: bytes
    data: bytes
    maps: tuple[str, ...]
    """In the order of the loader's context."""
    programs: tuple[str, ...]


def read_blob() -> Blob:
    """The blob of this installation."""
    manifest = msgspec.json.decode((FOLDER / "manifest.json").read_bytes(), type=_Manifest)
    return Blob(
        loader=(FOLDER / "capture.loader").read_bytes(),
        data=(FOLDER / "capture.data").read_bytes(),
        maps=tuple(manifest.maps),
        programs=tuple(manifest.programs),
    )
