"""The texts: complete in both languages, true to the schema, and never changed by what is filled in."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from toktra.cli import main
from toktra.compliance import rendering
from toktra.compliance.keeping import BOUNDS, Kind
from toktra.compliance.library import Jurisdiction, Language, Paper, fill
from toktra.compliance.marking import Heading, Items, Table, blocks, escaped, plain, runs
from toktra.compliance.recorded import FieldNotDescribed, recorded_table
from toktra.compliance.variables import InvalidVariable, Variables, read_variables
from toktra.wire.events import UsageEvent

TEXTS = [*Jurisdiction, *Paper]
FIELDS = [field.name for field in msgspec.structs.fields(UsageEvent)]
GIVEN: dict[str, Any] = {
    "organisation": "Sample Optics",
    "address": "1 Sample Street, Sampletown",
    "contact": "privacy@sample.example",
    "officer": "privacy-officer@sample.example",
    "authority": "Sample Authority",
    "effective_on": date(2027, 1, 1),
}


def filled(text: Jurisdiction | Paper, language: Language = Language.ENGLISH, **given: Any) -> str:
    return fill(text, language, read_variables(GIVEN | given)).markdown


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_complete_and_lists_every_field_of_the_schema(text: Any, language: Language) -> None:
    for attribution in ("person", "department", "organisation"):
        for region in ("local", "eu", "us"):
            given = {
                "attribution": attribution,
                "region": region,
                "works_council": "Sample Council",
                "operator": "Host",
            }
            made = fill(text, language, read_variables(GIVEN | given))
            assert made.gaps == ()
            listed = [plain(row[2]) for table in blocks(made.markdown) if isinstance(table, Table) for row in table.rows
                      if len(row) == 3]  # fmt: skip
            assert set(FIELDS) <= set(listed)
            for table in blocks(made.markdown):
                if isinstance(table, Table):  # a row to be signed is empty, and as wide as the others
                    assert {len(row) for row in table.rows} == {len(table.header)}
            assert "{" not in made.markdown


@pytest.mark.parametrize("text", TEXTS)
def test_german_says_as_much_as_english(text: Any) -> None:
    english, german = (list(blocks(filled(text, language))) for language in Language)
    assert [type(block) for block in german] == [type(block) for block in english]
    for one, other in zip(english, german, strict=True):
        if isinstance(one, Table) and isinstance(other, Table):
            assert len(one.rows) == len(other.rows)
        if isinstance(one, Items) and isinstance(other, Items):
            assert len(one.items) == len(other.items)
        if isinstance(one, Heading) and isinstance(other, Heading):
            assert one.level == other.level
            assert plain(one.runs) != plain(other.runs)


def test_a_field_that_no_notice_explains_stops_every_notice() -> None:
    with pytest.raises(FieldNotDescribed, match="window_title"):
        recorded_table("en", (*FIELDS, "window_title"))
    with pytest.raises(FieldNotDescribed, match="sequence"):
        recorded_table("de", tuple(FIELDS[1:]))


def test_settings_are_what_the_text_says() -> None:
    text = filled(Jurisdiction.EU_GDPR, event_days=37, sum_days=91, request_days=800, region="eu", operator="Host Ltd")
    for said in ("| Single uses | 37 days |", "91 days", "800 days", "region EU", "run by Host Ltd", "1 January 2027"):
        assert said in text
    assert "Single uses" not in filled(Jurisdiction.EU_GDPR, attribution="department")
    assert "no figures of a single person" in filled(Jurisdiction.EU_GDPR, attribution="organisation")
    assert "consent (section 87(1)" in filled(Jurisdiction.GERMANY)
    assert "C-65/23" in filled(Jurisdiction.GERMANY, works_council="Council")
    assert "C-65/23" not in filled(Jurisdiction.GERMANY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (Jurisdiction.EU_GDPR, ("Art. 21 GDPR", "Art. 6(1)(f)", "supervisory authority", "Art. 15, 20 GDPR")),
        (Jurisdiction.UK_GDPR, ("Information Commissioner", "within 30 days", "section 164A")),
        (Jurisdiction.CALIFORNIA, ("10 business days", "45 calendar days", "retaliated", "11 CCR § 7012", "sold")),
        (Jurisdiction.NEW_YORK, ("§ 52-c", "photo-optical systems may be subject to monitoring at any and all times")),
        (Jurisdiction.US, ("19 Del. C. § 705", "§ 31-48d", "posted in a conspicuous place")),
        (Paper.WORKS_AGREEMENT, ("section 87(1) no. 6 BetrVG", "Art. 88 GDPR")),
        (Paper.DPIA, ("Art. 35", "to be judged")),
        (Paper.RECORD, ("Art. 30(1)",)),
        (Paper.BALANCING, ("Art. 6(1)(f)",)),
    ],
)
def test_each_text_says_what_its_law_demands(text: Any, said: tuple[str, ...]) -> None:
    made = filled(text)
    assert [one for one in said if one not in made] == []


NASTY = [
    "- a",
    "3. Liga | GmbH",
    "**Bold** & <script>alert(1)</script>",
    "# C#",
    "a\\|b",
    "_x_ [l](http://e.example)",
    "`c`",
]


@pytest.mark.parametrize("text", [Jurisdiction.US, Jurisdiction.GERMANY, Paper.WORKS_AGREEMENT])
def test_every_table_is_whole_in_a_document(text: Any) -> None:
    from docx import Document

    made = filled(text, works_council="Sample Council")
    tables = [block for block in blocks(made) if isinstance(block, Table)]
    written = Document(io.BytesIO(rendering.as_docx(made, "en"))).tables
    assert [len(table.columns) for table in written] == [len(table.header) for table in tables]
    assert [len(table.rows) for table in written] == [1 + len(table.rows) for table in tables]


@pytest.mark.parametrize("name", NASTY)
def test_what_is_filled_in_is_text_and_never_structure(name: str) -> None:
    assert plain(runs(escaped(name))) == name
    usual, nasty = (list(blocks(filled(Jurisdiction.EU_GDPR, organisation=one))) for one in ("Sample", name))
    assert [type(block) for block in nasty] == [type(block) for block in usual]
    assert plain(nasty[0].runs) == f"How {name} measures the use of AI services"  # type: ignore[union-attr]
    page = rendering.as_html(filled(Jurisdiction.EU_GDPR, organisation=name), "en")
    assert "<script" not in page
    assert "href" not in page


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({}, "organisation"),
        ({"organisation": "  "}, "organisation"),
        ({"organisation": "A", "retention": 3}, "retention"),
        ({"organisation": "A", "event_days": 0}, "event_days"),
        ({"organisation": "A", "event_days": "many"}, "event_days"),
        ({"organisation": "A", "event_days": BOUNDS[Kind.EVENTS].most + 1}, "event_days"),
        ({"organisation": "A", "request_days": 30}, "request_days"),
        ({"organisation": "A", "region": "moon"}, "region"),
        ({"organisation": "A", "attribution": "team"}, "attribution"),
        ({"organisation": "A", "contact": "a\n# b"}, "contact"),
        ({"organisation": "A", "effective_on": "soon"}, "effective_on"),
        ({"organisation": "x" * 201}, "organisation"),
    ],
)
def test_a_variable_that_cannot_be_is_named(given: dict[str, Any], variable: str) -> None:
    with pytest.raises(InvalidVariable) as refusal:
        read_variables(given)
    assert refusal.value.variable == variable


def test_what_was_not_given_is_a_visible_gap() -> None:
    made = fill(Jurisdiction.EU_GDPR, Language.GERMAN, Variables(organisation="A"))
    assert set(made.gaps) == {"effective_on", "address", "contact", "officer", "authority"}
    assert "**[noch auszufüllen: Kontakt]**" in made.markdown


class Reaching(HTMLParser):
    """Collects everything a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_page_needs_no_other_file() -> None:
    reading = Reaching()
    page = rendering.as_html(filled(Jurisdiction.NEW_YORK), "en")
    reading.feed(page)
    assert reading.fetched == []
    assert "url(" not in page
    assert {"h1", "h2", "table", "blockquote", "ul", "th"} <= set(reading.tags)


def render(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["notice", "render", *arguments])


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not here")
def test_a_pdf_has_the_text_our_type_and_a_title(tmp_path: Path) -> None:
    file = tmp_path / "notice.pdf"
    answer = render("--jurisdiction", "germany", "--organisation", "Müßig & Söhne", "--format", "pdf", "--language",
                    "de", "--output", str(file))  # fmt: skip
    assert answer.exit_code == 0, answer.output
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "Müßig & Söhne" in text
    assert [field for field in FIELDS if field not in text] == []
    fonts = subprocess.run(["pdffonts", file], capture_output=True, text=True, check=True).stdout
    assert all("Toktra-Text" in line for line in fonts.splitlines()[2:])
    about = subprocess.run(["pdfinfo", file], capture_output=True, text=True, check=True).stdout
    assert "Tagged:          yes" in about
    assert "Title:           Wie Müßig & Söhne die Nutzung" in about


def test_the_command_writes_every_format(tmp_path: Path) -> None:
    answer = render("--jurisdiction", "eu-gdpr", "--organisation", "Sample", "--format", "md")
    assert answer.exit_code == 0
    assert "# How Sample measures" in answer.stdout
    assert "to be filled in: effective_on, address" in answer.stderr
    page = render("--jurisdiction", "us", "--organisation", "Sample", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    file = tmp_path / "dpia.docx"
    render("--paper", "dpia", "--organisation", "Sample", "--format", "docx", "--output", str(file))
    from docx import Document

    document = Document(io.BytesIO(file.read_bytes()))
    assert document.core_properties.title.startswith("Data protection impact assessment")
    assert len(document.tables) >= 4


def test_variables_come_from_a_file_and_from_options(tmp_path: Path) -> None:
    file = tmp_path / "notice.toml"
    file.write_text('[notice]\ncontact = "from the file"\nevent_days = 30\n')
    answer = render("--jurisdiction", "eu-gdpr", "--organisation", "A", "--format", "md", "--variables", str(file),
                    "--set", "event_days=31", "--set", "address=Street = 1")  # fmt: skip
    assert answer.exit_code == 0
    assert "from the file" in answer.stdout
    assert "Single uses | 31 days" in answer.stdout
    assert "Street = 1" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--jurisdiction", "eu-gdpr", "--format", "md"), "--organisation"),
        (("--jurisdiction", "mars", "--organisation", "A", "--format", "md"), "mars"),
        (("--jurisdiction", "eu-gdpr", "--organisation", "A", "--format", "odt"), "odt"),
        (("--organisation", "A", "--format", "md"), "--jurisdiction"),
        (("--jurisdiction", "us", "--organisation", "A", "--format", "md", "--set", "x"), "NAME=VALUE"),
        (("--jurisdiction", "us", "--organisation", "A", "--format", "md", "--set", "retention=9"), "retention"),
        (("--jurisdiction", "us", "--organisation", "A", "--format", "md", "--complete"), "contact"),
        (("--jurisdiction", "us", "--organisation", "A", "--format", "md", "--variables", "/nowhere.toml"), "nowhere"),
    ],
)
def test_the_command_names_what_is_wrong(arguments: tuple[str, ...], named: str) -> None:
    answer = render(*arguments)
    assert answer.exit_code == 2
    assert named in answer.output
