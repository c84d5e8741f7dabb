"""What a server reads at its start, which everyone who starts one waits for."""

from __future__ import annotations

import subprocess
import sys


def test_the_models_of_directory_sync_are_not_read_before_they_are_asked_for() -> None:
    program = "import sys, toktra.server.app; print('scim2_models' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )
