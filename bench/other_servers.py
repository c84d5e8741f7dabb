"""Servers of others, from PyPI: each in an environment of its own, made once, and killed as by a power cut."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

CACHE: Final = Path.home() / ".cache" / "toktra-bench"


def installed(name: str, packages: Sequence[str]) -> Path:
    """The program of this name, in an environment that is made when it is missing."""
    place = CACHE / name
    program = place / "bin" / name
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    return program


def free_port() -> int:
    """A port of this machine that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str | Path], port: int, environment: Mapping[str, str], ready: str
) -> Iterator[httpx.Client]:
    """While it answers 200 at `ready`; killed afterwards."""
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            wait_for(client, ready)
            yield client
    finally:
        process.kill()
        process.wait()


def wait_for(client: httpx.Client, ready: str) -> None:
    """Until a server that was just started answers 200. Raises RuntimeError when it never does."""
    for _ in range(1200):
        try:
            if client.get(ready).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answered at {ready}")
