"""What a letter says, and how it looks: as plain text, and as simple HTML that says the same."""

from __future__ import annotations

import textwrap
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import msgspec

from toktra.server.settings import ServerSettings
from toktra.server.web.templates import render

_WIDTH: Final = 72


class Fact(msgspec.Struct, frozen=True):
    """One figure or date with its name."""

    name: str
    value: str


class Link(msgspec.Struct, frozen=True):
    """Where to go on: a label, and a path of the site that begins with a slash."""

    label: str
    path: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter, in its reader's language. `closing` says why it came and what can be done about it."""

    subject: str
    paragraphs: list[str]
    facts: list[Fact] = []
    link: Link | None = None
    closing: str = ""

    def as_text(self, site: str) -> str:
        """The letter in lines of at most 72 characters; addresses are not broken."""
        parts = [_wrapped(paragraph) for paragraph in self.paragraphs]
        if self.facts:
            parts.append("\n".join(f"{fact.name}: {fact.value}" for fact in self.facts))
        if self.link:
            parts.append(f"{self.link.label}:\n{site}{self.link.path}")
        if self.closing:
            parts.append(f"-- \n{_wrapped(self.closing)}")
        return "\n\n".join(parts) + "\n"

    def as_html(self, site: str) -> str:
        """The same with headings and a link."""
        return render("mail/letter.html", letter=self, site=site)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError):
        raise ValueError("this is not an e-mail address") from None


def compose(
    letter: Letter, *, letter_id: UUID, to: str, settings: ServerSettings, written_at: datetime
) -> EmailMessage:
    """The letter as it goes to the relay. Its Message-ID is its own, however often it is sent.

    Raises ValueError when an address or the subject cannot stand in a header.
    """
    sender = str(settings.mail_from)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = letter.subject
    message["From"] = sender
    message["To"] = _address(to)
    message["Date"] = format_datetime(written_at)
    message["Message-ID"] = f"<{letter_id}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes to us
    message.set_content(letter.as_text(settings.site))
    message.add_alternative(letter.as_html(settings.site), subtype="html")
    return message
