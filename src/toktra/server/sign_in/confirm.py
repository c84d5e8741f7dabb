"""The page that asks again who someone is, before something sensitive, and leads back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from starlette.responses import JSONResponse, RedirectResponse, Response

from toktra.server.people.candidates import candidate
from toktra.server.people.failures import note_failure
from toktra.server.people.sessions import Method
from toktra.server.sign_in import by_password, entering, passkeys
from toktra.server.sign_in.door import as_json, credential_in, damaged, passkey_refused, too_fast, unavailable
from toktra.server.sign_in.passkeys import PasskeyCopied, PasskeyRefused, Place
from toktra.server.sign_in.tries import Tries
from toktra.server.sign_in.ways import ways_of
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.fresh import CONFIRM_PATH
from toktra.server.web.json_body import JsonNotUsable, read_json
from toktra.server.web.language import _
from toktra.server.web.local_paths import local_path
from toktra.server.web.page import Page, Visit

_log = structlog.get_logger()
_ACTION: Final = Action.CONFIRM_IDENTITY


@dataclass(frozen=True, slots=True)
class Confirming:
    """The page and its ways."""

    tries: Tries

    def pages(self) -> list[Page]:
        return [
            Page(CONFIRM_PATH, self.show, action=_ACTION),
            Page("/confirm/password", self.password, action=_ACTION, methods=("POST",)),
            Page("/confirm/passkey/options", self.passkey_options, action=_ACTION, methods=("POST",)),
            Page("/confirm/passkey", self.passkey, action=_ACTION, methods=("POST",)),
        ]

    async def show(self, visit: Visit) -> Response:
        """The ways this reader has. Whoever has none needs a new link, and is told how to get it."""
        return await self._show(visit, local_path(visit.request.query_params.get("next"), visit.home))

    async def password(self, visit: Visit) -> Response:
        """Password and code; whose they must be, the session says."""
        reader = visit.reader
        try:
            fields = await read_form(visit.request)
            vault = entering.vault_of(visit.request)
        except FormNotUsable:
            return damaged(CONFIRM_PATH)
        except SecretKeyNotUsable as fault:
            return unavailable(fault)
        begun = self.tries.begin(visit.request, f"session {reader.session_id}")
        if isinstance(begun, int):
            return notices.slow_down(begun)
        to = local_path(fields.get("next"), visit.home)
        async with visit.database.tenant(reader.tenant.tenant_id) as connection:
            person = await candidate(connection, reader.tenant.tenant_id, reader.person_id)
        try:
            await by_password.check(
                visit.database,
                reader.tenant,
                vault,
                email=(person.email if person else None) or "",
                password=fields.get("password", ""),
                code=fields.get("code", ""),
            )
        except by_password.NotRight:
            await note_failure(visit.database, reader.tenant.tenant_id, Method.PASSWORD, reader.person_id)
            wrong = _("Password and code do not belong together. Each code works once.")
            return await self._show(visit, to, fault=wrong)
        except SealBroken as fault:
            _log.error("an authenticator app's secret cannot be opened", fault=str(fault))
            return unavailable(fault)
        begun.succeeded()
        return await entering.confirm(visit, Method.PASSWORD, RedirectResponse(to, 303))

    async def passkey_options(self, visit: Visit) -> Response:
        """A challenge for the reader's own passkeys."""
        place = Place.of(visit.request)
        if place is None:
            return notices.not_found()
        if wait_s := self.tries.may_begin(visit.request):
            return too_fast(wait_s)
        return as_json(await passkeys.confirm_options(visit.database, visit.reader, place))

    async def passkey(self, visit: Visit) -> Response:
        """A passkey's answer confirms."""
        place = Place.of(visit.request)
        if place is None:
            return notices.not_found()
        try:
            sent = await read_json(visit.request)
            await passkeys.confirm(visit.database, visit.reader, place, credential_in(sent))
        except (JsonNotUsable, PasskeyCopied) as refusal:  # a copy has an entry of its own
            return passkey_refused(refusal)
        except PasskeyRefused as refusal:
            await note_failure(visit.database, visit.reader.tenant.tenant_id, Method.PASSKEY, visit.reader.person_id)
            return passkey_refused(refusal)
        to = local_path(str(sent.get("next", "")), visit.home)
        return await entering.confirm(visit, Method.PASSKEY, JSONResponse({"to": to}))

    async def _show(self, visit: Visit, to: str, *, fault: str = "") -> Response:
        reader = visit.reader
        async with visit.database.tenant(reader.tenant.tenant_id) as connection:
            ways = await ways_of(connection, reader.tenant.tenant_id, reader.person_id)
        return visit.show(
            "sign_in/confirm.html",
            status=422 if fault else 200,
            next=to,
            undone=bool(visit.request.query_params.get("undone")),
            fault=fault,
            ways=ways,
            place=Place.of(visit.request),
            command=notices.NEW_LINK_COMMAND,
        )
