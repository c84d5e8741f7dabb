"""The page of the service: "My personal ledger", which decrypts in the browser alone.

Everything is read once, at start, and served under an address that changes with the content. The style sheets and fonts
are the site's own, read as files from a directory: the two services share no code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

import toktra
from toktra.personal.languages import OWN_NAMES, catalogues, choose, in_language
from toktra.personal.settings import PersonalSettings

OWN: Final = Path(__file__).parent / "static"
PAGE: Final = Path(__file__).parent / "pages" / "ledger.html"
SHEETS: Final = Path(toktra.__file__).parent / "server" / "web" / "static"
_SHARED: Final = ("tokens.css", "components.css", "site.css", "mark.svg", "fonts/*.woff2")
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_BARE: Final = re.compile(rb'(?m)^((?:import|export)\b[^;\n]*?\bfrom )["\']([a-z@][^"\']*)["\']')
"""An import by a package's name, as published files have it; browsers want an address."""


def page_routes(settings: PersonalSettings) -> list[BaseRoute]:
    """The page, and the files it is made of."""
    files = read_files(settings.sheets or SHEETS)
    version = _version(files)
    static = f"/static/{version}/"
    served = {name: _addressed(content, static) if name.endswith(".js") else content for name, content in files.items()}
    pages = {language: _page(language, texts, static) for language, texts in catalogues().items()}

    async def ledger(request: Request) -> Response:
        wishes = request.headers.get("accept-language", "")
        language = choose(request.query_params.get("lang", ""), wishes, pages)
        return HTMLResponse(pages[language], headers={"vary": "accept-language", "content-language": language})

    async def static_file(request: Request) -> Response:
        name = request.path_params["name"]
        content = served.get(name)
        if content is None:
            raise HTTPException(404)
        keep = "public, max-age=31536000, immutable" if request.path_params["version"] == version else "no-cache"
        return Response(content, media_type=_MEDIA_TYPES[Path(name).suffix], headers={"cache-control": keep})

    return [Route("/", ledger), Route("/static/{version}/{name:path}", static_file)]


def read_files(sheets: Path) -> dict[str, bytes]:
    """All files by name, as they are on the disk; the site's style sheets and the texts of scripts among them."""
    found = {path.relative_to(OWN).as_posix(): path for path in OWN.rglob("*") if path.suffix in _MEDIA_TYPES}
    found |= {path.relative_to(sheets).as_posix(): path for pattern in _SHARED for path in sheets.glob(pattern)}
    texts = {f"locale/{language}.js": _as_script(texts) for language, texts in catalogues().items()}
    return {name: path.read_bytes() for name, path in sorted(found.items())} | texts


def _page(language: str, texts: Mapping[str, str], static: str) -> str:
    """The page in a language, with the others to choose."""
    links = " · ".join(
        f'<span aria-current="true">{name}</span>'
        if code == language
        else f'<a href="/?lang={code}" hreflang="{code}" lang="{code}">{name}</a>'
        for code, name in OWN_NAMES.items()
    )
    page = in_language(PAGE.read_text("utf-8"), texts)
    for name, value in {
        "language": language,
        "languages": links,
        "static": static,
        "version": toktra.__version__,
    }.items():
        page = page.replace(f"{{{name}}}", value)
    return page


def _as_script(texts: Mapping[str, str]) -> bytes:
    return f"export default {json.dumps(texts, ensure_ascii=False)};\n".encode()


def _version(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def _addressed(script: bytes, static: str) -> bytes:
    """The script with names of packages replaced by where they are served."""
    return _BARE.sub(lambda found: found[1] + b'"' + _address(found[2].decode(), static).encode() + b'"', script)


def _address(name: str, static: str) -> str:
    if name == "age-encryption":
        return f"{static}vendor/age-encryption/index.js"
    return f"{static}vendor/{name}/index.js" if name == "@scure/base" else f"{static}vendor/{name}"
