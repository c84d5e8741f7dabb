"""What is kept about one use of AI, told field by field for people. The fields are those of the wire's UsageEvent.

A test fails when the schema has a field without a sentence here, or a sentence here has no field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toktra.server.web.language import _


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the facts that are kept, and the schema fields that hold it."""

    name: str
    fields: tuple[str, ...]
    sentence: str
    example: str


SEVEN_FACTS: Final = (
    Fact(
        _("Provider host"),
        ("provider_host",),
        _("The name of the AI service, as the connection names it in the clear. Only names from the public catalogue "
          "of AI providers are kept; any other name is forgotten on the device."),
        "api.anthropic.com",
    ),
    Fact(
        _("Request bytes"),
        ("request_bytes",),
        _("How many bytes were sent, counted while still encrypted."),
        "18 204",
    ),
    Fact(
        _("Response bytes"),
        ("response_bytes",),
        _("How many bytes came back, counted while still encrypted."),
        "96 110",
    ),
    Fact(
        _("Estimated tokens"),
        ("estimated_input_tokens", "estimated_output_tokens"),
        _("About how many tokens that was, in and out. Estimated on the device from the byte counts; always shown as "
          "a range."),
        "4 080, 1 130",
    ),
    Fact(_("Time"), ("at",), _("When the exchange began, in UTC, to the second."), "2026-11-22 09:14:07"),
    Fact(
        _("Device"),
        ("device",),
        _("The number this device was given when it was enrolled."),
        "7c0f…-…-4be1",
    ),
    Fact(
        _("User"),
        ("user",),
        _("The account of the device that used the service. Toktra knows which person an account belongs to."),
        "r.muster",
    ),
)  # fmt: skip

NUMBERING: Final = Fact(
    _("Sequence"),
    ("sequence",),
    _("Numbers the records of one device, so that none is lost or counted twice. It says nothing about a person."),
    "1042",
)

NEVER: Final = (
    _("What you write, and what comes back: it stays encrypted and is never opened"),
    _("Any site or program that is not in the catalogue of AI providers"),
    _("Addresses of pages, file names, window titles, screenshots, keystrokes"),
    _("The size or time of single packets, from which topics could be guessed"),
)
