"""A letter with a link that signs somebody in once: for people who have no way in yet.

Only to the address in the directory, only to who has none, and to those with more than an employee's rights only by who
gives such rights: who may change an address could otherwise have a link for somebody else sent to themself.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from toktra.server.database.pool import Database
from toktra.server.mail.letter import Letter, Link
from toktra.server.mail.service import post
from toktra.server.people.candidates import candidate
from toktra.server.people.service import add_sign_in_link
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in.ways import ways_of
from toktra.server.web.access import Action, Role, may
from toktra.server.web.language import _

VALID_FOR: Final = timedelta(days=3)
"""Longer than a link that is handed over: people read their mail when they read it."""


class NotInvited(ValueError):
    """No letter was written. The text says why and what to do."""


async def invite(database: Database, reader: SignedIn, person_id: UUID) -> None:
    """Has the letter sent, with an entry in the trail that its person is shown too. Raises NotInvited."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        person = await candidate(connection, tenant_id, person_id)
        if person is None or not person.is_active:
            raise NotInvited(_("Nobody here has this entry any more."))
        if person.email is None:
            raise NotInvited(_("There is no e-mail address to send it to. Give one first."))
        if person.role is not Role.EMPLOYEE and not may(reader.role, Action.CHANGE_ROLES):
            raise NotInvited(_("Only an owner sends a link to those with more than an employee’s rights."))
        ways = await ways_of(connection, tenant_id, person_id)
        if ways.can_confirm or ways.recovery_codes_left:
            raise NotInvited(
                _("They have a way to sign in. When all of it is lost: %(command)s")
                % {"command": "toktra server sign-in-link"}
            )
        path = await add_sign_in_link(connection, reader.tenant, person_id, valid_for=VALID_FOR, by=reader.actor)
        once = f"invitation-{person_id}-{datetime.now(UTC).date().isoformat()}"
        if not await post(connection, tenant_id, _letter(reader, path), person_id=person_id, once=once):
            raise NotInvited(_("A link was sent to them today already. It works for three days."))


def _letter(reader: SignedIn, path: str) -> Letter:
    return Letter(
        subject=_("Your page at %(organisation)s") % {"organisation": reader.tenant.name},
        paragraphs=[
            _(
                "%(organisation)s uses Toktra to see which AI services are used and what they cost, never what was "
                "said. You have a page there with everything that is kept about you."
            )
            % {"organisation": reader.tenant.name},
            _(
                "The link below signs you in once, within three days. Then set up a way of your own to sign in. Do not "
                "pass the link on: whoever opens it is taken for you."
            ),
        ],
        link=Link(_("Sign in"), path),
        closing=_("You get this because %(name)s sent you a link. It stands on your page under “Who looked”.")
        % {"name": reader.display_name},
    )
