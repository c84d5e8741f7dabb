"""Giving memory back, in a process of its own: it gets smaller and goes on working."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, json, mmap, os, re, ssl, sys, tempfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from toktra.agent.memory import give_back_memory

def resident_kb():
    return int(re.search(r"RssFile:\\s+(\\d+)", open("/proc/self/status").read())[1])

key = Ed25519PrivateKey.generate()
with tempfile.TemporaryFile() as file:
    file.write(b"of the file".ljust(4 * mmap.PAGESIZE))
    file.flush()
    written = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
written[:7] = b"written"
address = ctypes.addressof(ctypes.c_char.from_buffer(written))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(len(written)), mmap.PROT_READ) == 0
before = resident_kb()
give_back_memory()
after = resident_kb()
key.public_key().verify(key.sign(b"still"), b"still")
ssl.create_default_context()
print(json.dumps({"before": before, "after": after, "written": written[:7].decode()}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, timeout=60)
    return dict(json.loads(ended.stdout))


def test_most_of_the_program_files_pages_are_given_back(told: dict[str, int]) -> None:
    assert told["after"] < told["before"] / 2


def test_what_was_written_stays_also_where_it_cannot_be_written_any_more(told: dict[str, object]) -> None:
    assert told["written"] == "written"
