"""An agent in little that runs in a process of its own, without any right, and does as the test says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

AGENT_UID: Final = 40_430
HOLDER: Final = Path(__file__).parent / "programs" / "holder.py"


class Holder:
    """A running holder.py."""

    def __init__(self, host: str, *prefix: str) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(HOLDER), str(AGENT_UID), host],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.first: dict[str, Any] = self._answer()

    def ask(self, line: str) -> Any:
        """What it answers to a command of programs/holder.py."""
        self._tell(line)
        return self._answer()

    def watch(self) -> None:
        """Lets it poll on its own until `watched`."""
        self._tell("watch")

    def watched(self) -> None:
        """Ends `watch`."""
        self.ask("")
        self._answer()

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()

    def until(self, count: int) -> list[dict[str, Any]]:
        """Polls until so many exchanges were yielded."""
        for _ in range(100):
            observed: list[dict[str, Any]] = self.ask("poll 0.1")
            if len(observed) >= count:
                return observed
        raise AssertionError(f"only saw {observed}, {self.ask('status')}")
