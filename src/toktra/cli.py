"""`toktra …`: the commands of every room under one name, each loaded only when it is called."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click

import toktra


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and the extra that installs what it needs."""

    target: str
    summary: str
    extra: str = ""


COMMANDS = {
    "up": Entry("toktra.up.commands:up", "Show this machine's AI use in a browser.", "agent,server,personal"),
    "agent": Entry("toktra.agent.commands:agent", "Run and inspect the agent on this device.", "agent"),
    "status": Entry(
        "toktra.agent.commands:status", "Say how the agent is doing, and whether you are private.", "agent"
    ),
    "server": Entry("toktra.server.commands:server", "Run the server.", "server"),
    "personal": Entry(
        "toktra.personal.commands:personal", "Run the second ledger, readable by its owners alone.", "server,personal"
    ),
    "demo": Entry("toktra.server.demo.commands:demo", "Fill a sample organisation to look at.", "server"),
    "replay": Entry("toktra.agent.capture.commands:replay", "Read a capture file as the agent would."),
    "privacy-hours": Entry(
        "toktra.agent.privacy_hours.commands:privacy_hours", "See and set your private time on this device.", "agent"
    ),
    "perks": Entry("toktra.agent.perks.commands:perks", "Use AI on a personal budget that only you can read.", "agent"),
    "claim": Entry("toktra.agent.claim_command:claim", "Say that this account on this device is yours.", "agent"),
    "log": Entry("toktra.agent.log_command:log", "List what has left this device about you.", "agent"),
    "extension": Entry(
        "toktra.agent.browser.commands:extension", "Connect the browser extension with the agent.", "agent"
    ),
    "tray": Entry(
        "toktra.agent.tray.commands:tray", "Open the menu bar app: state, pauses, schedule, what has left.", "tray"
    ),
    "links": Entry(
        "toktra.agent.tray.link_commands:links", "Let links of your personal ledger switch personal mode.", "tray"
    ),
    "estimate": Entry("toktra.catalogue.commands:estimate", "Turn byte counts into token estimates."),
    "rights": Entry(
        "toktra.compliance.rights_commands:rights", "Say by when a person's request must be answered.", "server"
    ),
    "notice": Entry("toktra.compliance.notice_commands:notice", "Write the notices people are given.", "server"),
}


class Rooms(click.Group):
    """Lists every command from `COMMANDS` and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module_name, _, attribute = entry.target.partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module_name), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] == "toktra":
                raise
            raise click.ClickException(
                f"`toktra {cmd_name}` needs the package {error.name}. Run: pip install 'toktra[{entry.extra}]'"
            ) from None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the summaries from `COMMANDS`, so that help imports nothing."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(toktra.__version__, prog_name="toktra")
def main() -> None:
    """See which AI tools are used, by whom and how much, from connection metadata only."""
