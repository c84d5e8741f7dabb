"""A ZIP file as a stream: nothing is held but the part that is being packed."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_OUT_AT_ONCE = 64 << 10


@dataclass(frozen=True, slots=True)
class File:
    """One file of the archive; its content may be made while it is packed."""

    name: str
    content: AsyncIterator[bytes]


class _Sink:
    """Takes what zipfile writes, until it is fetched. It cannot be sought in, so sizes follow each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, part: Any) -> int:
        data = bytes(part)
        self._parts.append(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def fetch(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return found


async def zipped(files: AsyncIterator[File], made_at: datetime) -> AsyncIterator[bytes]:
    """The archive, file by file, in their order."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:  # type: ignore[call-overload]
        async for file in files:
            about = zipfile.ZipInfo(file.name, made_at.timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            with archive.open(about, "w", force_zip64=True) as packed:
                async for part in file.content:
                    packed.write(part)
                    if sink.size >= _OUT_AT_ONCE:
                        yield sink.fetch()
    yield sink.fetch()
