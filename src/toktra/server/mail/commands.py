"""`toktra server mail-test`: tries the mail settings with a letter to one address, and says how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from toktra.server.mail.letter import Fact, Letter, compose
from toktra.server.mail.relay import Refused, Unreachable, hand_over
from toktra.server.settings import ServerSettings
from toktra.server.web.language import _

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Loaded = Callable[[Path | None, Path | None], ServerSettings]


def add_mail_test(group: click.Group, where: Options, loaded: Loaded) -> None:
    """Adds the command to `group`, with the options of all."""

    @group.command("mail-test")
    @where
    @click.argument("address")
    def mail_test(settings: Path | None, data: Path | None, address: str) -> None:
        """Send a test letter to ADDRESS."""
        chosen = loaded(settings, data)
        if chosen.mail_relay is None:
            raise click.ClickException("TOKTRA_MAIL_RELAY is not set, so no mail is sent.")
        letter = Letter(
            subject=_("Mail from Toktra works"),
            paragraphs=[_("This letter was sent to try the mail settings. There is nothing to do.")],
            facts=[Fact(_("Relay"), chosen.mail_relay), Fact(_("Encryption"), chosen.mail_tls.value)],
        )
        try:
            message = compose(letter, letter_id=uuid4(), to=address, settings=chosen, written_at=datetime.now(UTC))
            asyncio.run(hand_over(message, chosen))
        except Refused as error:
            raise click.ClickException(f"the mail relay refused the letter to {address} ({error})") from None
        except Unreachable as error:
            raise click.ClickException(str(error)) from None
        except ValueError:
            raise click.ClickException(f"{address!r} is not an e-mail address") from None
        click.echo(f"The mail relay {chosen.mail_relay} has taken the letter to {address}.")
