"""`toktra server worker`: does the jobs in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import msgspec

from toktra.server.database.source import DatabaseUrls
from toktra.server.jobs.worker import run_worker, work_off
from toktra.server.settings import ServerSettings

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]


def add_worker(group: click.Group, where: Options, opened: Opened) -> None:
    """Adds the command to `group`, with the options of all."""

    @group.command()
    @where
    @click.option("--once", is_flag=True, help="Do what waits now, leave the schedules alone, and stop.")
    def worker(settings: Path | None, data: Path | None, once: bool) -> None:
        """Do the server's jobs: mail, alerts, deadlines.

        `toktra server run` does them itself unless TOKTRA_RUN_JOBS is off. Any number of workers may share a database.
        """
        from toktra.server.logs import configure_logging  # noqa: PLC0415

        with opened(settings, data) as (chosen, urls):
            urls.check()
            configure_logging()
            of_urls = msgspec.structs.replace(chosen, database_url=urls.app)
            asyncio.run(work_off(of_urls) if once else _until_stopped(of_urls))


async def _until_stopped(settings: ServerSettings) -> None:
    """Until SIGINT or SIGTERM; jobs under way may finish."""
    work = asyncio.create_task(run_worker(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    click.echo("Doing jobs until stopped.", err=True)
    with contextlib.suppress(asyncio.CancelledError):
        await work
