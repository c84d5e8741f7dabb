"""The numbers of the allowed system calls are the kernel's own, as its headers publish them for either machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toktra.agent.capture.linux.system_calls import _BPF, _SOCKET, ALLOWED

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
"""aarch64 takes the numbers of asm-generic as they are."""


def published(header: Path) -> dict[str, int]:
    """The numbers a header defines; of __NR3264_fstat and its like, the name a machine of 64 bits gives them."""
    text = header.read_text("utf-8")
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", text)}
    wide = {name: int(number) for name, number in re.findall(r"#define __NR3264_(\w+) (\d+)\n", text)}
    aliases = dict(re.findall(r"#define __NR_(\w+) __NR3264_(\w+)\n", text.partition("__BITS_PER_LONG == 64 && ")[2]))
    return {**{name: wide[alias] for name, alias in aliases.items() if alias in wide}, **numbers}


@pytest.mark.parametrize("machine", HEADERS)
def test_every_number_is_the_published_one(machine: str) -> None:
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed (Debian: linux-libc-dev)")
    numbers = published(header)
    ours = {**ALLOWED[machine], "socket": _SOCKET[machine], "bpf": _BPF[machine]}
    assert {name: numbers.get(name) for name in ours} == ours


def test_what_one_machine_may_the_other_may_by_its_own_name() -> None:
    """aarch64 never had the older forms; beyond those, both lists allow the same."""
    assert set(ALLOWED["aarch64"]) <= set(ALLOWED["x86_64"])
