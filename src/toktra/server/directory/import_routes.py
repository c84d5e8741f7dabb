"""Importing people: choose a file, see what would happen to each row, then apply exactly that."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.directory import importing
from toktra.server.directory.columns import COLUMN_WORDS, ColumnsNotUsable
from toktra.server.directory.csv_reading import MOST_BYTES, FileRefused
from toktra.server.directory.details import FIELD_WORDS
from toktra.server.directory.importing import PlanChanged, Shown, UnknownImport
from toktra.server.directory.planning import Fate
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.fresh import require_fresh_sign_in
from toktra.server.web.language import _
from toktra.server.web.listing import PAGE_ROWS, Listing, UnknownChoice
from toktra.server.web.page import Page, Visit
from toktra.server.web.uploads import UploadRefused, read_upload

FATE_WORDS = {
    Fate.NEW: _("New"),
    Fate.CHANGED: _("Changed"),
    Fate.UNCHANGED: _("Unchanged"),
    Fate.REFUSED: _("Refused"),
}
_FATES = ("all", *(fate.value for fate in Fate))


def import_pages() -> list[Page]:
    """The pages of an import."""
    action = Action.CHANGE_PEOPLE
    return [
        Page("/people/import", choose_file, action=action),
        Page("/people/import", take_file, action=action, methods=("POST",)),
        Page("/people/import/{import_id}", plan, action=action),
        Page("/people/import/{import_id}/columns", choose_columns, action=action, methods=("POST",)),
        Page("/people/import/{import_id}/apply", apply, action=action, methods=("POST",)),
        Page("/people/import/{import_id}/discard", discard, action=action, methods=("POST",)),
    ]


async def choose_file(visit: Visit) -> Response:
    """Which file, and what it should look like."""
    return _show_choice(visit)


async def take_file(visit: Visit) -> Response:
    """Keeps the file and leads to its plan, or says why it cannot be read."""
    try:
        upload = await read_upload(visit.request, "file", limit_bytes=MOST_BYTES)
        import_id = await importing.keep(visit.database, visit.reader, upload.name, upload.content)
    except UploadRefused as refusal:
        return _show_choice(visit, refusal.reason, refusal.status)
    except FileRefused as refusal:
        return _show_choice(visit, str(refusal), 422)
    return RedirectResponse(f"/people/import/{import_id}", 303)


async def plan(visit: Visit) -> Response:
    """What would happen to each row."""
    return await _show_plan(visit)


async def choose_columns(visit: Visit) -> Response:
    """Another choice of what each column says."""
    try:
        import_id = _import_id(visit)
        fields = await read_form(visit.request)
        await importing.choose_columns(visit.database, visit.reader, import_id, fields)
    except UnknownImport:
        return _gone()
    except (FormNotUsable, ColumnsNotUsable):
        return await _show_plan(visit, fault=_("Choose each column from the list. Nothing was changed."), status=422)
    return RedirectResponse(f"/people/import/{import_id}", 303)


async def apply(visit: Visit) -> Response:
    """Writes what was shown, if it is still what would happen. Where it could change roles, it asks first who it is."""
    if visit.may(Action.CHANGE_ROLES) and (way := require_fresh_sign_in(visit)):
        return way
    try:
        import_id = _import_id(visit)
        fields = await read_form(visit.request)
        applied = await importing.apply(visit.database, visit.reader, import_id, fields.get("plan", ""))
    except UnknownImport:
        return _gone()
    except (FormNotUsable, PlanChanged):
        fault = _("The directory has changed since you looked. Nothing was written. Look again: this would happen now.")
        return await _show_plan(visit, fault=fault, status=409)
    return visit.show("directory/import_applied.html", here="/people", applied=applied)


async def discard(visit: Visit) -> Response:
    """Forgets the file."""
    try:
        await importing.discard(visit.database, visit.reader, _import_id(visit))
    except UnknownImport:
        return _gone()
    return RedirectResponse("/people", 303)


async def _show_plan(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    try:
        shown = await importing.look(visit.database, visit.reader, _import_id(visit))
        listing = Listing.read(
            f"/people/import/{shown.import_id}",
            visit.request.query_params if visit.request.method == "GET" else {},
            sorts=("line",),
            choices={"fate": _FATES},
        )
    except UnknownImport:
        return _gone()
    except UnknownChoice:
        return notices.not_found()
    chosen = listing.chosen["fate"]
    rows = [row for row in shown.plan.rows if chosen in {"all", row.fate}] if shown.plan else []
    if listing.skip >= len(rows):
        listing = listing.at(1)
    return visit.show(
        "directory/import_plan.html",
        status=422 if shown.fault and status == 200 else status,
        here="/people",
        shown=shown,
        plan=shown.plan,
        fault=fault or shown.fault,
        listing=listing,
        rows=rows[listing.skip : listing.skip + PAGE_ROWS],
        total=len(rows),
        fates=_fates(shown, listing),
        fate_words=FATE_WORDS,
        field_words=FIELD_WORDS,
        columns=COLUMN_WORDS,
        headings=list(enumerate(shown.table.header)),
    )


def _fates(shown: Shown, listing: Listing) -> list[dict[str, object]]:
    """The choice of rows by fate, each with how many there are."""
    if shown.plan is None:
        return []
    counts = shown.plan.counts
    every = [("all", _("All rows"), len(shown.plan.rows))]
    every += [(fate.value, FATE_WORDS[fate], counts[fate]) for fate in Fate]
    return [
        {
            "href": f"{listing.path}?fate={value}" if value != "all" else listing.path,
            "words": words,
            "count": count,
            "is_current": value == listing.chosen["fate"],
        }
        for value, words, count in every
    ]


def _show_choice(visit: Visit, fault: str = "", status: int = 200) -> Response:
    errors = {"file": fault} if fault else {}
    return visit.show("directory/import_file.html", status=status, here="/people", errors=errors, columns=COLUMN_WORDS)


def _import_id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.path_params["import_id"])
    except ValueError:
        raise UnknownImport from None


def _gone() -> Response:
    return notices.bad_request(
        _("This import is over"),
        _("It was applied or discarded, or is more than an hour old. Files are kept no longer than that."),
        "/people/import",
        _("Choose a file"),
    )
