"""Which texts there are, for which law and in which language, and how one is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toktra.compliance.deadlines import Regulation
from toktra.compliance.keeping import PERSONAL_LEDGER_DAYS
from toktra.compliance.marking import Marked, escaped
from toktra.compliance.recorded import recorded_table
from toktra.compliance.variables import Variables

_TEXTS: Final = cast("Path", files("toktra.compliance") / "texts")


class Language(StrEnum):
    """Languages in which every text is complete."""

    ENGLISH = "en"
    GERMAN = "de"


class Jurisdiction(StrEnum):
    """Whose law a notice follows."""

    EU_GDPR = "eu-gdpr"
    UK_GDPR = "uk-gdpr"
    GERMANY = "germany"
    CALIFORNIA = "california"
    NEW_YORK = "new-york"
    US = "us"

    @property
    def regulation(self) -> Regulation | None:
        """Under which law people there make requests; None where no law of ours gives them one."""
        return _REGULATION.get(self)


_REGULATION: Final = {
    Jurisdiction.EU_GDPR: Regulation.GDPR,
    Jurisdiction.GERMANY: Regulation.GDPR,
    Jurisdiction.UK_GDPR: Regulation.UK_GDPR,
    Jurisdiction.CALIFORNIA: Regulation.CCPA,
}


class Paper(StrEnum):
    """What is not a notice to the people but a paper of the organisation."""

    DPIA = "dpia"
    RECORD = "record-of-processing"
    BALANCING = "legitimate-interest"
    WORKS_AGREEMENT = "works-agreement"
    ACCESS_SHEET = "access-sheet"
    """What a person is told beside the copy of their data: Art. 15(1) and (2) GDPR."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with an organisation's particulars in it."""

    markdown: str
    gaps: tuple[str, ...]
    """Variables the text names and nobody has given: it is not ready to be published."""


def fill(text: Jurisdiction | Paper, language: Language, variables: Variables) -> Filled:
    """The notice or paper, in Markdown. Raises recorded.FieldNotDescribed when the schema has outgrown the texts."""
    gaps: dict[str, None] = {}

    def shown(value: object) -> str:
        """What stands in the text for a value: texts escaped, gaps visible."""
        if isinstance(value, _Gap):
            gaps[value.name] = None
            return f"**[{_GAP[language]}: {_GAP_WORDS[language].get(value.name, escaped(value.name))}]**"
        return str(value) if isinstance(value, Marked) else escaped(str(value))

    environment = Environment(
        loader=FileSystemLoader(_TEXTS / language.value),
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it is Markdown; `shown` escapes every value
    )
    markdown = environment.get_template(f"{text.value}.md").render(_context(language, variables))
    return Filled(markdown.strip() + "\n", tuple(gaps))


@dataclass(frozen=True, slots=True)
class _Gap:
    name: str


_GAP: Final = {Language.ENGLISH: "to be filled in", Language.GERMAN: "noch auszufüllen"}
_GAP_WORDS: Final[dict[Language, dict[str, str]]] = {
    Language.ENGLISH: {"effective_on": "the day from which it holds"},
    Language.GERMAN: {
        "effective_on": "Tag, ab dem es gilt",
        "address": "Anschrift",
        "contact": "Kontakt",
        "officer": "Datenschutzbeauftragte oder Datenschutzbeauftragter",
        "authority": "Aufsichtsbehörde",
    },
}
"""A gap in the reader's words, where the variable's name is not one; messages to whoever fills it in keep the name."""
_ATTRIBUTED_TO: Final = {
    Language.ENGLISH: {"person": "persons", "department": "departments", "organisation": "the organisation as a whole"},
    Language.GERMAN: {"person": "Personen", "department": "Abteilungen", "organisation": "Organisation als Ganzes"},
}
_OPTIONAL: Final = ("operator", "works_council")
"""What an organisation may not have: texts ask for it before they name it."""


def _context(language: Language, variables: Variables) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in Variables.__struct_fields__:
        value = getattr(variables, name)
        values[name] = _Gap(name) if value is None and name not in _OPTIONAL else value
    if variables.effective_on:
        day = variables.effective_on
        values["effective_on"] = day.strftime("%d.%m.%Y") if language is Language.GERMAN else f"{day.day} {day:%B %Y}"
    return values | {
        "attributed_to": _ATTRIBUTED_TO[language][variables.attribution],
        "recorded_table": recorded_table(language.value),
        "personal_ledger_days": PERSONAL_LEDGER_DAYS,
    }
