"""Giving rights up for good: capabilities, account, and the way back to either (capabilities(7), prctl(2))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum
from struct import pack, unpack
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)

_PR_CAPBSET_READ: Final = 23
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_GET_NO_NEW_PRIVS: Final = 39
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_IS_SET: Final = 1
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522
_LAST_POSSIBLE: Final = 64


class Capability(IntEnum):
    """The capabilities this package names; linux/capability.h has them all."""

    SETPCAP = 8
    NET_ADMIN = 12
    PERFMON = 38
    BPF = 39


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine, by number."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a process may do beyond its account: capability numbers in each of the kernel's sets."""

    effective: frozenset[int]
    permitted: frozenset[int]
    inheritable: frozenset[int]
    bounding: frozenset[int]
    ambient: frozenset[int]
    no_new_privileges: bool

    @property
    def none_left(self) -> bool:
        """Whether the process has no capability and no way to one."""
        held = self.effective | self.permitted | self.inheritable | self.ambient
        return not held and self.no_new_privileges


def drop_privileges(account: Account, *, keep: AbstractSet[Capability] = frozenset()) -> None:
    """Becomes `account` without any capability, for good: not by setuid programs, not by exec.

    `keep` is for kernels before 5.19, where reading maps takes CAP_BPF. Call it before starting threads; nothing that
    lies where only root can read can be imported or run afterwards. Raises OSError when the kernel refuses.
    """
    if keep:
        _prctl(8, 1)  # PR_SET_KEEPCAPS over the change of account
    _drop_bounding_set(keep)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
    keep_only(keep)


def keep_only(kept: AbstractSet[Capability]) -> None:
    """Leaves the process with at most `kept`, in the effective and permitted sets alone, and closes the way to more."""
    _drop_bounding_set(kept)
    held = _read_capabilities()[1]
    mask = held & sum(1 << capability for capability in kept)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _write_capabilities(mask)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def rights_of(pid: int | None = None) -> Rights:
    """What a process may do, from /proc. Raises OSError when there is no such process."""
    with open(f"/proc/{pid or 'self'}/status", encoding="utf-8") as status:  # noqa: PTH123 - not a file
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    return Rights(
        effective=_numbers(int(fields["CapEff"], 16)),
        permitted=_numbers(int(fields["CapPrm"], 16)),
        inheritable=_numbers(int(fields["CapInh"], 16)),
        bounding=_numbers(int(fields["CapBnd"], 16)),
        ambient=_numbers(int(fields["CapAmb"], 16)),
        no_new_privileges=fields["NoNewPrivs"].strip() == "1",
    )


def _drop_bounding_set(kept: AbstractSet[Capability]) -> None:
    """Only a process with CAP_SETPCAP can; for others no_new_privs closes the same way."""
    if not _read_capabilities()[0] >> Capability.SETPCAP & 1:
        return
    for number in range(_LAST_POSSIBLE):
        if number not in kept and _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            _prctl(_PR_CAPBSET_DROP, number)


def _read_capabilities() -> tuple[int, int]:
    """The effective and the permitted set of this thread, as bit masks."""
    data = ctypes.create_string_buffer(24)
    _capability_call(_libc.capget, data)
    low_effective, low_permitted, _, high_effective, high_permitted, _ = unpack("=6I", data.raw)
    return low_effective | high_effective << 32, low_permitted | high_permitted << 32


def _write_capabilities(mask: int) -> None:
    low, high = mask & 0xFFFFFFFF, mask >> 32
    _capability_call(_libc.capset, ctypes.create_string_buffer(pack("=6I", low, low, 0, high, high, 0), 24))


def _capability_call(function: ctypes._NamedFuncPointer, data: ctypes.Array[ctypes.c_char]) -> None:
    header = ctypes.create_string_buffer(pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    if function(header, data):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, first, second, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _numbers(mask: int) -> frozenset[int]:
    return frozenset(number for number in range(_LAST_POSSIBLE) if mask >> number & 1)
