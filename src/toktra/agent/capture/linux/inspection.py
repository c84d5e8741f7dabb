"""What the kernel itself says is attached: programs on a cgroup, and the instructions they consist of."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, pack, pack_into, unpack_from
from typing import Final

from toktra.agent.capture.linux import bpf
from toktra.agent.capture.linux.bpf import AttachType, Command

_MAX_PROGRAMS: Final = 64
_INFO_BYTES: Final = 128
_LD_IMM64: Final = 0x18
_MAP_REFERENCES: Final = (1, 2)  # BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE
_instruction = Struct("=BBhi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One loaded program."""

    id: int
    name: str
    """At most 15 characters: the kernel keeps no more."""
    tag: str
    """The kernel's own hash of the instructions as they were loaded."""
    instructions: bytes
    """As the verifier left them, with the numbers of maps taken out: they differ each time a program is loaded."""


def attached(cgroup: Path, attach_type: AttachType) -> list[Program]:
    """The programs at one hook of a cgroup, in the order they run. Raises PermissionError without root."""
    directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ids = (ctypes.c_uint32 * _MAX_PROGRAMS)()
        query = pack("=IIIIQI4xQ", directory, attach_type, 0, 0, ctypes.addressof(ids), _MAX_PROGRAMS, 0)
        _, answer = bpf.call(Command.PROG_QUERY, query)
        (count,) = unpack_from("=I", answer, 24)
        return [by_id(number) for number in ids[:count]]
    finally:
        os.close(directory)


def held_by(pid: int) -> frozenset[int]:
    """The numbers of the programs a process keeps attached by links. Raises OSError when there is no such process."""
    numbers = set()
    for descriptor in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            lines = descriptor.read_text("ascii").splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            if "link_id" in fields and "prog_id" in fields:
                numbers.add(int(fields["prog_id"]))
    return frozenset(numbers)


def by_id(number: int) -> Program:
    """A program by the kernel's number for it. Raises PermissionError without root."""
    fd, _ = bpf.call(Command.PROG_GET_FD_BY_ID, pack("=III", number, 0, 0))
    try:
        return by_fd(fd)
    finally:
        os.close(fd)


def by_fd(fd: int) -> Program:
    """A program by descriptor. Without the right to see instructions they are empty."""
    sizes = _info(fd, 0, 0)
    (size,) = unpack_from("=I", sizes, 20)
    instructions = ctypes.create_string_buffer(size)
    info = _info(fd, size, ctypes.addressof(instructions)) if size else sizes
    _, number = unpack_from("=II", info)
    return Program(
        id=number,
        name=info[64:80].split(b"\0")[0].decode("ascii", "replace"),
        tag=info[8:16].hex(),
        instructions=_without_map_numbers(instructions.raw),
    )


def _info(fd: int, size: int, address: int) -> bytes:
    """`struct bpf_prog_info`: type 0, id 4, tag 8, sizes 16 and 20, instructions 24 and 32, …, name 64."""
    info = ctypes.create_string_buffer(_INFO_BYTES)
    pack_into("=I", info, 20, size)
    pack_into("=Q", info, 32, address)
    bpf.call(Command.OBJ_GET_INFO_BY_FD, pack("=IIQ", fd, _INFO_BYTES, ctypes.addressof(info)))
    return info.raw


def _without_map_numbers(instructions: bytes) -> bytes:
    cleaned = bytearray(instructions)
    for at in range(0, len(cleaned), 8):
        code, registers, offset, _ = _instruction.unpack_from(cleaned, at)
        if code == _LD_IMM64 and registers >> 4 in _MAP_REFERENCES:
            _instruction.pack_into(cleaned, at, code, registers, offset, 0)
    return bytes(cleaned)
