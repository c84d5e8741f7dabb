"""The kernel program once it is loaded: its maps and programs by name, and its links to the root cgroup."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack_into, unpack_from
from typing import Final

from toktra.agent.capture.linux import bpf
from toktra.agent.capture.linux.blob import Blob, read_blob
from toktra.agent.capture.linux.bpf import AttachType
from toktra.agent.capture.linux.errors import (
    OLDEST_KERNEL,
    KernelTooOld,
    LoadingFailed,
    NoCgroup2,
    NoRights,
    kernel_version,
)

HOOKS: Final[Mapping[str, AttachType]] = {
    "egress": AttachType.EGRESS,
    "ingress": AttachType.INGRESS,
    "sockops": AttachType.SOCK_OPS,
    "connect4": AttachType.CONNECT4,
    "connect6": AttachType.CONNECT6,
    "sendmsg4": AttachType.SENDMSG4,
    "sendmsg6": AttachType.SENDMSG6,
    "release": AttachType.SOCK_RELEASE,
}
"""Each has a program that watches, toktra_NAME, and one that rests, rest_NAME."""

_CONTEXT_HEADER: Final = 24
_MAP_BYTES: Final = 16
_PROGRAM_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """Descriptors by name. While any process holds a link, its program stays attached."""

    maps: Mapping[str, int]
    programs: Mapping[str, int]
    links: Mapping[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Lets go of everything: links first, so that nothing runs any more when the maps go."""
        for fd in (*self.links.values(), *self.programs.values(), *self.maps.values()):
            os.close(fd)

    def rest(self) -> None:
        """Puts the programs that look at nothing in the place of those that watch."""
        self._exchange("rest")

    def watch(self) -> None:
        """Puts the programs that watch back in their place."""
        self._exchange("toktra")

    def _exchange(self, kind: str) -> None:
        for hook, link in self.links.items():
            bpf.exchange_program(link, self.programs[f"{kind}_{hook}"])


def load(blob: Blob | None = None) -> LoadedProgram:
    """Loads the blob; nothing is attached yet. Raises NoRights, KernelTooOld or LoadingFailed."""
    if kernel_version() < OLDEST_KERNEL:
        raise KernelTooOld(os.uname().release)
    blob = blob or read_blob()
    programs_at = _CONTEXT_HEADER + _MAP_BYTES * len(blob.maps)
    context = bytearray(programs_at + _PROGRAM_BYTES * len(blob.programs))
    pack_into("=I", context, 0, len(context))
    try:
        bpf.load_and_run(blob.loader, blob.data, context)
    except OSError as error:
        if error.errno == errno.EPERM:  # EACCES is what the kernel's verifier says of a program it does not accept
            raise NoRights from None
        raise LoadingFailed(str(error)) from error
    return LoadedProgram(
        maps=_descriptors(blob.maps, context, _CONTEXT_HEADER, _MAP_BYTES),
        programs=_descriptors(blob.programs, context, programs_at, _PROGRAM_BYTES),
    )


def _descriptors(names: Iterable[str], context: bytearray, start: int, size: int) -> dict[str, int]:
    return {name: unpack_from("=i", context, start + place * size)[0] for place, name in enumerate(names)}


def attach(program: LoadedProgram, cgroup: Path) -> LoadedProgram:
    """The program with a link for every hook on `cgroup`; all of them or none. Raises NoRights or LoadingFailed."""
    directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    links: dict[str, int] = {}
    try:
        for hook, attach_type in HOOKS.items():
            links[hook] = bpf.attach(program.programs[f"toktra_{hook}"], directory, attach_type)
    except OSError as error:
        for link in links.values():
            os.close(link)
        if error.errno in (errno.EPERM, errno.EACCES):
            raise NoRights from None
        raise LoadingFailed(f"attaching {hook}: {error}") from error
    finally:
        os.close(directory)
    return LoadedProgram(program.maps, program.programs, links)


def root_cgroup(mounts: str | None = None) -> Path:
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or beside v1, /sys/fs/cgroup/unified. Raises NoCgroup2."""
    for line in (mounts if mounts is not None else Path("/proc/self/mounts").read_text("utf-8")).splitlines():
        _, place, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return Path(place.encode().decode("unicode_escape"))
    raise NoCgroup2
