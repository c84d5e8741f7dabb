"""Notices for those who publish them, and confirming one on one's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from toktra.compliance.library import Jurisdiction, Language
from toktra.compliance.rendering import as_html_part
from toktra.compliance.variables import InvalidVariable
from toktra.server.notices import service
from toktra.server.notices.service import TYPED, NotReady, Precedes
from toktra.server.tenants.language import NotOffered, language_of, write_in
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import OFFERED, _
from toktra.server.web.page import Page, Visit

JURISDICTION_WORDS: Final = {
    Jurisdiction.EU_GDPR: _("European Union (GDPR)"),
    Jurisdiction.GERMANY: _("Germany"),
    Jurisdiction.UK_GDPR: _("United Kingdom"),
    Jurisdiction.CALIFORNIA: _("California"),
    Jurisdiction.NEW_YORK: _("New York"),
    Jurisdiction.US: _("United States, other states"),
}
LANGUAGE_WORDS: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}
PRECEDES_WORDS: Final = {
    Precedes.NOTHING: _("Record at once (for a single machine that one looks at oneself)"),
    Precedes.PUBLICATION: _("Record only what happens after a notice was published"),
    Precedes.ACKNOWLEDGEMENT: _("Record of each person only what happens after they confirmed the notice"),
}
TYPED_WORDS: Final = {
    "address": _("Postal address"),
    "contact": _("Where people turn with questions and requests"),
    "officer": _("Data protection officer"),
    "authority": _("Supervisory authority"),
    "works_council": _("Works council, if there is one"),
    "operator": _("Who runs the server for you, if somebody does"),
    "effective_on": _("From when the notice holds"),
}


def notice_pages() -> list[Page]:
    """The pages of this room."""
    publish = Action.PUBLISH_NOTICES
    return [
        Page("/notices", overview, action=Action.READ_NOTICES),
        Page("/notices/about", say, action=publish, methods=("POST",)),
        Page("/notices/first", require, action=publish, methods=("POST",), needs_fresh=True),
        Page("/notices/language", choose_language, action=publish, methods=("POST",)),
        Page("/notices/preview", preview, action=Action.READ_NOTICES),
        Page("/notices/publish", publish_notice, action=publish, methods=("POST",), needs_fresh=True),
        Page("/notices/{version}", one_version, action=Action.READ_NOTICES),
        Page("/me/notices/{version}/confirm", confirm, action=Action.READ_OWN_PAGES, methods=("POST",)),
    ]


async def overview(visit: Visit) -> Response:
    """What is published, who confirmed it, and what a new one would say about the organisation."""
    return await _show(visit, {}, {})


async def say(visit: Visit) -> Response:
    """Keeps what the organisation says about itself."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form()
    try:
        await service.say(visit.database, visit.reader, {name: fields.get(name, "") for name in TYPED})
    except InvalidVariable as refusal:
        return await _show(visit, fields, {refusal.variable: str(refusal)})
    return RedirectResponse("/notices?said=kept", 303)


async def require(visit: Visit) -> Response:
    """Says what has to come before anything is recorded."""
    try:
        fields = await read_form(visit.request)
        await service.require(visit.database, visit.reader, Precedes(fields.get("first", "")))
    except FormNotUsable:
        return _no_form()
    except ValueError:
        return await _show(visit, {}, {"first": _("Choose one of the list.")})
    return RedirectResponse("/notices?said=kept", 303)


async def choose_language(visit: Visit) -> Response:
    """Says in which language letters are written."""
    try:
        fields = await read_form(visit.request)
        async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
            await write_in(
                connection, visit.reader.tenant.tenant_id, visit.reader.actor, fields.get("language_of_letters", "")
            )
    except FormNotUsable:
        return _no_form()
    except NotOffered:
        return await _show(visit, {}, {"language_of_letters": _("Choose one of the list.")})
    return RedirectResponse("/notices?said=kept", 303)


async def preview(visit: Visit) -> Response:
    """The notice as it would be published now."""
    chosen = _chosen(visit.request.query_params)
    if chosen is None:
        return notices.not_found()
    filled = await service.preview(visit.database, visit.reader.tenant.tenant_id, *chosen)
    return visit.show(
        "notices/preview.html",
        here="/notices",
        body=Markup(as_html_part(filled.markdown)),  # noqa: S704 - our own rendering, escaped there
        gaps=[TYPED_WORDS.get(name, name) for name in filled.gaps],
        jurisdiction=chosen[0],
        language_of=chosen[1],
        may_publish=visit.may(Action.PUBLISH_NOTICES),
    )


async def publish_notice(visit: Visit) -> Response:
    """Publishes it as it is."""
    try:
        chosen = _chosen(await read_form(visit.request))
        if chosen is None:
            return notices.not_found()
        await service.publish(visit.database, visit.reader, *chosen)
    except FormNotUsable:
        return _no_form()
    except NotReady as refusal:
        return await _show(visit, {}, {"publish": str(refusal)})
    return RedirectResponse("/notices?said=published", 303)


async def one_version(visit: Visit) -> Response:
    """A version, word for word."""
    text = visit.request.path_params["version"]
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    found = await service.published(visit.database, visit.reader.tenant.tenant_id, version)
    if found is None:
        return notices.not_found()
    body = Markup(as_html_part(found.markdown))  # noqa: S704 - our own rendering, escaped there
    return visit.show(
        "notices/version.html", here="/notices", notice=found, body=body, where=JURISDICTION_WORDS[found.jurisdiction]
    )


async def confirm(visit: Visit) -> Response:
    """The reader was given the notice."""
    text = visit.request.path_params["version"]
    if text.isascii() and text.isdigit() and len(text) < 7:
        await service.acknowledge(visit.database, visit.reader, int(text))
    return RedirectResponse("/me/notices", 303)


async def _show(visit: Visit, typed: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    said = await service.typed_of(visit.database, tenant_id)
    async with visit.database.tenant(tenant_id) as connection:
        versions = await service.versions(connection, tenant_id)
        first = await service.required(connection, tenant_id)
        letters = await language_of(connection, tenant_id)
        coverage = await service.coverage(connection, tenant_id, versions[0].version) if versions else None
    return visit.show(
        "notices/overview.html",
        status=422 if errors else 200,
        here="/notices",
        versions=[(one, JURISDICTION_WORDS[one.jurisdiction], LANGUAGE_WORDS[one.language]) for one in versions],
        coverage=coverage,
        first=first,
        precedes=[(one.value, word) for one, word in PRECEDES_WORDS.items()],
        fields=[(name, TYPED_WORDS[name], typed.get(name, said.get(name, ""))) for name in TYPED],
        jurisdictions=[(one.value, word) for one, word in JURISDICTION_WORDS.items()],
        languages=[(one.value, word) for one, word in LANGUAGE_WORDS.items()],
        letters=letters,
        offered=list(OFFERED.items()),
        errors=errors,
        said=visit.request.query_params.get("said", ""),
        may_publish=visit.may(Action.PUBLISH_NOTICES),
    )


def _chosen(fields: Mapping[str, str]) -> tuple[Jurisdiction, Language] | None:
    try:
        return Jurisdiction(fields.get("jurisdiction", "")), Language(fields.get("language", ""))
    except ValueError:
        return None


def _no_form() -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), "/notices", _("Notices")
    )
