"""What a server says when it refuses: application/problem+json (RFC 9457), read leniently."""

from __future__ import annotations

import msgspec

LONGEST_SENTENCE = 300


class Problem(msgspec.Struct, frozen=True):
    """Anything may be missing: a proxy in between answers in its own words."""

    title: str = ""
    detail: str = ""
    field: str = ""
    """The part of the message at fault, for example events[3].provider_host."""

    @property
    def sentence(self) -> str:
        """For a person; empty when the server gave no reason."""
        return (self.detail or self.title)[:LONGEST_SENTENCE]


def read_problem(body: bytes) -> Problem:
    """An empty Problem when the body is something else."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Problem()
