"""The bpf(2) calls the capture makes, straight to the kernel: no libbpf, no compiler, no headers.

Every call raises OSError with the kernel's own number. Descriptors are closed on exec, as the kernel makes them.
"""

from __future__ import annotations

import ctypes
import errno
import os
from enum import IntEnum
from struct import Struct, pack, pack_into, unpack_from
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)
_number: Final = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)

F_LOCK: Final = 4
"""Of a map lookup: copy the value under the spin lock inside it, so that it is never torn."""


class Command(IntEnum):
    """`enum bpf_cmd`."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    PROG_LOAD = 5
    PROG_RUN = 10
    PROG_GET_FD_BY_ID = 13
    OBJ_GET_INFO_BY_FD = 15
    PROG_QUERY = 16
    LINK_CREATE = 28
    LINK_UPDATE = 29


class AttachType(IntEnum):
    """`enum bpf_attach_type`, as far as the capture attaches anything."""

    INGRESS = 0
    EGRESS = 1
    SOCK_OPS = 3
    CONNECT4 = 10
    CONNECT6 = 11
    SENDMSG4 = 14
    SENDMSG6 = 15
    SOCK_RELEASE = 34


def call(command: Command, attributes: bytes | bytearray) -> tuple[int, bytes]:
    """What bpf(2) returns, and its attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(bytes(attributes), len(attributes))
    return _call(command, buffer, len(attributes)), buffer.raw


def _call(command: Command, attributes: ctypes.Array[ctypes.c_char], size: int) -> int:
    if _number is None:
        raise OSError(errno.ENOSYS, f"no bpf(2) number known for {os.uname().machine}")
    result: int = _libc.syscall(_number, command, attributes, size)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf({command.name}): {os.strerror(error)}")
    return result


_element = Struct("=I4xQQQ")


class Map:
    """A map by descriptor. Keys and values are plain bytes; the buffers are reused, so one thread at a time."""

    __slots__ = ("_attributes", "_key", "_key_at", "_value", "_value_at", "fd", "key_size", "value_size")

    def __init__(self, fd: int, *, key_size: int, value_size: int) -> None:
        self.fd = fd
        self.key_size, self.value_size = key_size, value_size
        self._key = ctypes.create_string_buffer(key_size)
        self._value = ctypes.create_string_buffer(value_size)
        self._attributes = ctypes.create_string_buffer(_element.size)
        self._key_at, self._value_at = ctypes.addressof(self._key), ctypes.addressof(self._value)

    def get(self, key: bytes, *, flags: int = 0) -> bytes | None:
        """The value under `key`, None when there is none."""
        try:
            self._call(Command.MAP_LOOKUP_ELEM, key, flags)
        except FileNotFoundError:
            return None
        return self._value.raw

    def put(self, key: bytes, value: bytes) -> None:
        """Sets the value under `key`."""
        if len(value) != self.value_size:
            raise ValueError(f"a value of this map has {self.value_size} bytes, not {len(value)}")
        ctypes.memmove(self._value, value, len(value))
        self._call(Command.MAP_UPDATE_ELEM, key, 0)

    def delete(self, key: bytes) -> bool:
        """Whether there was anything to delete."""
        try:
            self._call(Command.MAP_DELETE_ELEM, key, 0, value_at=0)
        except FileNotFoundError:
            return False
        return True

    def list_keys(self) -> list[bytes]:
        """Every key, as far as the map holds still."""
        found: list[bytes] = []
        following = ctypes.create_string_buffer(self.key_size)
        attributes = pack("=I4xQQQ", self.fd, 0, ctypes.addressof(following), 0)
        while True:
            try:
                call(Command.MAP_GET_NEXT_KEY, attributes)
            except FileNotFoundError:
                return found
            found.append(following.raw)
            ctypes.memmove(self._key, following, self.key_size)
            attributes = pack("=I4xQQQ", self.fd, self._key_at, ctypes.addressof(following), 0)

    def clear(self) -> int:
        """Deletes every element; how many there were."""
        return sum(self.delete(key) for key in self.list_keys())

    def _call(self, command: Command, key: bytes, flags: int, *, value_at: int | None = None) -> None:
        if len(key) != self.key_size:
            raise ValueError(f"a key of this map has {self.key_size} bytes, not {len(key)}")
        ctypes.memmove(self._key_at, key, len(key))
        value_at = self._value_at if value_at is None else value_at
        _element.pack_into(self._attributes, 0, self.fd, self._key_at, value_at, flags)
        _call(command, self._attributes, _element.size)


def load_and_run(loader: bytes, data: bytes, context: bytearray) -> None:
    """Runs a light skeleton's loader program on `data`; it leaves the descriptors it made in `context`."""
    data_fd, _ = call(Command.MAP_CREATE, pack("=IIIIIII16s", _ARRAY, 4, len(data), 1, 0, 0, 0, b"__loader.map"))
    try:
        Map(data_fd, key_size=4, value_size=len(data)).put(bytes(4), data)
        program_fd = _load_loader(loader, data_fd)
        try:
            _run(program_fd, context)
        finally:
            os.close(program_fd)
    finally:
        os.close(data_fd)


_ARRAY: Final = 2
_PROG_TYPE_SYSCALL: Final = 31
_F_SLEEPABLE: Final = 16


def _load_loader(loader: bytes, data_fd: int) -> int:
    instructions = ctypes.create_string_buffer(loader, len(loader))
    licence = ctypes.create_string_buffer(b"Dual BSD/GPL")
    descriptors = ctypes.c_uint32(data_fd)
    attributes = bytearray(128)
    pack_into(
        "=IIQQIIQII16s",
        attributes,
        0,
        _PROG_TYPE_SYSCALL,
        len(loader) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        *(0, 0, 0),  # no verifier log
        *(0, _F_SLEEPABLE),
        b"__loader.prog",
    )
    pack_into("=Q", attributes, 120, ctypes.addressof(descriptors))  # fd_array
    return call(Command.PROG_LOAD, attributes)[0]


def _run(program_fd: int, context: bytearray) -> None:
    buffer = (ctypes.c_char * len(context)).from_buffer(context)
    attributes = bytearray(80)
    pack_into("=I", attributes, 0, program_fd)
    pack_into("=I4xQ", attributes, 40, len(context), ctypes.addressof(buffer))
    _, after = call(Command.PROG_RUN, attributes)
    (result,) = unpack_from("=i", after, 4)
    if result < 0:
        raise OSError(-result, f"loader program: {os.strerror(-result)}")


def attach(program_fd: int, cgroup_fd: int, attach_type: AttachType) -> int:
    """A link that keeps the program on the cgroup while any process holds it, beside whatever else is attached."""
    return call(Command.LINK_CREATE, pack("=IIII", program_fd, cgroup_fd, attach_type, 0))[0]


def exchange_program(link_fd: int, program_fd: int) -> None:
    """Puts another program in a link's place, at once and without a gap."""
    call(Command.LINK_UPDATE, pack("=IIII", link_fd, program_fd, 0, 0))
