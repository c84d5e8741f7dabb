"""One letter, twice: as text and as HTML."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from toktra.server.mail import Fact, Letter, Link
from toktra.server.mail.letter import compose
from toktra.server.settings import ServerSettings

LETTER = Letter(
    subject="Engineering may have reached 80 %",
    paragraphs=["The upper end of its range did. " * 5, "Traffic always passes."],
    facts=[Fact("Spent", "€ 4 100 – 5 700"), Fact("Of", "€ 6 400")],
    link=Link("Open the budget", "/budgets/1?period=<now>"),
    closing="You own this budget.",
)


def test_as_text_it_is_lines_that_fit() -> None:
    text = LETTER.as_text("https://ai.example.org")
    assert all(len(line) <= 72 for line in text.splitlines())
    assert "Spent: € 4 100 – 5 700\nOf: € 6 400\n" in text
    assert "Open the budget:\nhttps://ai.example.org/budgets/1?period=<now>\n" in text
    assert text.endswith("-- \nYou own this budget.\n")


def test_as_html_it_says_the_same_and_loads_nothing() -> None:
    html = LETTER.as_html("https://ai.example.org")
    assert '<a href="https://ai.example.org/budgets/1?period=&lt;now&gt;">Open the budget</a>' in html
    for said in (*LETTER.paragraphs, "€ 4 100 – 5 700", "You own this budget."):
        assert said in html
    assert "<img" not in html
    assert "src=" not in html


SETTINGS = ServerSettings(mail_from="toktra@north.example")
NUMBER = UUID("00000000-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 19, 17, 5, tzinfo=UTC)


def test_a_message_has_its_own_number_and_asks_for_no_answer() -> None:
    message = compose(LETTER, letter_id=NUMBER, to="ada@north.example", settings=SETTINGS, written_at=AT)
    assert message["Message-ID"] == f"<{NUMBER}@north.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Thu, 19 Nov 2026 17:05:00 +0000"
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "to", ["nobody", "a b@north.example", "a@north.example\nBcc: b@north.example", "a@b.c, d@e.f", ""]
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        compose(LETTER, letter_id=NUMBER, to=to, settings=SETTINGS, written_at=AT)
