"""The invented organisation: its departments, its people, and which tools each of them has when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from toktra.server.people.signed_in import DEMO_SLUG

SLUG: Final = DEMO_SLUG
NAME: Final = "Sample organisation"
OWNER: Final = "Sample owner"


@dataclass(frozen=True, slots=True)
class Tool:
    """A provider host as people of this organisation use it. Bytes are the median of an exchange."""

    host: str
    request_bytes: int
    response_bytes: int
    is_streamed: bool
    from_share: float
    """When it comes into use, as a share of the time shown: 0 from the beginning."""


TOOLS: Final = {
    "chat": Tool("chatgpt.com", 6_000, 24_000, is_streamed=True, from_share=0.0),
    "claude": Tool("claude.ai", 7_000, 30_000, is_streamed=True, from_share=0.15),
    "code": Tool("api.anthropic.com", 90_000, 40_000, is_streamed=True, from_share=0.3),
    "copilot": Tool("api.githubcopilot.com", 24_000, 9_000, is_streamed=True, from_share=0.0),
    "api": Tool("api.openai.com", 5_000, 4_000, is_streamed=False, from_share=0.1),
    "gemini": Tool("gemini.google.com", 5_000, 20_000, is_streamed=True, from_share=0.4),
    "search": Tool("www.perplexity.ai", 4_000, 18_000, is_streamed=True, from_share=0.55),
    "mistral": Tool("api.mistral.ai", 4_000, 3_500, is_streamed=False, from_share=0.7),
    "office": Tool("copilot.microsoft.com", 5_500, 16_000, is_streamed=True, from_share=0.0),
}


@dataclass(frozen=True, slots=True)
class Department:
    """A part of the organisation. `share` of all people; `tools` with how keen its people are on each."""

    name: str
    share: float
    tools: Sequence[tuple[str, float]]
    exchanges_a_day: float
    """Of somebody of middling keenness, once tools are in use."""


DEPARTMENTS: Final = (
    Department(
        "Engineering", 0.30, (("code", 0.7), ("copilot", 0.8), ("api", 0.3), ("chat", 0.5), ("claude", 0.4)), 16
    ),
    Department("Customer service", 0.18, (("chat", 0.6), ("office", 0.5), ("mistral", 0.2)), 6),
    Department("Sales", 0.17, (("chat", 0.7), ("gemini", 0.3), ("search", 0.3)), 4),
    Department("Product and design", 0.12, (("claude", 0.6), ("chat", 0.5), ("search", 0.4), ("api", 0.1)), 7),
    Department("Operations", 0.11, (("chat", 0.4), ("gemini", 0.4)), 2.5),
    Department("Finance", 0.07, (("chat", 0.4), ("search", 0.2)), 2),
    Department("Legal", 0.04, (("claude", 0.5), ("office", 0.6)), 3),
    Department("Board office", 0.01, (("chat", 0.5),), 1.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody invented. Their name says so."""

    number: int
    department: Department
    tools: tuple[Tool, ...]
    keenness: float
    """Times the department's exchanges a day."""
    starts_at_share: float
    """When they begin to use AI at all, as a share of the time shown."""

    @property
    def name(self) -> str:
        return f"Sample person {self.number:03}"

    @property
    def email(self) -> str:
        return f"person{self.number:03}@example.org"


def people(number: int, draw: Random) -> list[Person]:
    """So many people, in departments by their shares, the largest departments first."""
    sizes = [round(department.share * number) for department in DEPARTMENTS]
    sizes[0] += number - sum(sizes)
    found: list[Person] = []
    for department, size in zip(DEPARTMENTS, sizes, strict=True):
        for _ in range(max(0, size)):
            own = tuple(TOOLS[name] for name, liking in department.tools if draw.random() < liking)
            found.append(
                Person(
                    number=len(found) + 1,
                    department=department,
                    tools=own,
                    keenness=draw.lognormvariate(-0.25, 0.7),
                    starts_at_share=draw.betavariate(0.6, 1.8),
                )
            )
    return found
