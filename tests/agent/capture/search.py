"""A search by coverage for bytes that break a reader of hellos: `python tests/agent/capture/search.py [OPTIONS]`.

Options are libFuzzer's. Needs atheris (`pip install atheris`), which is not among the locked dependencies; the tests
draw random damage without it. Breaking is any exception, and any name that is no DNS name.
"""

from __future__ import annotations

import re
import sys

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports():
    from toktra.agent.capture.names import Hello, QuicReader, TlsReader, parse_hello

_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


def one_input(data: bytes) -> None:
    """Every reader takes the same bytes, whole and in two pieces."""
    middle = len(data) // 2
    for reader in (TlsReader(), QuicReader()):
        answers = [reader.feed(data)]
        again = type(reader)()
        answers += [again.feed(data[:middle]), again.feed(data[middle:])]
        for answer in (*answers, parse_hello(data)):
            if isinstance(answer, Hello) and answer.host is not None and not _HOST.fullmatch(answer.host):
                raise AssertionError(answer.host)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
