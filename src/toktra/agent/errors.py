"""What every error of the agent has in common: one sentence with its remedy, and the exit code of the command."""

from __future__ import annotations

from typing import ClassVar

EXIT_FAILED = 1
"""It was tried and did not work; trying again later may."""
EXIT_NEEDS_YOU = 2
"""Nothing was tried: something has to be given or changed first, and the message says what."""
EXIT_NOT_RUNNING = 3
"""`toktra agent status`: no agent runs on this state directory."""


class AgentError(Exception):
    """Its text is for the person at the device: what happened, what it means, what to do."""

    exit_code: ClassVar[int] = EXIT_FAILED
