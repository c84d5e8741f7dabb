"""`make bench`: every measurement in one run, one JSON document; ARGS="hello replay" picks some.

Each part is also a command of its own, `python -m bench.replay`. Peers are measured beside us on the same work; one
that is not installed is left out by name.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys

PARTS = {
    "hello": "one ClientHello read, TLS and QUIC",
    "replay": "a large capture read, beside tshark and nfstream",
    "capture": "live capture, beside dumpcap, tshark and nfstream; needs root",
    "transports": "byte counts in the scenarios of a public bench, beside the server's own; needs root",
    "agent": "memory and idle CPU of the running agent, before and after 10,000 connections; needs root",
    "extension": "CPU, memory and sleep of the browser extension's worker in Chromium, with an agent beside it",
    "gate": "one decision of the Privacy Hours gate",
    "sealing": "one record sealed for the second ledger, on a device",
    "ingest": "signed batches over HTTP, beside raw binary COPY",
    "personal": "sealed uploads to the second ledger over HTTP, and a page of it",
    "ledger": "the personal ledger opened in Chromium, 90 days with 10,000 uses",
    "event_servers": "signed batches over HTTP, beside aw-server and Phoenix on the same facts",
    "estimate": "one token estimate, and reading the coefficient file",
    "rights": "a copy of 100,000 events, their erasure, a day and a month deleted",
    "costs": "the cost of a million rollup rows projected anew",
    "export": "ten million events as CSV, beside bare COPY, and its memory",
    "dashboards": "dashboards over thirty million events, for a large and a small organisation, and row-level security",
    "pages": "pages over HTTP with 10,000 people, 12,000 devices and a year of sums",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    chosen: list[str] = parser.parse_args().parts or list(PARTS)
    found: dict[str, object] = {
        "machine": {"processors": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    }
    for part in chosen:
        print(f"{part}: {PARTS[part]} …", file=sys.stderr)
        found[part] = importlib.import_module(f"bench.{part}").measure()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
