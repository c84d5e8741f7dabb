"""Byte counts beside the server's own, in the 24 scenarios of picosnitch's public bench and a few more.

`python -m bench.transports` prints JSON, with `--table` the table of docs/capture.md; needs root.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from tests.lab.lab import Lab, why_not
from tests.lab.stressors import MORE, OTHER_PORT, STRESSORS, Left, Stressor
from tests.lab.watching import Watch, totals

from toktra.agent.capture.linux import CannotCapture, LinuxCapture


@dataclass(frozen=True, slots=True)
class Row:
    """Megabytes the server's sockets received and sent, and the difference to what was counted, in bytes."""

    number: str
    name: str
    up_mb: float | None = None
    down_mb: float | None = None
    difference_bytes: tuple[int, int] | None = None
    left_out: str | None = None


def measure() -> dict[str, object]:
    """Every scenario as a row; or why not."""
    if reason := why_not():
        return {"skipped": reason}
    try:
        return {"scenarios": [{name: getattr(row, name) for name in Row.__slots__} for row in _rows()]}
    except CannotCapture as error:
        return {"skipped": str(error)}


def _rows() -> Iterator[Row]:
    domain = f"{secrets.token_hex(4)}.test"
    with (
        Lab() as lab,
        closing(LinuxCapture.open([443, OTHER_PORT], lambda host: host if host.endswith(domain) else None)) as capture,
    ):
        for stressor in (*STRESSORS, *MORE):
            yield _row(lab, capture, stressor, f"{stressor.number}.{domain}")


def _row(lab: Lab, capture: LinuxCapture, stressor: Stressor, host: str) -> Row:
    if isinstance(stressor.work, Left):
        return Row(stressor.number, stressor.name, left_out=stressor.work.why)
    counted = stressor.work.run(lab, host)
    up, down = totals(Watch(capture, [host]).settle(1.0))
    return Row(
        stressor.number,
        stressor.name,
        round(counted.received / 1e6, 3),
        round(counted.sent / 1e6, 3),
        (up - counted.received, down - counted.sent),
    )


def _table() -> None:
    print("| | scenario | MB up | MB down | difference, bytes up / down |\n|---|---|---|---|---|")
    for row in _rows():
        if row.difference_bytes is None:
            print(f"| {row.number} | {row.name} | | | not ours: {row.left_out} |")
        else:
            up, down = row.difference_bytes
            print(f"| {row.number} | {row.name} | {row.up_mb:.3f} | {row.down_mb:.3f} | {up} / {down} |")


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        _table()
    else:
        print(json.dumps(measure(), indent=2))
