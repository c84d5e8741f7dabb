"""The dashboards over thirty million events of ninety days (see thirty_million.py), for a large organisation and a
small one beside it: whole pages over HTTP, the statements behind each, and what row-level security adds to them.

A page is asked for over and over by one browser, from a server in a process of its own; the first visit after its
start, which counts what is then remembered, stands apart. The statements are those of such a first visit: they are sent
again by the server's role and by one that row-level security does not bind, in turns. `python -m bench dashboards`
prints JSON; it needs 9 GB of disk and some minutes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg
from bench.statements import Recorded, Statement, taken_ms
from bench.thirty_million import DAYS, LARGE, SMALL, fill, person, slugs
from bench.visits import RUNS, Visit, owner_at, running, timed

from toktra.server.app import create_app
from toktra.server.database.embedded import APP, PRIVACY, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.first_start import create_owner_link, ensure_default_tenant
from toktra.server.logs import configure_logging
from toktra.server.settings import ServerSettings

LIMIT_P95_MS: Final = {"large": 100.0, "small-0": 30.0}
LIMIT_ROW_LEVEL_SECURITY: Final = 1.1
FEWEST_RUNS: Final = 4
ENOUGH_S: Final = 30.0
"""Statements of one page are not sent for longer than this."""

_ASSUMED: Final = (
    ("exchange_rate", "EUR", {"per_usd": 0.92}),
    ("currency", "organisation", {"code": "EUR"}),
    ("contract", "anthropic", {"input_per_million": 2.5, "output_per_million": 12.0, "currency": "EUR"}),
    ("seats", "openai-chatgpt", {"price_per_month": 30, "seats": 2000}),
)
_BUDGETS: Final = (
    {"for": "organisation", "unit": "money", "currency": "EUR", "amount": "250000", "period": "quarter"},
    {"for": "provider:anthropic", "unit": "tokens", "amount": "900000000", "period": "month"},
    {"for": "department:Department 1", "unit": "money", "currency": "EUR", "amount": "9000", "period": "month"},
)


def measure() -> dict[str, object]:
    """Milliseconds of pages and of statements, beside what they may take."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with EmbeddedPostgres(base / "data") as postgres:
            migrate(postgres.owner_url, APP, PRIVACY)
            began = time.perf_counter()
            tenants = {slug: _founded(postgres, slug) for slug in slugs()}
            events = fill(postgres.superuser_url, tenants)
            filled_s = time.perf_counter() - began
            large = _measured(postgres, "large", tenants["large"])
            small = _measured(postgres, "small-0", tenants["small-0"])
    finally:
        shutil.rmtree(base)
    return {
        "events": events,
        "days": DAYS,
        "people": {"large": LARGE, "small": SMALL},
        "filled_s": round(filled_s),
        "runs": RUNS,
        "large": large,
        "small": small,
        "limit_p95_ms": LIMIT_P95_MS,
        "limit_row_level_security": LIMIT_ROW_LEVEL_SECURITY,
        "holds": bool(large["holds"] and small["holds"]),
        "load_average": round(os.getloadavg()[0], 1),
    }


def views(slug: str, budget: str) -> dict[str, str]:
    """The dashboards of an organisation: what each shows, and its address."""
    today = datetime.now(UTC).date()
    ninety = f"from={today - timedelta(days=DAYS - 1)}&to={today}"
    return {
        "overview, 7 days": "/?period=7d",
        "overview, 30 days": "/?period=30d",
        "usage by provider, 90 days": f"/usage?{ninety}",
        "usage by kind, 90 days, cost": f"/usage?{ninety}&by=kind&measure=cost",
        "usage by department, 90 days": f"/usage?{ninety}&by=department",
        "usage by department, 30 days and the 30 before": "/usage?by=department",
        "usage by day, 90 days": f"/usage?{ninety}&grain=day",
        "usage by hour, 7 days": "/usage?period=7d&grain=hour",
        "usage of one person, 30 days": f"/people/{person(slug, 7)}/usage",
        "cost, 30 days": "/cost?period=30d",
        "cost of one provider": "/cost/openai?period=30d",
        "budgets": "/budgets",
        "one budget, a quarter": f"/budgets/{budget}",
        "statements of a month": f"/statements/{today.replace(day=1) - timedelta(days=1):%Y-%m}",
    }


def _measured(postgres: EmbeddedPostgres, slug: str, tenant_id: UUID) -> dict[str, Any]:
    assert postgres.process_id is not None
    _assume(postgres.superuser_url, tenant_id)
    with running(postgres.app_url) as (address, server), owner_at(address, postgres.app_url, slug) as browser:
        budget = _make_budgets(browser)
        found = views(slug, budget)
        pages = {name: timed(_visit(browser, at), server, postgres.process_id) for name, at in found.items()}
    statements = asyncio.run(_statements(postgres.app_url, slug, found))
    queries = _sent_in_turns(postgres, tenant_id, statements)
    bound, free = (sum(one[by] for one in queries.values()) for by in ("median", "median_without_rls"))
    over = [name for name, took in pages.items() if took["p95"] > LIMIT_P95_MS[slug]]
    ratio = round(bound / free, 3)
    return {
        "pages_ms": pages,
        "statements_ms": queries,
        "row_level_security": ratio,
        "over": over,
        "statements_over": [name for name, took in queries.items() if took["p95"] > LIMIT_P95_MS[slug]],
        "holds": not over and ratio <= LIMIT_ROW_LEVEL_SECURITY,
    }


def _visit(browser: httpx.Client, address: str) -> Visit:
    if address.startswith("/people/"):  # told only for a reason, which is recorded
        return partial(browser.post, address, data={"reason": "A question about a bill", "period": "30d"})
    return partial(browser.get, address)


async def _statements(app_url: str, slug: str, found: dict[str, str]) -> dict[str, list[Statement]]:
    """What the first visit of each page after a start reads."""
    taken: dict[str, list[Statement]] = {}
    link = await asyncio.to_thread(create_owner_link, app_url, slug=slug)
    configure_logging(logging.WARNING)  # standard output is for the figures
    app = create_app(ServerSettings(database_url=app_url, run_jobs=False))
    async with Recorded(app_url) as database:
        app.state.database = database
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            await browser.post(link)
            for name, address in found.items():
                database.statements.clear()
                if address.startswith("/people/"):
                    answer = await browser.post(address, data={"reason": "A question about a bill", "period": "30d"})
                else:
                    answer = await browser.get(address)
                if answer.status_code != 200:
                    raise RuntimeError(f"{address} answered {answer.status_code}")
                taken[name] = list(database.statements)
    return taken


def _sent_in_turns(
    postgres: EmbeddedPostgres, tenant_id: UUID, statements: dict[str, list[Statement]]
) -> dict[str, dict[str, float]]:
    """Milliseconds of all statements of each page, as the server's role and as one without row-level security."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute("drop role if exists bench_free")
        connection.execute(f"create role bench_free bypassrls in role {APP}")
    found = {}
    with (
        psycopg.connect(postgres.app_url, autocommit=True) as bound,
        psycopg.connect(postgres.superuser_url, autocommit=True) as free,
    ):
        free.execute("set role bench_free")
        for name, own in statements.items():
            times: tuple[list[float], list[float]] = ([], [])
            began = time.monotonic()
            for run in range(RUNS + 6):  # the first ones until the driver has prepared them
                if run > 6 + FEWEST_RUNS and time.monotonic() - began > ENOUGH_S:
                    break
                for place in (0, 1) if run % 2 else (1, 0):
                    times[place].append(taken_ms((bound, free)[place], tenant_id, own))
            with_rls, without = (sorted(one[6:]) for one in times)
            found[name] = {
                "statements": len(own),
                "median": round(median(with_rls), 2),
                "p95": round(quantiles(with_rls, n=20)[-1], 2),
                "median_without_rls": round(median(without), 2),
            }
            print(f"dashboards: {name}: {found[name]}", file=sys.stderr)
    return found


def _founded(postgres: EmbeddedPostgres, slug: str) -> UUID:
    return ensure_default_tenant(postgres.owner_url, slug=slug, name=slug).tenant.tenant_id


def _assume(superuser_url: str, tenant_id: UUID) -> None:
    """A currency of their own, a contract and seats."""
    with psycopg.connect(superuser_url) as connection:
        for kind, subject, value in _ASSUMED:
            connection.execute(
                "insert into cost_assumption (tenant_id, kind, subject, valid_from, value, set_by) "
                "select tenant_id, %s, %s, '2020-01-01', %s, person_id from person "
                "where tenant_id = %s and role = 'owner'",
                [kind, subject, json.dumps(value), tenant_id],
            )


def _make_budgets(browser: httpx.Client) -> str:
    """The id of the first."""
    for fields in _BUDGETS:
        answer = browser.post("/budgets/new", data={**fields, "thresholds": "50, 80, 100", "forecast": "on"})
        if answer.status_code != 303:
            raise RuntimeError(f"a budget was not made: {answer.status_code}")
    found = re.search(r'href="/budgets/([0-9a-f-]{36})"', browser.get("/budgets").text)
    if found is None:
        raise RuntimeError("the budgets are not listed")
    return found[1]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
