"""The page about the organisation's own directory: its tokens, and what its groups mean here."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.directory.details import ROLE_WORDS
from toktra.server.scim.meanings import DEPARTMENT, MEANINGS, NOTHING, PRECEDENCE, Meanings, UnknownGroup
from toktra.server.scim.served import PREFIX
from toktra.server.scim.tokens import LIFETIME, UnknownToken, create_token, end_token, tokens
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

HERE: Final = "/people/sync"
_LONGEST_NAME: Final = 100
_MEANING_WORDS: Final = {
    NOTHING: _("Nothing"),
    DEPARTMENT: _("The department of its members"),
    **{role.value: ROLE_WORDS[role] for role in PRECEDENCE},
}
_SAID: Final = {
    "ended": _("The token has ended. Requests that bring it are refused."),
    "meant": _("Saved. The group’s members were changed with it."),
}


def sync_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page(HERE, show, action=Action.MANAGE_DIRECTORY_SYNC),
        Page(f"{HERE}/tokens", make, action=Action.MANAGE_DIRECTORY_SYNC, methods=("POST",), needs_fresh=True),
        Page(f"{HERE}/tokens/{{token_id}}/end", end, action=Action.MANAGE_DIRECTORY_SYNC, methods=("POST",)),
        Page(
            f"{HERE}/groups/{{group_id}}",
            mean,
            action=Action.MANAGE_DIRECTORY_SYNC,
            methods=("POST",),
            needs_fresh=True,
        ),
    ]


async def show(visit: Visit) -> Response:
    """Tokens that work, and groups."""
    return await _show(visit)


async def make(visit: Visit) -> Response:
    """A token, shown once."""
    fields = await _fields(visit)
    if fields is None:
        return _no_form()
    name = " ".join(fields.get("name", "").split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        error = _("Name: give 1 to %(n)s characters that can be printed.") % {"n": _LONGEST_NAME}
        return await _show(visit, typed=name[:_LONGEST_NAME], errors={"name": error})
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        token = await create_token(connection, visit.reader.tenant, name, visit.reader.actor)
    return await _show(visit, made=str(token))


async def end(visit: Visit) -> Response:
    """Ends one."""
    tenant_id = visit.reader.tenant.tenant_id
    try:
        async with visit.database.tenant(tenant_id) as connection:
            await end_token(connection, tenant_id, UUID(visit.request.path_params["token_id"]), visit.reader.actor)
    except (ValueError, UnknownToken):
        return notices.not_found()
    return RedirectResponse(f"{HERE}?said=ended", 303)


async def mean(visit: Visit) -> Response:
    """Says what a group means. Only an owner says that it gives a role, or no longer gives one."""
    fields = await _fields(visit)
    if fields is None:
        return _no_form()
    tenant_id = visit.reader.tenant.tenant_id
    means = fields.get("means", "")
    if means not in MEANINGS:
        return await _show(visit, errors={"means": _("Meaning: choose one of those shown.")})
    try:
        group_id = UUID(visit.request.path_params["group_id"])
        async with visit.database.tenant(tenant_id) as connection:
            groups = Meanings(connection, tenant_id, visit.reader.actor)
            former = next((group.means for group in await groups.listed() if group.group_id == group_id), NOTHING)
            gives_roles = {former, means} - {NOTHING, DEPARTMENT} and former != means
            if not gives_roles or visit.may(Action.CHANGE_ROLES):
                await groups.give(group_id, means)
                return RedirectResponse(f"{HERE}?said=meant", 303)
    except (ValueError, UnknownGroup):
        return notices.not_found()
    return await _show(visit, errors={"means": _("Meaning: only an owner says which role a group gives.")})


async def _show(
    visit: Visit, *, made: str | None = None, typed: str = "", errors: dict[str, str] | None = None
) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        listed = await tokens(connection, tenant_id)
        groups = await Meanings(connection, tenant_id, visit.reader.actor).listed()
    return visit.show(
        "scim/sync.html",
        status=400 if errors else 200,
        here="/people",
        address=str(visit.request.base_url).rstrip("/") + PREFIX,
        tokens=listed,
        groups=groups,
        meanings=list(_MEANING_WORDS.items()),
        may_give_roles=visit.may(Action.CHANGE_ROLES),
        days=LIFETIME.days,
        made=made,
        typed=typed,
        errors=errors or {},
        said=_SAID.get(visit.request.query_params.get("said", "")) if visit.request.method == "GET" else None,
    )


async def _fields(visit: Visit) -> dict[str, str] | None:
    try:
        return await read_form(visit.request)
    except FormNotUsable:
        return None


def _no_form() -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), HERE, _("Back to the form")
    )
