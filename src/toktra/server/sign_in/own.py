"""One's own ways in and sessions: seeing, adding, removing them. All of it is about whoever is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from starlette.responses import JSONResponse, RedirectResponse, Response

from toktra.server.people import sessions
from toktra.server.people.candidates import candidate
from toktra.server.people.sessions import Method
from toktra.server.sign_in import by_password, by_recovery_code, passkeys
from toktra.server.sign_in.by_password import CodeNotRight, SetUp, SetUpExpired
from toktra.server.sign_in.door import as_json, credential_in, damaged, passkey_refused, unavailable
from toktra.server.sign_in.entering import vault_of
from toktra.server.sign_in.passkeys import PasskeyRefused, Place, TooManyPasskeys
from toktra.server.sign_in.passwords import LONGEST, SHORTEST, PasswordRefused
from toktra.server.sign_in.sso import accounts
from toktra.server.sign_in.sso import settings as sso_settings
from toktra.server.sign_in.ways import ways_of
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web import figures, notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.json_body import JsonNotUsable, read_json
from toktra.server.web.language import _
from toktra.server.web.page import Endpoint, Page, Visit

HERE: Final = "/me/sign-in"
METHOD_WORDS: Final = {
    Method.LINK: _("one-time link"),
    Method.PASSKEY: _("passkey"),
    Method.PASSWORD: _("password and code"),
    Method.RECOVERY_CODE: _("recovery code"),
    Method.WORK_ACCOUNT: _("work account"),
}
_SAID: Final = {
    "passkey-added": _("The passkey is added. From now on it signs you in."),
    "passkey-removed": _("The passkey is removed. Remove it from your device too. Your other sessions have ended."),
    "password-set": _("Password and app are set. Your other sessions have ended."),
    "password-removed": _("Password and app are removed. Your other sessions have ended."),
    "connected": _("Your work account is connected."),
    "disconnected": _("Your work account is disconnected. Your other sessions have ended."),
    "ended": _("That session has ended."),
    "others-ended": _("Your other sessions have ended."),
    "recovered": _("You are in. That recovery code is used up: set up a way in that lasts."),
}


def own_sign_in_pages() -> list[Page]:
    """The pages; whatever adds or takes away a way in asks first who it is."""
    return [
        Page(HERE, show, action=Action.CHANGE_OWN_SIGN_IN),
        _sensitive("/passkeys/options", passkey_options),
        _sensitive("/passkeys", add_passkey),
        _sensitive("/passkeys/{passkey_id}/remove", remove_passkey),
        Page(f"{HERE}/password", show_password, action=Action.CHANGE_OWN_SIGN_IN, needs_fresh=True),
        _sensitive("/password", set_password),
        _sensitive("/password/remove", remove_password),
        _sensitive("/recovery-codes", make_recovery_codes),
        _sensitive("/work-account/disconnect", disconnect),
        Page(f"{HERE}/sessions/end-others", end_others, action=Action.CHANGE_OWN_SIGN_IN, methods=("POST",)),
        Page(f"{HERE}/sessions/{{session_id}}/end", end_session, action=Action.CHANGE_OWN_SIGN_IN, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as the page shows it."""

    session_id: UUID
    method: str
    started: str
    seen: str
    is_this: bool


async def show(visit: Visit) -> Response:
    """Every way in and every session of the reader."""
    return await _show(visit)


async def passkey_options(visit: Visit) -> Response:
    """What the browser needs to make a passkey."""
    place = Place.of(visit.request)
    if place is None:
        return notices.not_found()
    try:
        return as_json(await passkeys.add_options(visit.database, visit.reader, place))
    except TooManyPasskeys:
        words = _("You have %(n)s passkeys, and more cannot be kept. Remove one first.") % {"n": passkeys.MOST}
        return JSONResponse({"error": words}, 422)


async def add_passkey(visit: Visit) -> Response:
    """Keeps the passkey the browser has made."""
    place = Place.of(visit.request)
    if place is None:
        return notices.not_found()
    try:
        sent = await read_json(visit.request)
        await passkeys.add(visit.database, visit.reader, place, credential_in(sent), str(sent.get("name", "")))
    except (JsonNotUsable, PasskeyRefused) as refusal:
        return passkey_refused(refusal)
    return JSONResponse({"to": f"{HERE}?said=passkey-added"})


async def remove_passkey(visit: Visit) -> Response:
    """Forgets a passkey."""
    if (passkey_id := _id(visit, "passkey_id")) is None:
        return notices.not_found()
    await passkeys.remove(visit.database, visit.reader, passkey_id)
    return _back("passkey-removed")


async def show_password(visit: Visit) -> Response:
    """The form for a password and an authenticator app, with a new secret for the app."""
    try:
        set_up = await by_password.begin_set_up(visit.database, visit.reader, vault_of(visit.request))
    except SecretKeyNotUsable as fault:
        return unavailable(fault)
    return await _show_password(visit, set_up, {})


async def set_password(visit: Visit) -> Response:
    """Sets both, or says which field is why not and shows the same picture again."""
    try:
        fields = await read_form(visit.request)
        vault = vault_of(visit.request)
    except FormNotUsable:
        return damaged(f"{HERE}/password")
    except SecretKeyNotUsable as fault:
        return unavailable(fault)
    attempt, errors = fields.get("attempt", ""), {}
    try:
        await by_password.finish_set_up(
            visit.database,
            visit.reader,
            vault,
            attempt,
            password=fields.get("password", ""),
            code=fields.get("code", ""),
        )
    except PasswordRefused as refusal:
        errors["password"] = str(refusal)
    except CodeNotRight:
        errors["code"] = _("Code: this is not what the app shows now. Check that the device’s clock is right.")
    except (SetUpExpired, SealBroken):
        return _expired()
    if not errors:
        return _back("password-set")
    try:
        set_up = await by_password.resume_set_up(visit.database, visit.reader, vault, attempt)
    except (SetUpExpired, SealBroken):
        return _expired()
    return await _show_password(visit, set_up, errors)


async def remove_password(visit: Visit) -> Response:
    """Forgets password and app."""
    await by_password.remove(visit.database, visit.reader)
    return _back("password-removed")


async def make_recovery_codes(visit: Visit) -> Response:
    """Ten new codes, shown this once."""
    codes = await by_recovery_code.make(visit.database, visit.reader)
    return visit.show("sign_in/recovery_codes.html", here=HERE, codes=codes)


async def disconnect(visit: Visit) -> Response:
    """Forgets who the reader is at the organisation's sign-in."""
    await accounts.disconnect(visit.database, visit.reader)
    return _back("disconnected")


async def end_session(visit: Visit) -> Response:
    """Ends one of the reader's sessions."""
    if (session_id := _id(visit, "session_id")) is None:
        return notices.not_found()
    await sessions.end_own(visit.database, visit.reader, session_id)
    return _back("ended")


async def end_others(visit: Visit) -> Response:
    """Ends every session of the reader but this one."""
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        await sessions.end_others(connection, visit.reader)
    return _back("others-ended")


async def _show(visit: Visit) -> Response:
    reader = visit.reader
    async with visit.database.tenant(reader.tenant.tenant_id) as connection:
        ways = await ways_of(connection, reader.tenant.tenant_id, reader.person_id)
        person = await candidate(connection, reader.tenant.tenant_id, reader.person_id)
    lines = [
        SessionLine(
            one.session_id,
            METHOD_WORDS[one.method],
            figures.moment(one.started_at),
            figures.moment(one.seen_at),
            one.session_id == reader.session_id,
        )
        for one in await sessions.own_sessions(visit.database, reader)
    ]
    return visit.show(
        "sign_in/own.html",
        here=HERE,
        ways=ways,
        has_email=bool(person and person.email),
        has_sso=await sso_settings.is_set_up(visit.database, reader.tenant),
        sessions=lines,
        place=Place.of(visit.request),
        said=_SAID.get(visit.request.query_params.get("said", "")),
        today=datetime.now(UTC).date(),
        longest_name=passkeys.LONGEST_NAME,
    )


async def _show_password(visit: Visit, set_up: SetUp, errors: dict[str, str]) -> Response:
    reader = visit.reader
    async with visit.database.tenant(reader.tenant.tenant_id) as connection:
        person = await candidate(connection, reader.tenant.tenant_id, reader.person_id)
    return visit.show(
        "sign_in/password.html",
        status=422 if errors else 200,
        here=HERE,
        set_up=set_up,
        errors=errors,
        email=person.email if person else None,
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _sensitive(path: str, endpoint: Endpoint) -> Page:
    return Page(
        HERE + path,
        endpoint,
        action=Action.CHANGE_OWN_SIGN_IN,
        methods=("POST",),
        needs_fresh=True,
    )


def _back(said: str) -> Response:
    return RedirectResponse(f"{HERE}?said={said}", 303)


def _id(visit: Visit, name: str) -> UUID | None:
    try:
        return UUID(visit.request.path_params[name])
    except ValueError:
        return None


def _expired() -> Response:
    return notices.bad_request(
        _("This took too long"),
        _("Nothing was changed. Begin again: the app needs a new picture, so delete its old entry."),
        f"{HERE}/password",
        _("Begin again"),
    )
