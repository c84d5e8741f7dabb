"""Letters about requests. None says what was asked in words of the person's, and none holds data: the page does."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from toktra.server.database.pool import Connection
from toktra.server.mail.letter import Fact, Letter, Link
from toktra.server.mail.service import post
from toktra.server.rights.kinds import Step
from toktra.server.rights.mailed.links import SHOWS_FOR, NewLink, add_link
from toktra.server.rights.presentation import KIND_WORDS, law, time_left
from toktra.server.rights.requests import Request
from toktra.server.tenants.language import language_of
from toktra.server.tenants.service import slug_of
from toktra.server.web import figures
from toktra.server.web.language import _, speaking

TOLD: Final = frozenset({Step.RECEIVED, Step.IDENTIFIED, Step.PREPARED, Step.EXTENDED, Step.GRANTED, Step.REFUSED})
"""What a person gets a letter about."""


def to_person(request: Request, step: Step, path: str) -> Letter:
    """What happened to someone's request; `step` is one of TOLD, and `path` where they see it."""
    sentences = {
        Step.RECEIVED: _("We have your request, and you get an answer by the day below at the latest."),
        Step.IDENTIFIED: _("We know now whose data your request is about. Your page says how it goes on."),
        Step.PREPARED: _("Your copy is ready. It is sealed, and only you can open it; it is deleted after 14 days."),
        Step.EXTENDED: _("More time is needed for your request. Your page says why."),
        Step.GRANTED: _("Your request is granted."),
        Step.REFUSED: _("Your request is refused. Your page says on which grounds, and where you can complain."),
    }
    return Letter(
        subject=_("Your request %(title)s") % {"title": request.title},
        paragraphs=[sentences[step]],
        facts=_facts(request),
        link=Link(_("Your request"), path),
        closing=_("You get this because you asked for something under the law, or someone recorded that you did."),
    )


async def tell_person(
    connection: Connection, tenant_id: UUID, request: Request, step: Step, *, language: str | None = None
) -> None:
    """Has the letter sent with the caller's transaction; none for steps that are not told.

    In the organisation's language unless the person's own is known, and never in that of whoever decided. Who asked by
    mail is written to at the address they asked from, with a link of its own.
    """
    if step not in TOLD:
        return
    with speaking(language or await language_of(connection, tenant_id)):
        if request.asked_from is None:
            letter = to_person(request, step, f"/me/rights/{request.request_id}")
            await post(connection, tenant_id, letter, person_id=request.person_id)
            return
        slug = await slug_of(connection, tenant_id)
        link = NewLink(
            address=request.asked_from, kind=request.kind, request_id=request.request_id, valid_for=SHOWS_FOR
        )
        token = await add_link(connection, tenant_id, slug, link)
        await post(connection, tenant_id, to_person(request, step, f"/ask/{token}"), address=request.asked_from)


def to_officer(request: Request, days_left: int) -> Letter:
    """A request that waits for a decision, or whose day has come."""
    if days_left < 0:
        opening = _("A request is overdue. Tell its person today, and say why: the delay itself has to be explained.")
    else:
        opening = _("A request waits for you.")
    return Letter(
        subject=_("%(title)s: %(left)s") % {"title": request.title, "left": _left(request, days_left)},
        paragraphs=[opening],
        facts=_facts(request),
        link=Link(_("Open the request"), f"/rights/{request.request_id}"),
        closing=_("You get this because you answer rights requests."),
    )


def delayed(request: Request) -> Letter:
    """A request that the server could not carry out."""
    return Letter(
        subject=_("%(title)s is delayed") % {"title": request.title},
        paragraphs=[
            _(
                "The server could not carry out a request and goes on trying. Nothing is half done. Ask who runs the "
                "server whether its disk is full and its database is well; the day below does not move."
            )
        ],
        facts=_facts(request),
        link=Link(_("Open the request"), f"/rights/{request.request_id}"),
        closing=_("You get this because you answer rights requests."),
    )


def _facts(request: Request) -> list[Fact]:
    return [
        Fact(str(_("Request")), f"{request.title}, {KIND_WORDS[request.kind]}, {law(request)}"),
        Fact(str(_("Received")), figures.one_day(request.received_on)),
        Fact(str(_("Due")), figures.one_day(request.due_on)),
    ]


def _left(request: Request, days_left: int) -> str:
    return time_left(request, request.due_on - timedelta(days=days_left)).words
