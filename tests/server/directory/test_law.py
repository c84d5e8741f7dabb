"""Under whose law someone asks: said in their entry, kept as ISO 3166 writes it, and used from the next request on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from toktra.compliance.deadlines import Regulation
from toktra.compliance.jurisdictions import UnknownPlace, place, regulation_in
from toktra.server.database.pool import Database
from toktra.server.notices.service import regulation_of

if TYPE_CHECKING:
    from toktra.server.tenants.service import Tenant

Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]
Person = Callable[..., Awaitable[UUID]]
Rows = Callable[..., list[tuple[object, ...]]]


@pytest.mark.parametrize(
    ("written", "kept", "law"),
    [
        ("de", "DE", Regulation.GDPR),
        ("DE-BY", "DE-BY", Regulation.GDPR),
        ("no", "NO", Regulation.GDPR),
        ("gb_sct", "GB-SCT", Regulation.UK_GDPR),
        (" us-ca ", "US-CA", Regulation.CCPA),
        ("US-NY", "US-NY", None),
        ("CH", "CH", None),
    ],
)
def test_a_place_has_the_law_it_has(written: str, kept: str, law: Regulation | None) -> None:
    assert place(written) == kept
    assert regulation_in(kept) is law


@pytest.mark.parametrize("text", ["Germany", "D", "DE-", "US/CA", "DE-ABCD", "12"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UnknownPlace):
        place(text)


async def test_their_own_law_counts_and_otherwise_the_organisations(
    browser: Browser, site: httpx.AsyncClient, person: Person, rows: Rows, database: Database, organisation: Tenant
) -> None:
    ada = await person("Ada Example", "ada@example.org")
    here, hers = f"/people/{ada}", await browser(ada)
    assert await regulation_of(database, organisation.tenant_id, ada) is Regulation.GDPR
    wrong = await site.post(f"{here}/law", data={"jurisdiction": "California"})
    assert (wrong.status_code, "write it like DE, GB or US-CA" in wrong.text) == (422, True)
    assert (await site.post(f"{here}/law", data={"jurisdiction": "us-ca"})).status_code == 303
    assert (await site.post(f"{here}/law", data={"jurisdiction": "US-CA"})).status_code == 303
    assert rows("select jurisdiction from person where person_id = %s", ada) == [("US-CA",)]
    assert rows("select count(*) from audit_entry where after->>'fields' = 'jurisdiction'") == [(1,)]
    made = await hers.post("/me/rights/new", data={"kind": "erasure"})
    assert made.status_code == 303
    assert rows("select regulation, due_on - received_on from rights_request") == [("ccpa", 45)]
    assert (await site.post(f"{here}/law", data={"jurisdiction": ""})).status_code == 303
    assert await regulation_of(database, organisation.tenant_id, ada) is Regulation.GDPR
    assert (await hers.post(f"{here}/law", data={"jurisdiction": "DE"})).status_code == 403
