"""Writes docs/engineer/device-api.json, the OpenAPI document of the device API; a test fails when it is out of date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from toktra.server.devices.contract import document

FILE = Path(__file__).parent.parent / "docs/engineer/device-api.json"


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the file is up to date")
    text = json.dumps(document(), indent=2) + "\n"
    if parser.parse_args().check:
        return int(not FILE.exists() or FILE.read_text() != text)
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(run())
