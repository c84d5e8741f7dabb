"""The agent's end of the ring buffer: records come out whole and in order, and take no system call to read."""

from __future__ import annotations

import ctypes
import mmap
import select
from collections.abc import Iterator
from struct import Struct
from typing import Final

_BUSY: Final = 1 << 31
_DISCARDED: Final = 1 << 30
_HEADER_BYTES: Final = 8
_header = Struct("=I")
_position = Struct("=Q")


class Ring:
    """A BPF_MAP_TYPE_RINGBUF of `size` bytes. Maps it at once, so that nothing needs a right later."""

    def __init__(self, fd: int, size: int) -> None:
        self._mask = size - 1
        self._page = mmap.PAGESIZE
        self._consumer = mmap.mmap(fd, self._page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        # The kernel would map the data twice in a row, so that a record that wraps around lies in one piece; every
        # page of that counts as ours. Putting two pieces together now and then is cheaper.
        self._producer = mmap.mmap(fd, self._page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=self._page)
        self._consumed = ctypes.c_uint64.from_buffer(self._consumer)
        self._poll = select.epoll()
        self._poll.register(fd, select.EPOLLIN)

    def wait(self, timeout_s: float) -> None:
        """Returns when there is something to read, or after `timeout_s`."""
        self._poll.poll(max(0.0, timeout_s), 1)

    def wake_on(self, fd: int) -> None:
        """Lets `wait` return also while this descriptor is readable."""
        self._poll.register(fd, select.EPOLLIN)

    def drain(self) -> Iterator[bytes]:
        """Every record that is complete now. A record's place is given back before the next one is asked for."""
        place = self._consumed.value
        (end,) = _position.unpack_from(self._producer, 0)
        while place < end:
            (header,) = _header.unpack_from(self._producer, self._page + (place & self._mask))
            if header & _BUSY:
                return
            length = header & ~(_BUSY | _DISCARDED)
            record = None if header & _DISCARDED else self._bytes(place + _HEADER_BYTES, length)
            place += (length + _HEADER_BYTES + 7) & ~7
            self._consumed.value = place
            if record is not None:
                yield record

    def _bytes(self, place: int, length: int) -> bytes:
        """What lies there; its end may lie at the ring's beginning."""
        at = self._page + (place & self._mask)
        beyond = max(0, at + length - len(self._producer))
        piece = self._producer[at : at + length - beyond]
        return piece + self._producer[self._page : self._page + beyond] if beyond else piece

    def raw_memory(self) -> bytes:
        """Everything in the ring, read or not, overwritten or not."""
        return self._producer[self._page : self._page + self._mask + 1]

    def close(self) -> None:
        """Gives the memory back; the ring itself lives while the kernel program does."""
        self._poll.close()
        del self._consumed
        self._consumer.close()
        self._producer.close()
