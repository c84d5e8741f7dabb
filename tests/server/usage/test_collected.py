"""The page of the seven facts says exactly what the schema holds."""

from __future__ import annotations

import httpx

from toktra.server.usage.collected import NUMBERING, SEVEN_FACTS
from toktra.wire.events import UsageEvent


def test_every_field_of_the_schema_has_a_sentence_and_every_sentence_a_field() -> None:
    told = [field for fact in (*SEVEN_FACTS, NUMBERING) for field in fact.fields]
    assert sorted(told) == sorted(UsageEvent.__struct_fields__)
    assert all(fact.sentence.endswith(".") for fact in (*SEVEN_FACTS, NUMBERING))


def test_there_are_seven_facts() -> None:
    assert len(SEVEN_FACTS) == 7


async def test_the_page_prints_every_field(owner_api: httpx.AsyncClient) -> None:
    page = await owner_api.get("/what-is-collected")
    assert page.status_code == 200
    for field in UsageEvent.__struct_fields__:
        assert f"<code>{field}</code>" in page.text
