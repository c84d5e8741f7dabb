"""Style sheets, fonts and scripts: read once into memory, served under an address that changes with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

FOLDER: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """All files of the folder. `version` is part of every address, so that browsers may keep them for ever."""

    version: str
    files: Mapping[str, bytes]

    @classmethod
    def load(cls, folder: Path = FOLDER) -> StaticFiles:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _MEDIA_TYPES
        }
        digest = hashlib.sha256()
        for name, content in files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return cls(digest.hexdigest()[:12], MappingProxyType(files))

    def address(self, name: str) -> str:
        """Where a file is served. Raises KeyError for a file that does not exist, so that no page links to nothing."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def answer(self, version: str, name: str) -> Response | None:
        """The file as a response; None when there is none. Only files read at start can be asked for."""
        content = self.files.get(name)
        if content is None:
            return None
        # An address of an older release still works, but is not kept: it would hold this release's content.
        keep = "public, max-age=31536000, immutable" if version == self.version else "no-cache"
        return Response(content, media_type=_MEDIA_TYPES[Path(name).suffix], headers={"cache-control": keep})
