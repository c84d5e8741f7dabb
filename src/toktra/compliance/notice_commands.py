"""`toktra notice`: the texts people are given, filled with an organisation's particulars."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import click

from toktra.compliance import rendering
from toktra.compliance.library import Filled, Jurisdiction, Language, Paper, fill
from toktra.compliance.variables import InvalidVariable, read_variables

FORMATS = ("md", "html", "pdf", "docx")


@click.group()
def notice() -> None:
    """Notices to the people, and the papers an organisation keeps beside them."""


@notice.command()
@click.option("--jurisdiction", type=click.Choice([one.value for one in Jurisdiction]), help="A notice, by its law.")
@click.option("--paper", type=click.Choice([one.value for one in Paper]), help="A paper of the organisation instead.")
@click.option("--organisation", required=True, help="Its name.")
@click.option("--format", "form", required=True, type=click.Choice(FORMATS), help="How it is written.")
@click.option("--language", default="en", show_default=True, type=click.Choice([one.value for one in Language]))
@click.option(
    "--set", "assigned", multiple=True, metavar="NAME=VALUE", help="A variable, such as contact=…; repeatable."
)
@click.option("--variables", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with [notice].")
@click.option("--complete", is_flag=True, help="Refuse when anything is left to be filled in.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.  [default: standard output]")
def render(jurisdiction: str | None, paper: str | None, form: str, language: str, **given: Any) -> None:
    """Write a notice or paper. What is recorded is printed from the program's own definition of it.

    Variables that were not given stay as visible gaps and are named on standard error. Retention and attribution are
    the program's defaults unless given. Texts are for counsel to review.
    """
    values = {
        **_from_file(given["variables"]),
        **_assignments(given["assigned"]),
        "organisation": given["organisation"],
    }
    try:
        filled = fill(_text(jurisdiction, paper), Language(language), read_variables(values))
    except InvalidVariable as error:
        raise click.UsageError(str(error)) from None
    if filled.gaps:
        sentence = f"to be filled in: {', '.join(filled.gaps)}. Give them with --set NAME=VALUE."
        if given["complete"]:
            raise click.UsageError(sentence)
        click.echo(sentence, err=True)
    content = _as(form, filled, language)
    if given["output"] is not None:
        _write(given["output"], content)
    elif form in ("pdf", "docx") and sys.stdout.isatty():
        raise click.UsageError(f"a {form} file is not for the screen; give --output FILE")
    else:
        click.echo(content, nl=False)


def _text(jurisdiction: str | None, paper: str | None) -> Jurisdiction | Paper:
    if jurisdiction is not None and paper is None:
        return Jurisdiction(jurisdiction)
    if paper is not None and jurisdiction is None:
        return Paper(paper)
    raise click.UsageError("give one of --jurisdiction and --paper")


def _as(form: str, filled: Filled, language: str) -> bytes:
    if form == "md":
        return filled.markdown.encode()
    if form == "html":
        return rendering.as_html(filled.markdown, language).encode()
    if form == "docx":
        return rendering.as_docx(filled.markdown, language)
    try:
        return rendering.as_pdf(filled.markdown, language)
    except OSError as error:
        raise click.ClickException(
            f"a PDF needs Pango, which is not on this system ({error}). On Debian: apt-get install libpangoft2-1.0-0"
        ) from None


def _write(output: Path, content: bytes) -> None:
    try:
        output.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None


def _assignments(assigned: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in assigned:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        values[name.strip()] = value
    return values


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--variables") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} is not TOML: {error}", param_hint="--variables") from None
    section = content.get("notice")
    if not isinstance(section, dict):
        raise click.BadParameter(f"{file} has no table [notice]", param_hint="--variables")
    return section
