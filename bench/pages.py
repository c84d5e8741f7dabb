"""How long pages take over real HTTP, in an organisation of 10,000 people and 12,000 devices (see organisation.py).

Every page of both sites that needs no more than an address is fetched by the owner, one after another, as one browser
does, from a server in a process of its own beside the embedded PostgreSQL. `python -m bench pages` prints JSON: for
each page milliseconds on the clock (the first visit, the quickest, the median and the 95th percentile) and of CPU, of
the server and of its database.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from bench.organisation import DAYS, DEVICES, PEOPLE, fill
from bench.visits import RUNS, owner_at, running, timed

from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import ensure_default_tenant
from toktra.server.web.site import site_pages

LIMIT_MS: Final = 150.0
VIEWS: Final = (
    "/?period=30d",
    "/?period=month",
    "/usage?period=7d&grain=hour",
    "/usage?by=department",
    "/usage?measure=cost&against=year",
    "/people?sort=manager&q=an",
    "/people?department=Department+7",
    "/people/{person}",
    "/devices?sort=person",
    "/devices?reporting=silent&q=desk-1",
    "/devices/{device}",
    "/audit?q=bill",
    "/cost/openai",
    "/prices/openai",
    "/me/rights/new?kind=access",
    "/me/events?page=20",
)
"""Orders, filters and details of pages; the pages themselves are asked of the site."""
NO_PAGES: Final = frozenset(
    {"/usage.csv", "/devices.csv", "/people.csv", "/exports/file", "/confirm/sso", "/me/rights/new", "/notices/preview"}
)
"""Downloads, which may take as long as they are; a step of signing in elsewhere; pages that need more to be said."""


def measure() -> dict[str, object]:
    """Milliseconds for each page."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with prepare(base / "data") as urls:
            tenant_id = ensure_default_tenant(urls.needed_owner).tenant.tenant_id
            reader = _owner(urls, tenant_id)
            began = time.perf_counter()
            fill(urls, tenant_id, reader)
            filled_s = time.perf_counter() - began
            postmaster = int(next(base.rglob("postmaster.pid")).read_text().split()[0])
            return {"filled_s": round(filled_s), **_measure(urls, postmaster)}
    finally:
        shutil.rmtree(base)


def addresses() -> list[str]:
    """Every page that needs no more than an address, and views of some."""
    pages = {page.path for page in site_pages() if "GET" in (page.methods or ()) and "{" not in page.path}
    own = {"person": _md5("p77"), "device": _md5("d77")}
    return sorted(pages - NO_PAGES) + [view.format_map(own) for view in VIEWS]


def _measure(urls: DatabaseUrls, postmaster: int) -> dict[str, object]:
    with running(urls.app) as (address, server), owner_at(address, urls.app) as browser:
        pages = {page: timed(partial(browser.get, page), server, postmaster) for page in addresses()}
    return {
        "people": PEOPLE,
        "devices": DEVICES,
        "days": DAYS,
        "runs": RUNS,
        "pages_ms": pages,
        "limit_p95_ms": LIMIT_MS,
        "over": [page for page, took in pages.items() if took["p95"] > LIMIT_MS],
        "holds": all(took["p95"] <= LIMIT_MS for took in pages.values()),
    }


def _md5(text: str) -> str:
    return str(UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


def _owner(urls: DatabaseUrls, tenant_id: UUID) -> UUID:
    with psycopg.connect(urls.needed_owner) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        row = connection.execute("select person_id from person where role = 'owner'").fetchone()
    if row is None:
        raise RuntimeError("the organisation has no owner")
    owner: UUID = row[0]
    return owner


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
