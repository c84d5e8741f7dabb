"""Writes docs/engineer/commands.md from the commands themselves; a test fails when the page is out of date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from toktra.cli import main as toktra

PAGE = Path(__file__).parent.parent / "docs/engineer/commands.md"

INTRODUCTION = """\
# Every command

Printed from the program by `scripts/build_command_reference.py`. Exit status: 0 done, 1 could not be done, 2 wrong or
unusable input; the sentence on standard error says which and what to do.
"""


def commands(group: click.Group, parents: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command below `group` with its full name, depth first, in the order help shows them."""
    context = click.Context(group, info_name=parents[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        path = (*parents, name)
        if isinstance(command, click.Group):
            yield from commands(command, path)
        else:
            yield " ".join(path), command


def section(name: str, command: click.Command) -> str:
    """One command: what it does, how it is called, its options."""
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    rows = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    options = "".join(
        f"| `{option.replace('|', '&#124;')}` | {' '.join(text.split()).replace('|', '&#124;')} |\n"
        for option, text in rows
        if "--help" not in option
    )
    table = f"\n| Option | Meaning |\n|---|---|\n{options}" if options else ""
    description = "\n".join(line.strip() for line in (command.help or "").replace("\b", "").strip().splitlines())
    return f"\n## `{name}`\n\n{description}\n\n```\n{usage}\n```\n{table}"


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(section(name, command) for name, command in commands(toktra, ("toktra",)))


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    if parser.parse_args().check:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(run())
