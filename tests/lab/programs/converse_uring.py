"""The client's part of tests.lab.conversation with every byte through io_uring: no send or receive system call at all.

Arguments: CA file (unused), address, port, hello and Finished in hex, size of the server's flight, file with the
request, size of the response.
"""

import ctypes
import mmap
import os
import platform
import socket
import struct
import sys
from pathlib import Path

SETUP, ENTER = 425, 426
SEND, RECV = 26, 27
GETEVENTS = 1
SUBMISSIONS, COMPLETIONS, ENTRIES = 0, 0x8000000, 0x10000000
ENTRY_BYTES, COMPLETION_BYTES = 64, 16
PIECE = 65536

libc = ctypes.CDLL(None, use_errno=True)


class Ring:
    """A ring that takes one operation at a time (io_uring_setup(2), io_uring_enter(2))."""

    def __init__(self) -> None:
        parameters = ctypes.create_string_buffer(120)
        self.fd = checked(libc.syscall(SETUP, 4, parameters))
        fields = struct.unpack("30I", parameters.raw)
        submission, completion = fields[10:20], fields[20:30]
        self.tail_at, self.mask_at, self.array_at = submission[1], submission[2], submission[6]
        self.done_head_at, self.done_mask_at, self.done_at = completion[0], completion[2], completion[5]
        self.queue = mmap.mmap(self.fd, self.array_at + fields[0] * 4, offset=SUBMISSIONS)
        self.done = mmap.mmap(self.fd, self.done_at + fields[1] * COMPLETION_BYTES, offset=COMPLETIONS)
        self.entries = mmap.mmap(self.fd, fields[0] * ENTRY_BYTES, offset=ENTRIES)

    def run(self, operation: int, fd: int, address: int, size: int) -> int:
        """What the operation gives back: bytes moved."""
        (tail,), (mask,) = number(self.queue, self.tail_at), number(self.queue, self.mask_at)
        place = tail & mask
        struct.pack_into("=BBHiQQI36x", self.entries, place * ENTRY_BYTES, operation, 0, 0, fd, 0, address, size)
        struct.pack_into("=I", self.queue, self.array_at + 4 * place, place)
        struct.pack_into("=I", self.queue, self.tail_at, tail + 1)
        checked(libc.syscall(ENTER, self.fd, 1, 1, GETEVENTS, None, 0))
        (head,), (mask,) = number(self.done, self.done_head_at), number(self.done, self.done_mask_at)
        _, result = struct.unpack_from("=Qi", self.done, self.done_at + (head & mask) * COMPLETION_BYTES)
        struct.pack_into("=I", self.done, self.done_head_at, head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return int(result)


def number(memory: mmap.mmap, at: int) -> tuple[int]:
    return struct.unpack_from("=I", memory, at)


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def send(ring: Ring, fd: int, data: bytes) -> None:
    buffer = ctypes.create_string_buffer(data, len(data))
    sent = 0
    while sent < len(data):
        sent += ring.run(SEND, fd, ctypes.addressof(buffer) + sent, min(PIECE, len(data) - sent))


def read(ring: Ring, fd: int, count: int) -> None:
    buffer = ctypes.create_string_buffer(PIECE)
    while count:
        got = ring.run(RECV, fd, ctypes.addressof(buffer), min(PIECE, count))
        if not got:
            raise SystemExit("the server left early")
        count -= got


def main(_: str, address: str, port: str, hello: str, finished: str, flight: str, path: str, response: str) -> None:
    assert platform.machine() in ("x86_64", "aarch64")
    ring = Ring()
    with socket.create_connection((address, int(port))) as connection:
        fd = connection.fileno()
        send(ring, fd, bytes.fromhex(hello))
        read(ring, fd, int(flight))
        send(ring, fd, bytes.fromhex(finished) + Path(path).read_bytes())
        read(ring, fd, int(response))


main(*sys.argv[1:])
