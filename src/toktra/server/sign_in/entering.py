"""The last step of every way in: a new session, the end of the one the browser had, and the way on."""

from __future__ import annotations

import os

from starlette.requests import Request
from starlette.responses import Response

from toktra.server.database.pool import Database
from toktra.server.people import sessions
from toktra.server.people.candidates import Candidate
from toktra.server.people.sessions import Method
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant
from toktra.server.vault import Vault, open_vault
from toktra.server.web.cookies import session_of, set_session
from toktra.server.web.page import Visit


async def enter(
    database: Database, tenant: Tenant, person: Candidate, method: Method, *, former_session: str | None
) -> Token:
    """Starts a session for someone who has proved who they are; the one the browser had ends."""
    async with database.tenant(tenant.tenant_id) as connection:
        token = await sessions.start(connection, tenant, person.person_id, person.role, method)
    await sessions.end_session(database, former_session)
    return token


async def let_in(visit: Visit, tenant: Tenant, person: Candidate, method: Method, response: Response) -> Response:
    """`response`, with a new session in it."""
    token = await enter(visit.database, tenant, person, method, former_session=session_of(visit.request))
    set_session(visit.request, response, token)
    return response


async def confirm(visit: Visit, method: Method, response: Response) -> Response:
    """`response`, with the reader's session made fresh and under a new token in it."""
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        token = await sessions.prove_again(connection, visit.reader, method)
    set_session(visit.request, response, token)
    return response


def vault_of(request: Request) -> Vault:
    """What seals this installation's secrets. Raises SecretKeyNotUsable."""
    return open_vault(request.app.state.settings.data_directory, os.environ)
