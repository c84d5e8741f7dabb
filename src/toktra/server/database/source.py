"""Which database this process uses: one of your own, by URL, or the embedded one of the data directory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from toktra.server.database.embedded import EmbeddedPostgres, urls_of_running
from toktra.server.database.failures import AlreadyRunning, DatabaseUnreachable
from toktra.server.database.migrate import migrate
from toktra.server.database.pool import Database
from toktra.server.settings import InvalidSetting, ServerSettings


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database, as the role that serves and the role that owns. Both hold passwords: pass them by environment."""

    app: str = field(repr=False)
    owner: str | None = field(repr=False)
    """None when the settings name only the server's own role."""
    privacy: str | None = field(default=None, repr=False)
    """As the role that is let to people's weeks; None: nobody can write one in the portal."""
    personal: tuple[str, str] | None = field(default=None, repr=False)
    """The second ledger's database, as the role that serves it and as its owner: for whoever starts its service, never
    for the server itself. None: it is not ours to start."""

    @property
    def needed_owner(self) -> str:
        """Raises InvalidSetting when the owner's URL is not known."""
        if self.owner is None:
            raise InvalidSetting(
                "TOKTRA_OWNER_DATABASE_URL is missing: this needs the role that owns the tables of TOKTRA_DATABASE_URL"
            )
        return self.owner

    def migrate(self) -> bool:
        """Brings the tables up to date; True if there was anything to do. Raises DatabaseFailure or InvalidSetting."""
        return migrate(
            self.needed_owner,
            _role_of(self.app, "TOKTRA_DATABASE_URL"),
            None if self.privacy is None else _role_of(self.privacy, "TOKTRA_PRIVACY_DATABASE_URL"),
        )

    def check(self) -> None:
        """Raises MigrationsPending, DataDirectoryTooNew or UnsafeDatabaseRole; one that is away may come back."""

        async def ask() -> None:
            async with Database(self.app, connections=1) as database:
                with contextlib.suppress(DatabaseUnreachable):
                    await database.check_ready()

        asyncio.run(ask())


@contextmanager
def database_of(settings: ServerSettings) -> Iterator[DatabaseUrls]:
    """The database of these settings while the context lasts, started and migrated when it is ours to start.

    An embedded database that another Toktra of ours already runs is used as it is. A database of your own is migrated
    only by `toktra server migrate`. Raises DatabaseFailure or InvalidSetting.
    """
    if settings.database_url is not None:
        yield DatabaseUrls(settings.database_url, settings.owner_database_url, settings.privacy_database_url)
        return
    if settings.owner_database_url is not None:
        raise InvalidSetting("TOKTRA_DATABASE_URL is missing: TOKTRA_OWNER_DATABASE_URL alone is not enough")
    with prepare(settings.data_directory, may_be_running=True) as urls:
        yield urls


@contextmanager
def prepare(directory: Path, *, may_be_running: bool = False) -> Iterator[DatabaseUrls]:
    """The embedded database of a data directory, running and migrated while the context lasts.

    `may_be_running`: use the one that another process runs there instead of raising AlreadyRunning.
    """
    server = EmbeddedPostgres(directory)
    try:
        server.start()
    except AlreadyRunning:
        running = urls_of_running(directory) if may_be_running else None
        if running is None:
            raise
        yield DatabaseUrls(*running)
        return
    try:
        urls = DatabaseUrls(server.app_url, server.owner_url, server.privacy_url, server.personal_urls)
        urls.migrate()
        yield urls
    finally:
        server.stop()


def _role_of(url: str, setting: str) -> str:
    role = conninfo_to_dict(url).get("user")
    if not role:
        raise InvalidSetting(f"{setting}: must name its user, as in postgresql://toktra_app@host/toktra")
    return str(role)
