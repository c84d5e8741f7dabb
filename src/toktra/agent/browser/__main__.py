"""`python -m toktra.agent.browser`: what the launcher that `toktra extension install` writes starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from toktra.agent.browser.identity import FIREFOX_ID, chrome_id
from toktra.agent.browser.native_host import NotOurExtension, check_caller, serve
from toktra.agent.state_directory import find_running


def main() -> int:
    """Returns the exit code."""
    more = os.environ.get("TOKTRA_EXTENSION_IDS", "").split()
    try:
        check_caller(sys.argv[1:], [chrome_id(), FIREFOX_ID, *more])
    except NotOurExtension as error:
        print(error, file=sys.stderr)  # noqa: T201 - the browser's log
        return 2
    state = os.environ.get("TOKTRA_AGENT_STATE")
    serve(sys.stdin.buffer, sys.stdout.buffer, find_running(Path(state) if state else None).control)
    return 0


if __name__ == "__main__":
    sys.exit(main())
