"""From a visit to the reader's own week: the way to it, and who they are to the database."""

from __future__ import annotations

from toktra.server.people.tokens import Token
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.privacy_hours.weeks import Reader
from toktra.server.web.cookies import session_of
from toktra.server.web.page import Visit


def own_database_of(visit: Visit) -> OwnDatabase | None:
    """None on a server whose database has no place for weeks."""
    own: OwnDatabase | None = visit.request.app.state.own_database
    return own


def reader_of(visit: Visit) -> Reader:
    """As the database is to find them: by the token the browser has, or by the one it is about to get."""
    reader = visit.reader
    token = reader.new_token or Token.parse(session_of(visit.request) or "")
    return Reader(reader.tenant.tenant_id, reader.person_id, token.hash if token else b"")
