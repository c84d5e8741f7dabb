"""The Python client is that of the document, and works against the real application over HTTP."""

from __future__ import annotations

import asyncio
import io
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
import uvicorn
from tests.server.usage.conftest import Office

from toktra.catalogue import load_catalogue
from toktra.server.api.clients import Kind, create
from toktra.server.api.scopes import Scope
from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.ingest.service import Ingest
from toktra.server.people.service import add_person
from toktra.server.people.signed_in import SignedIn
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role
from toktra_client import (
    Client,
    ClientCredentials,
    ConnectionLost,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotUnderstood,
    TokenRefused,
    TooManyRequests,
    Unusable,
)
from toktra_client.models import NewBudget, NewSubject, NewVersion

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

ROOT = Path(__file__).parents[3]
DAY = datetime.now(UTC).date() - timedelta(days=1)
QUOTA = 40


class Programs:
    """Secrets of a key, of a key that may only read usage, of a client, and of a key whose quota a test uses up."""

    every: str
    narrow: str
    spent: str
    oauth: ClientCredentials


@pytest.fixture(scope="module")
def programs(module_urls: Urls, module_tenants: tuple[Tenant, Tenant]) -> Programs:
    return asyncio.run(_fill(module_urls, module_tenants[0].slug))


async def _fill(urls: Urls, slug: str) -> Programs:
    made = Programs()
    async with Database(urls.app, connections=2) as database:
        tenant = await find_tenant(database, slug)
        assert tenant is not None
        owner = await add_person(database, tenant.tenant_id, display_name="Robin Example", role=Role.OWNER)
        office = Office(database, tenant, owner, Ingest(database, load_catalogue(), accepted_age_days=400))
        desk = await office.desk(owner, enrolled_days_ago=9)
        await desk.use(at=datetime.now(UTC) - timedelta(days=1), times=3)
        reader = SignedIn(tenant, owner, "Robin Example", Role.OWNER)
        async with database.tenant(tenant.tenant_id) as connection:
            for name in ("every", "spent"):
                key = await create(connection, reader, Kind.KEY, name, tuple(Scope), days=30)
                setattr(made, name, str(key.secret))
            narrow = await create(connection, reader, Kind.KEY, "narrow", [Scope.USAGE_READ], days=30)
            client = await create(connection, reader, Kind.OAUTH, "warehouse", tuple(Scope), days=30)
            made.narrow = str(narrow.secret)
            made.oauth = ClientCredentials(str(client.client_id), str(client.secret))
    return made


@pytest.fixture(scope="module")
def server(module_urls: Urls) -> Iterator[str]:
    """The whole application, served on loopback."""
    app = create_app(
        ServerSettings(
            database_url=module_urls.app, database_connections=4, run_jobs=False, api_requests_per_minute=QUOTA
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        served.should_exit = True
        thread.join(timeout=20)


def test_the_client_is_that_of_the_document() -> None:
    check = subprocess.run([sys.executable, "scripts/build_client.py", "--check"], cwd=ROOT, check=False)
    assert check.returncode == 0, "run scripts/build_client.py"


def test_figures_lists_and_files_by_a_key(server: str, programs: Programs) -> None:
    with Client(server, key=programs.every) as toktra:
        usage = toktra.read_usage(from_=DAY, to=DAY, grain="hour")
        assert usage.total.exchanges == 3
        assert usage.total.tokens.low <= usage.total.tokens.high
        assert usage.points[0].start.tzinfo is not None
        everyone = [one.id for one in toktra.list_providers(limit=100)]
        assert len(everyone) == len(set(everyone)) > 100  # more than one page
        file = io.BytesIO()
        assert toktra.take_export("daily", from_=DAY, to=DAY, into=file) == len(file.getvalue()) > 0


def test_a_write_is_done_once_and_refusals_are_exceptions(server: str, programs: Programs) -> None:
    with Client(server, key=programs.every) as toktra:
        new = NewBudget(amount="25000000", subject=NewSubject(kind="organisation"), unit="tokens", period="month")
        word = str(uuid4())
        made = toktra.make_budget(new, idempotency_key=word)
        assert toktra.make_budget(new, idempotency_key=word) == made
        assert [one.budget_id for one in toktra.list_budgets()] == [made.budget_id]
        assert made.versions[0].thresholds == [50, 80, 100]
        changed = toktra.change_budget(made.budget_id, NewVersion(amount=30_000_000))
        assert len(changed.versions) == 2
        assert toktra.end_budget(made.budget_id).ended_on is not None
        with pytest.raises(Unusable) as unusable:
            toktra.read_usage(from_=DAY, to=DAY - timedelta(days=2))
        assert unusable.value.type == "urn:toktra:problem:invalid-request"
        assert unusable.value.field in {"from", "to"}
        with pytest.raises(NotFound):
            toktra.read_budget(UUID(int=1))
    with Client(server, key=programs.narrow) as toktra, pytest.raises(NotAllowed, match="audit:read"):
        list(toktra.list_audit_entries())
    with Client(server, key="north.nothing") as toktra, pytest.raises(NotAuthenticated):
        toktra.read_usage(from_=DAY, to=DAY)


def test_an_oauth_client_fetches_its_tokens_and_renews_them(server: str, programs: Programs) -> None:
    now = [0.0]
    with Client(server, oauth=programs.oauth, clock=lambda: now[0]) as toktra:
        assert toktra.read_costs(from_=DAY, to=DAY).exchanges == 3
        first = toktra._credentials._token
        assert toktra.read_costs(from_=DAY, to=DAY).exchanges == 3
        assert toktra._credentials._token == first
        now[0] = 3600 - 59
        toktra.read_costs(from_=DAY, to=DAY)
        second = toktra._credentials._token
        assert second != first
        toktra._credentials._token = "north.taken-away"
        toktra.read_costs(from_=DAY, to=DAY)
        assert toktra._credentials._token not in {first, second}
    assert programs.oauth.client_secret not in repr(programs.oauth)
    wrong = ClientCredentials(programs.oauth.client_id, "north.not-the-secret")
    with Client(server, oauth=wrong) as toktra, pytest.raises(TokenRefused, match="invalid_client"):
        toktra.read_costs(from_=DAY, to=DAY)


def test_it_waits_as_long_as_the_server_says_and_no_longer_than_it_was_told(server: str, programs: Programs) -> None:
    pauses: list[float] = []
    with Client(server, key=programs.spent, pause=pauses.append, patience_s=600) as toktra:
        for _ in range(QUOTA):
            toktra.read_provider("openai")
        with pytest.raises(TooManyRequests) as refused:
            toktra.read_provider("openai")
        assert refused.value.retry_after_s
        assert len(pauses) == 4
        assert all(1 <= pause <= 60 for pause in pauses)
    pauses.clear()
    with Client(server, key=programs.spent, pause=pauses.append, patience_s=0) as toktra:
        with pytest.raises(TooManyRequests):
            toktra.read_provider("openai")
        assert pauses == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nday,"])
def test_a_file_that_was_cut_is_no_file(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_all, args=(listener, answer), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(address, key="north.any", pause=lambda _: None) as toktra, pytest.raises(ConnectionLost):
            toktra.take_export("daily", from_=DAY, to=DAY, into=io.BytesIO())
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=20)


def test_another_server_is_named_as_such() -> None:
    page = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_all, args=(listener, page), daemon=True)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{listener.getsockname()[1]}", key="north.any") as toktra,
            pytest.raises(NotUnderstood),
        ):
            toktra.read_costs(from_=DAY, to=DAY)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=20)


def _answer_all(listener: socket.socket, answer: bytes) -> None:
    """Takes each connection, reads a request, says this and hangs up."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            peer.recv(65_536)
            peer.sendall(answer)


def test_a_key_does_not_travel_in_the_clear() -> None:
    with pytest.raises(ValueError, match="https"):
        Client("http://ai.example.org", key="north.any")


def test_the_documented_example_runs(
    server: str, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/engineer/python-client.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(example, {"server": server, "key": programs.every})
    assert " tokens" in capsys.readouterr().out
    assert (tmp_path / "costs.csv").stat().st_size > 0
