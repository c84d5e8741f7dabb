"""Looks for secrets where none may be: in a process's memory, in files and in text, plain and in common encodings.

secrets = [new_secret(), new_secret()]
…send them through real TLS…
assert not scan_process(pid, secrets)
assert not scan_files(spool_directory, secrets)
"""

from __future__ import annotations

import base64
import gzip
import re
import secrets as random_secrets
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

SECRET_BYTES: Final = 24
_CHUNK: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret where it must not be."""

    where: str
    encoding: str


def new_secret() -> str:
    """A text that nothing contains by chance; no two calls give the same."""
    return "canary-" + random_secrets.token_hex(SECRET_BYTES)


def encodings(secret: str) -> dict[str, bytes]:
    """The secret as it may turn up: plain, wide, in hex, percent-encoded, and in Base64 at each of three alignments."""
    plain = secret.encode("ascii")
    found = {
        "plain": plain,
        "UTF-16": secret.encode("utf-16-le"),
        "UTF-32": secret.encode("utf-32-le"),
        "hex": plain.hex().encode("ascii"),
        "HEX": plain.hex().upper().encode("ascii"),
        "percent": "".join(f"%{byte:02X}" for byte in plain).encode("ascii"),
        "JSON": "".join(f"\\u{byte:04x}" for byte in plain).encode("ascii"),
        "reversed": plain[::-1],
    }
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        # The ends depend on what stands beside the secret; the middle does not.
        found[f"Base64 at {shift}"] = encoded[4 if shift else 0 : len(encoded) - 4]
    assert quote(secret) == secret
    return found


def scan_bytes(where: str, data: bytes, secrets: Iterable[str]) -> list[Finding]:
    """Every encoding of every secret in `data`, and in what it holds compressed (gzip, zlib) from its start."""
    findings = []
    for part, content in _contents(where, data):
        for secret in secrets:
            findings += [Finding(part, name) for name, pattern in encodings(secret).items() if pattern in content]
    return findings


def scan_files(path: Path, secrets: Iterable[str]) -> list[Finding]:
    """A file, or every file below a directory."""
    wanted = list(secrets)
    paths = [one for one in sorted(path.rglob("*")) if one.is_file()] if path.is_dir() else [path]
    return [finding for one in paths for finding in scan_bytes(str(one), one.read_bytes(), wanted)]


def scan_process(pid: int, secrets: Iterable[str]) -> list[Finding]:
    """All memory of a process that can be read, heap, stack, libraries and shared mappings. Needs root."""
    patterns = [(name, pattern) for secret in secrets for name, pattern in encodings(secret).items()]
    longest = max(len(pattern) for _, pattern in patterns)
    findings = []
    for where, memory in read_memory(pid, overlap=longest):
        findings += [Finding(where, name) for name, pattern in patterns if pattern in memory]
    return sorted(set(findings), key=lambda one: (one.where, one.encoding))


def read_memory(pid: int, *, overlap: int = 0) -> Iterator[tuple[str, bytes]]:
    """The process's mappings in pieces; each but a mapping's first repeats the last `overlap` bytes before it."""
    with Path(f"/proc/{pid}/maps").open(encoding="utf-8") as maps:
        regions = [re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line) for line in maps]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for region in regions:
            if region is None or "r" not in region[3] or region[4] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            start, end = int(region[1], 16), int(region[2], 16)
            for place in range(start, end, _CHUNK):
                begin = max(start, place - overlap)
                try:
                    memory.seek(begin)
                    yield region[4] or "anonymous", memory.read(min(place + _CHUNK, end) - begin)
                except OSError:
                    continue  # a mapping of a device, which no read can enter


def _contents(where: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield where, data
    for name, unpack in (("gzip", gzip.decompress), ("zlib", zlib.decompress)):
        try:
            yield f"{where} ({name})", unpack(data)
        except (OSError, EOFError, zlib.error):
            continue
