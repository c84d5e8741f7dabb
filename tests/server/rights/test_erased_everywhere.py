"""Somebody erased is searched for byte by byte: in every file of the installation, its log, its exports in a bucket.

And once more after a backup of all its files was restored and the list of those erased was replayed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from tests.scratch import scratch_directory
from tests.server.conftest import SignedDevice
from tests.server.residency.conftest import OF_PEOPLE, Region, an_organisation_at_work
from tests.server.residency.test_stores import export, running_store, set_up

from toktra.server.database.embedded import APP, PRIVACY, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.jobs.worker import work_off

if TYPE_CHECKING:
    import httpx

WORDS = "Das sind meine ganz eigenen Gründe dafür."
SOUGHT = (*OF_PEOPLE, WORDS)
PASSPHRASE = "a long sample passphrase"


@pytest.fixture
def installation() -> Iterator[Region]:
    with scratch_directory("toktra-erased-") as place, EmbeddedPostgres(place / "data") as postgres:
        migrate(postgres.owner_url, APP, PRIVACY)
        yield Region("local", place, postgres)


async def test_nothing_is_left_in_any_file_log_or_bucket_nor_after_a_restored_backup(
    installation: Region,
    signed_enrolment: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with running_store("eu-central-1") as store:
        _, device = await an_organisation_at_work(installation, signed_enrolment, SignedDevice)
        [(tenant_id,)] = installation.rows("select tenant_id from tenant")
        is_hers(installation)
        async with installation.serving() as browser:
            bucket = store.bucket("of-north", "eu-central-1")
            assert (await set_up(installation, "north", browser, store, bucket)).status_code == 303
            here = await ask(installation, browser)
        await export(installation, tenant_id)
        analyse(installation)
        backup = back_up(installation)
        async with installation.serving() as browser:
            await grant(installation, browser, here)
            device.api = browser
            assert (await device.send(device.batch(21, 5, user=OF_PEOPLE[3]))).status_code == 403
        listed = await installation.run("erased", "--organisation", "north")
        give_back_space(installation)
        assert found(installation) == {}
        held = store.objects()
        assert held
        for text in (*SOUGHT, str(device.key.device)):
            assert not any(text.encode() in name.encode() + content for name, content in held.items())

        restore(installation, backup)
        assert set(found(installation)) == set(SOUGHT)  # the backup is as old as that
        for said in ("1 on the list, 1 were in the database again", "1 on the list, 0 were in the database again"):
            assert said in await installation.run("erase-again", "--organisation", "north", "-", given=listed)
        give_back_space(installation)
        assert found(installation) == {}
        async with installation.serving() as browser:
            device.api = browser
            assert (await device.send(device.batch(21, 5, user=OF_PEOPLE[3]))).status_code == 403
    said = "".join(capfd.readouterr())
    assert not [text for text in SOUGHT if text in said]


def is_hers(installation: Region) -> None:
    """The account that reports is the owner's, as if the device had been enrolled for her."""
    with psycopg.connect(installation.postgres.superuser_url) as connection:
        for table in ("account", "usage_event", "usage_daily"):
            connection.execute(
                sql.SQL("update {} set person_id = (select person_id from person where not from_account)").format(
                    sql.Identifier(table)
                )
            )
        connection.execute("delete from person where from_account")


async def ask(installation: Region, browser: httpx.AsyncClient) -> str:
    """Asks for a copy, which is made, and for erasure, signed in as who is to be erased; the request's address."""
    sealed = {"sealed_by": "passphrase", "passphrase": PASSPHRASE, "again": PASSPHRASE}
    assert (await browser.post("/me/rights/new", data={"kind": "access", **sealed})).status_code == 303
    await work_off(installation.settings)
    objection = {"kind": "objection", "details": WORDS}
    assert (await browser.post("/me/rights/new", data=objection)).status_code == 303
    made = await browser.post("/me/rights/new", data={"kind": "erasure"})
    return str(made.headers["location"]).partition("?")[0].replace("/me", "")


async def grant(installation: Region, browser: httpx.AsyncClient, here: str) -> None:
    """By another owner, whom the organisation needs."""
    with psycopg.connect(installation.postgres.superuser_url) as connection:
        connection.execute(
            "insert into person (tenant_id, display_name, role) select tenant_id, 'Kim Sample', 'owner' from tenant"
        )
    link = await installation.run("sign-in-link", "--organisation", "north", "--person", "Kim Sample")
    browser.cookies.clear()
    await browser.post("/sign-in/" + link.strip().rpartition("/sign-in/")[2])
    assert (await browser.post(f"{here}/grant", data={"reason": ""})).status_code == 303
    await work_off(installation.settings)


def found(installation: Region) -> dict[str, list[str]]:
    """Where each thing that is sought stands, in the bytes of every file."""
    return {text: files for text in SOUGHT if (files := installation.bytes_on_disk(text))}


def analyse(installation: Region) -> None:
    """What the planner remembers of columns holds values of theirs: names among them."""
    with psycopg.connect(installation.postgres.superuser_url, autocommit=True) as connection:
        connection.execute("analyze")


def give_back_space(installation: Region) -> None:
    """As docs/privacy-officer/rights-requests.md says: every table is written anew, and old parts of the log go."""
    with psycopg.connect(installation.postgres.superuser_url, autocommit=True) as connection:
        for statement in (
            "alter system set wal_recycle = off",
            "select pg_reload_conf()",
            "analyze",
            "vacuum full",
            "select pg_switch_wal()",
            "checkpoint",
            "select pg_switch_wal()",
            "checkpoint",
        ):
            connection.execute(statement)


def back_up(installation: Region) -> Path:
    """All files of the installation, while its database is stopped."""
    to = installation.place.with_name(installation.place.name + ".backup")
    installation.postgres.stop()
    copy(installation.place, to)
    installation.postgres.start()
    return to


def restore(installation: Region, backup: Path) -> None:
    installation.postgres.stop()
    for old in installation.place.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    copy(backup, installation.place)
    shutil.rmtree(backup)
    installation.postgres.start()


def copy(source: Path, to: Path) -> None:
    """With owners and rights, as a backup has them."""
    subprocess.run(["cp", "-a", "--", f"{source}/.", str(to)], check=True)
