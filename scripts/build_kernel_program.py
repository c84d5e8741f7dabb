"""Builds the kernel program of the Linux capture, or shows (--check) that the committed blob is what its source gives.

The blob is a light skeleton: a loader program and its data, which bpf(2) runs; nobody who installs the agent needs a
compiler, libbpf or kernel headers. Rebuilding gives the same bytes with the same clang and bpftool (Debian 12's).

    scripts/build_kernel_program.py           build and write the blob
    scripts/build_kernel_program.py --check   build and compare; exit status 1 when they differ
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOM = Path(__file__).resolve().parent.parent / "src/toktra/agent/capture/linux"
SOURCE = ROOM / "program"
BLOB = ROOM / "blob"
CLANG = [
    *("-target", "bpf", "-mcpu=v3", "-O2", "-g", "-fdebug-compilation-dir=."),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-sign-compare"),
]


class CannotBuild(Exception):
    """The kernel program cannot be built here; the message says what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The files of the blob by name."""

    files: dict[str, bytes]
    tools: dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the kernel program of the Linux capture.")
    parser.add_argument("--check", action="store_true", help="compare with the committed blob, write nothing")
    check = parser.parse_args().check
    try:
        built = build()
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 2
    return compare(built) if check else write(built)


def build() -> Built:
    """Compiles the program and takes the blob out of the skeleton bpftool makes of it."""
    tools = {name: tool_version(name) for name in ("clang", "bpftool")}
    with tempfile.TemporaryDirectory() as directory:
        compiled = Path(directory) / "capture.o"
        include = subprocess.run(["clang", "-print-multiarch"], capture_output=True, text=True, check=False)
        triple = include.stdout.strip() or "x86_64-linux-gnu"
        run(["clang", *CLANG, f"-I/usr/include/{triple}", "-c", "capture.bpf.c", "-o", str(compiled)], SOURCE)
        skeleton = run(["bpftool", "gen", "skeleton", "-L", str(compiled), "name", "capture"], SOURCE)
    manifest = {
        "maps": members(skeleton, r"struct bpf_map_desc (\w+);"),
        "programs": members(skeleton, r"struct bpf_prog_desc (\w+);"),
        "source_sha256": source_digest(),
        "built_with": tools,
    }
    files = {
        "capture.data": c_string(skeleton, "data"),
        "capture.loader": c_string(skeleton, "insns"),
        "manifest.json": json.dumps(manifest, indent=2).encode() + b"\n",
    }
    return Built(files=files, tools=tools)


def tool_version(name: str) -> str:
    if shutil.which(name) is None:
        raise CannotBuild(
            f"{name} is missing. To build the kernel program: sudo apt-get install clang llvm bpftool libbpf-dev"
        )
    return subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def run(command: list[str], directory: Path) -> str:
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CannotBuild(f"{' '.join(command)} failed:\n{result.stderr}")
    return result.stdout


def members(skeleton: str, pattern: str) -> list[str]:
    """Names in the order of the loader's context."""
    return re.findall(pattern, skeleton)


def c_string(skeleton: str, field: str) -> bytes:
    """The bytes of `opts.FIELD = (void *)"…"`, which bpftool writes as \\0 and \\xNN only."""
    found = re.search(rf'opts\.{field} = \(void \*\)"\\\n(.*?)";', skeleton, re.DOTALL)
    size = re.search(rf"opts\.{field}_sz = (\d+);", skeleton)
    if not found or not size:
        raise CannotBuild(f"bpftool wrote a skeleton without opts.{field}: this script does not know its version")
    escapes = re.findall(r"\\(0|x[0-9a-f]{2})", found[1].replace("\\\n", ""))
    data = bytes(0 if escape == "0" else int(escape[1:], 16) for escape in escapes)
    if len(data) != int(size[1]):
        raise CannotBuild(f"opts.{field} holds {len(data)} bytes where the skeleton says {size[1]}")
    return data


def source_digest() -> str:
    """SHA-256 over all source files, by name."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def write(built: Built) -> int:
    BLOB.mkdir(exist_ok=True)
    for name, data in built.files.items():
        (BLOB / name).write_bytes(data)
        print(f"{BLOB.name}/{name}: {len(data)} bytes")
    return 0


def compare(built: Built) -> int:
    committed = json.loads((BLOB / "manifest.json").read_bytes())
    if committed["source_sha256"] != source_digest():
        print("The blob was built from another source. Build it anew: make kernel", file=sys.stderr)
        return 1
    if committed["built_with"] != built.tools:
        print(
            f"The blob was built with {committed['built_with']}, here are {built.tools}: not comparable",
            file=sys.stderr,
        )
        return 2
    differing = [name for name, data in built.files.items() if (BLOB / name).read_bytes() != data]
    if differing:
        print(f"These files of the blob are not what the source gives: {', '.join(differing)}", file=sys.stderr)
        return 1
    print("The committed blob is what the source gives, byte for byte.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
