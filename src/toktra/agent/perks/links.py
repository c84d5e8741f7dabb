"""Links that ask this device to switch personal mode: what the owner's ledger page offers, and no server ever gets.

A browser hands an address of a scheme that it does not load itself to the desktop; no request is made. Any page can
offer such a link, so following one asks the person and does nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from toktra.agent.perks.messages import PersonalOff, PersonalOn

SCHEME: Final = "toktra"
AN_HOUR_MINUTES: Final = 60

LINKS: Final[Mapping[str, PersonalOn | PersonalOff]] = MappingProxyType(
    {
        f"{SCHEME}:personal/on": PersonalOn(),
        f"{SCHEME}:personal/hour": PersonalOn(minutes=AN_HOUR_MINUTES),
        f"{SCHEME}:personal/off": PersonalOff(),
    }
)
"""All there are. They are compared as a whole: nothing in a link is ever read as a value."""


class NotALink(ValueError):
    """It is none of `LINKS`. The text does not repeat it: whoever wrote the link would choose the words."""

    def __init__(self) -> None:
        super().__init__(f"this is none of the links that Toktra follows, which are {', '.join(LINKS)}")


def wish_of(link: str) -> PersonalOn | PersonalOff:
    """What the link asks the agent for. Raises NotALink."""
    try:
        return LINKS[link]
    except KeyError:
        raise NotALink from None
