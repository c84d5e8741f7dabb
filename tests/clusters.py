"""What makes a PostgreSQL quicker that is there for tests alone."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from toktra.server.database.embedded import EmbeddedPostgres


def hurry(server: EmbeddedPostgres) -> None:
    """Nothing is waited for on the disk, as no test cuts the power and killing processes is no loss; and a password is
    hashed once instead of 4,096 times, which was most of what a connection took."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("alter system set scram_iterations = 1")
        connection.execute("select pg_reload_conf()")
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        for url in (server.superuser_url, server.owner_url, server.app_url, server.privacy_url, *server.personal_urls):
            role, password = urlsplit(url).username, urlsplit(url).password
            assert role
            assert password
            connection.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(unquote(password)))
            )
