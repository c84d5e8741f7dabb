"""Writes to people about the notice that holds: when it is new to them, and again while they have not confirmed it.

Reminders go only where confirming decides whether anything is recorded of somebody: elsewhere one letter is enough.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from toktra.server.jobs import Work, periodic_job
from toktra.server.mail.letter import Letter, Link
from toktra.server.mail.service import post
from toktra.server.notices import service
from toktra.server.notices.service import Notice, Precedes
from toktra.server.web import figures
from toktra.server.web.language import _, speaking

AFTER_DAYS: Final = (0, 3, 10, 24)
"""The letter, and three reminders. Then nobody is written to any more about this version."""
_LATEST: Final = timedelta(days=28)
"""Shorter than it is remembered that a letter was written, so that none is written twice."""
MOST_AT_ONCE: Final = 20_000


@periodic_job("notices:tell", cron="20 7 * * *")
async def tell(work: Work) -> None:
    """One letter a person and step at most, in the language of the notice."""
    async with work.transaction() as connection:
        notice = await service.newest(connection, work.tenant_id)
        if notice is None:
            return
        first = await service.required(connection, work.tenant_id)
        people = await service.unconfirmed(connection, work.tenant_id, notice.version, most=MOST_AT_ONCE)
    now = datetime.now(UTC)
    with speaking(notice.language.value):
        for person in people:
            step = _step(now - person.since, first)
            if step is None:
                continue
            async with work.transaction() as connection:
                await post(
                    connection,
                    work.tenant_id,
                    _letter(notice, first, is_reminder=step > 0),
                    person_id=person.person_id,
                    once=f"notice-{notice.version}-{person.person_id}-{step}",
                )


def _step(age: timedelta, first: Precedes) -> int | None:
    """Which letter is due, so long after the notice was new to somebody; None for none any more."""
    if not timedelta(0) <= age < _LATEST:
        return None
    if first is not Precedes.ACKNOWLEDGEMENT:
        return 0 if age < timedelta(days=AFTER_DAYS[1]) else None
    return sum(age >= timedelta(days=days) for days in AFTER_DAYS) - 1


def _letter(notice: Notice, first: Precedes, *, is_reminder: bool) -> Letter:
    what: list[Any] = [
        _("There is a notice for you, of %(day)s: what is recorded about the use of AI services, why, and your rights.")
        % {"day": figures.one_day(notice.published_at.date())}
    ]
    if first is Precedes.ACKNOWLEDGEMENT:
        what.append(_("Nothing is recorded of you until you have read and confirmed it. To confirm is not to agree."))
    else:
        what.append(_("Read it, and confirm that you were given it. To confirm is not to agree."))
    return Letter(
        subject=_("Reminder: a notice waits for you") if is_reminder else _("A notice about AI services at work"),
        paragraphs=what,
        link=Link(_("The notice"), "/me/notices"),
        closing=_("You get this because the notice is addressed to you. It is the last reminder after four weeks."),
    )
