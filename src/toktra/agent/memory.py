"""Memory that only starting up needed, given back once the agent is at work."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)
_MADV_DONTNEED: Final = 4
_mapping = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +/", re.ASCII)


def give_back_memory() -> None:
    """Hands free memory of the heap, and the pages of program files, back to the kernel.

    Loading Python and the libraries touches far more of their files than the agent's work does. What the work needs
    comes back from the page cache with its first use; the rest no longer counts as ours and is the first to go when
    memory is short. Nothing that was written to is let go. Does nothing where there is no /proc.
    """
    gc.collect()
    if hasattr(_libc, "malloc_trim"):  # glibc
        _libc.malloc_trim(0)
    for start, length in list(_untouched_mappings()):
        _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _MADV_DONTNEED)  # advice: it may be refused


def _untouched_mappings() -> Iterator[tuple[int, int]]:
    """Address and length of the read-only private mappings of files that hold no page of our own."""
    try:
        lines = Path("/proc/self/smaps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    place = None
    for line in lines:
        if found := _mapping.match(line):
            start = int(found[1], 16)
            place = (start, int(found[2], 16) - start)
        elif "-" in line.partition(" ")[0]:  # the first line of a mapping of another kind
            place = None
        elif line.startswith("Anonymous:") and line.split()[1] == "0" and place is not None:
            yield place
