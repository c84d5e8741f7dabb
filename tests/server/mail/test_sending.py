"""Letters through a real SMTP relay: sent once, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.rows import dict_row

from toktra.server.commands import server
from toktra.server.database.pool import Database
from toktra.server.jobs import defer
from toktra.server.jobs.worker import work_off
from toktra.server.mail import Letter, post
from toktra.server.mail.service import send
from toktra.server.people.service import add_person
from toktra.server.settings import MailTls, ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls
    from tests.server.mail.conftest import Relay

SettingsFor = Callable[..., ServerSettings]
LETTER = Letter(subject="Grüße", paragraphs=["One paragraph."])


@pytest.fixture
def letters(urls: Urls, tenant: Tenant) -> Callable[[], list[dict[str, Any]]]:
    """The tenant's letters as they are kept."""

    def read() -> list[dict[str, Any]]:
        with psycopg.connect(urls.app, row_factory=dict_row) as connection:
            connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant.tenant_id)])
            return connection.execute("select * from mail_letter order by written_at").fetchall()

    return read


Letters = Callable[[], list[dict[str, Any]]]


async def _post(database: Database, tenant: Tenant, **reader: Any) -> UUID:
    async with database.tenant(tenant.tenant_id) as connection:
        letter_id = await post(connection, tenant.tenant_id, LETTER, **(reader or {"address": "ada@north.example"}))
    assert letter_id is not None
    return letter_id


def _now(urls: Urls) -> None:
    """Time passes: what waits to be tried again may be, and claims have ended."""
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
        connection.execute(
            "update mail_letter set claimed_until = now() - interval '1s' where claimed_until is not null"
        )


async def test_a_letter_reaches_its_reader_and_its_words_are_forgotten(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor, letters: Letters
) -> None:
    person = await add_person(
        database, tenant.tenant_id, display_name="Ada", role=Role.EMPLOYEE, email="ada@north.example"
    )
    letter_id = await _post(database, tenant, person_id=person)
    await work_off(settings_for(relay))
    (message,) = relay.messages
    assert relay.recipients == ["ada@north.example"]
    assert message["Subject"] == "Grüße"
    assert message["From"] == "toktra@north.example"
    assert message["Message-ID"] == f"<{letter_id}@north.example>"
    plain, html = message.get_body(["plain"]), message.get_body(["html"])
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == ["One paragraph."]
    assert "<p>One paragraph.</p>" in html.get_content()
    (kept,) = letters()
    assert kept["content"] is None
    assert kept["sent_at"] is not None


async def test_nothing_is_sent_of_a_transaction_that_is_undone(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor
) -> None:
    async def post_and_fail() -> None:
        async with database.tenant(tenant.tenant_id) as connection:
            await post(connection, tenant.tenant_id, LETTER, address="ada@north.example")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await post_and_fail()
    await work_off(settings_for(relay))
    assert relay.messages == []


async def test_a_letter_is_sent_once_however_often_its_job_runs(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor
) -> None:
    letter_id = await _post(database, tenant)
    async with database.tenant(tenant.tenant_id) as connection:
        for _ in range(3):
            await defer(connection, send, tenant.tenant_id, letter_id=letter_id)
    await work_off(settings_for(relay))
    assert len(relay.messages) == 1


async def test_the_same_letter_is_written_once(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor
) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        written = [
            await post(connection, tenant.tenant_id, LETTER, address=address, once="alert:1")
            for address in ("ada@north.example", "bob@north.example")
        ]
    assert written[1] is None
    await work_off(settings_for(relay))
    assert relay.recipients == ["ada@north.example"]


async def test_a_letter_in_a_dead_workers_hands_is_sent_later_under_the_same_number(
    database: Database, tenant: Tenant, urls: Urls, relay: Relay, settings_for: SettingsFor
) -> None:
    letter_id = await _post(database, tenant)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update mail_letter set claimed_until = now() + interval '1 minute'")
    await work_off(settings_for(relay))
    assert relay.messages == []
    _now(urls)
    await work_off(settings_for(relay))
    assert [message["Message-ID"] for message in relay.messages] == [f"<{letter_id}@north.example>"]


async def test_a_relay_that_is_busy_is_tried_again(
    database: Database, tenant: Tenant, urls: Urls, relay: Relay, settings_for: SettingsFor, letters: Letters
) -> None:
    relay.answers = ["451 4.7.1 greylisted", "421 4.3.2 shutting down"]
    await _post(database, tenant)
    for taken in (0, 0, 1):
        await work_off(settings_for(relay))
        assert len(relay.messages) == taken
        _now(urls)
    assert letters()[0]["sent_at"] is not None


@pytest.mark.parametrize("at", ["recipient", "message"])
async def test_what_the_relay_refuses_is_given_up_and_forgotten(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor, letters: Letters, at: str
) -> None:
    if at == "recipient":
        relay.refused = frozenset({"ada@north.example"})
    else:
        relay.answers = ["554 5.7.1 not from you"]
    await _post(database, tenant)
    await work_off(settings_for(relay))
    (kept,) = letters()
    assert (kept["fault"], kept["content"], relay.messages) == ("refused", None, [])


async def _one_attempt(
    database: Database, tenant: Tenant, urls: Urls, settings: ServerSettings, letters: Letters
) -> dict[str, Any]:
    """The letter after its last attempt, which is its first."""
    await _post(database, tenant)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update procrastinate_jobs set attempts = %s", [send.backoff.attempts - 1])
    await work_off(settings)
    return letters()[0]


@pytest.mark.parametrize("what", ["away", "wrong password", "certificate of a stranger", "no STARTTLS", "hangs"])
async def test_a_relay_that_cannot_be_used_is_never_used_unsafely(
    database: Database, tenant: Tenant, urls: Urls, settings_for: SettingsFor, letters: Letters, what: str,
    certificate: ssl.SSLContext, trusted: None, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from tests.server.mail.conftest import Relay, relaying, silent_server

    relay, changes = Relay(), {}
    with_certificate: ssl.SSLContext | None = certificate
    if what == "wrong password":
        changes = {"mail_password": "wrong"}
    elif what == "certificate of a stranger":
        monkeypatch.delenv("SSL_CERT_FILE")
    elif what == "no STARTTLS":
        with_certificate = None
    if what == "hangs":
        monkeypatch.setattr("toktra.server.mail.relay._ONE_ANSWER_WITHIN_S", 0.2)
        async with silent_server() as relay.port:
            kept = await _one_attempt(database, tenant, urls, settings_for(relay), letters)
    else:
        async with relaying(relay, with_certificate):
            settings = settings_for(relay, **changes)
            if what == "away":
                settings = settings_for(Relay(port=1))
            kept = await _one_attempt(database, tenant, urls, settings, letters)
    assert (kept["fault"], kept["content"], relay.messages) == ("unreachable", None, [])


async def test_without_a_relay_or_an_address_a_letter_is_given_up_by_name(
    database: Database, tenant: Tenant, relay: Relay, settings_for: SettingsFor, letters: Letters
) -> None:
    await _post(database, tenant)
    await work_off(settings_for(relay, mail_relay=None))
    person = await add_person(database, tenant.tenant_id, display_name="Bob", role=Role.EMPLOYEE)
    await _post(database, tenant, person_id=person)
    await work_off(settings_for(relay))
    assert [kept["fault"] for kept in letters()] == ["no-relay", "no-address"]


async def test_a_relay_inside_the_house_may_do_without_encryption(
    database: Database, tenant: Tenant, settings_for: SettingsFor
) -> None:
    from tests.server.mail.conftest import Relay, relaying

    async with relaying(Relay(), None) as relay:
        await _post(database, tenant)
        await work_off(settings_for(relay, mail_tls=MailTls.NONE, mail_user=None, mail_password=None))
    assert len(relay.messages) == 1


async def test_the_command_tries_the_settings(relay: Relay, settings_for: SettingsFor) -> None:
    settings = settings_for(relay)
    environment = {
        f"TOKTRA_{name.upper()}": str(getattr(settings, name))
        for name in ("mail_relay", "mail_port", "mail_user", "mail_password", "mail_from")
    }

    async def run(address: str, **changes: str) -> tuple[int, str]:
        runner = CliRunner(env={**environment, **changes})
        result = await asyncio.to_thread(runner.invoke, server, ["mail-test", address])
        return result.exit_code, result.output

    assert await run("ada@north.example") == (
        0,
        "The mail relay 127.0.0.1 has taken the letter to ada@north.example.\n",
    )
    assert relay.recipients == ["ada@north.example"]
    assert await run("nobody") == (1, "Error: 'nobody' is not an e-mail address\n")
    assert "does not accept TOKTRA_MAIL_USER (535)" in (await run("ada@north.example", TOKTRA_MAIL_PASSWORD="x"))[1]
    assert "TOKTRA_MAIL_FROM is missing" in (await run("ada@north.example", TOKTRA_MAIL_FROM=""))[1]
