"""What an installation needs before its first device, for programs: an organisation, its owner, a code."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from toktra.server.database.pool import Database
from toktra.server.devices import service as devices
from toktra.server.people import service as people
from toktra.server.people.names import people_called
from toktra.server.tenants.service import Founded, find_tenant, found, owner_of

DEFAULT_SLUG = "local"


class UnknownOrganisation(ValueError):
    """There is no organisation of this short name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"there is no organisation {slug!r}. Create it with: toktra server init --slug {slug}")


def ensure_default_tenant(
    owner_url: str, *, slug: str = DEFAULT_SLUG, name: str = "This machine", owner_name: str = "Owner"
) -> Founded:
    """The organisation of an installation that serves one machine, and the person who owns it. Safe to repeat."""
    return found(owner_url, slug=slug, name=name, owner_name=owner_name)


def create_enrolment_code(
    app_url: str,
    *,
    slug: str = DEFAULT_SLUG,
    person_id: UUID | None = None,
    valid_for: timedelta = devices.CODE_LIFETIME,
    uses: int = 1,
) -> str:
    """A code as `toktra agent enrol` takes it. Not for use inside an event loop: there, ask devices.service.

    Raises UnknownOrganisation, InvalidTerms or DatabaseBusy.
    """

    async def create() -> str:
        async with Database(app_url, connections=1) as database:
            tenant = await find_tenant(database, slug)
            if tenant is None:
                raise UnknownOrganisation(slug)
            code = await devices.create_enrolment_code(
                database, tenant, person_id=person_id, valid_for=valid_for, uses=uses
            )
            return str(code)

    return asyncio.run(create())


def create_owner_link(app_url: str, *, slug: str = DEFAULT_SLUG) -> str:
    """The path of a link that signs the organisation's owner in once. Not for use inside an event loop.

    Raises UnknownOrganisation or DatabaseBusy.
    """

    async def create() -> str:
        async with Database(app_url, connections=1) as database:
            tenant = await find_tenant(database, slug)
            owner_id = await owner_of(database, tenant) if tenant else None
            if tenant is None or owner_id is None:
                raise UnknownOrganisation(slug)
            return await people.create_sign_in_link(database, tenant, owner_id)

    return asyncio.run(create())


def create_person_link(app_url: str, person: str, *, slug: str = DEFAULT_SLUG) -> str:
    """The path of a link that signs in, once, the one person of this name or e-mail. Not for use inside an event loop.

    Raises UnknownOrganisation, people.UnknownPerson or DatabaseBusy.
    """

    async def create() -> str:
        async with Database(app_url, connections=1) as database:
            tenant = await find_tenant(database, slug)
            if tenant is None:
                raise UnknownOrganisation(slug)
            found = await people_called(database, tenant.tenant_id, person)
            if len(found) != 1:
                how_many = f"{len(found)} people are" if found else "nobody is"
                raise people.UnknownPerson(f"{how_many} called {person!r} in {tenant.name}; give the e-mail address")
            return await people.create_sign_in_link(database, tenant, found[0].person_id)

    return asyncio.run(create())
