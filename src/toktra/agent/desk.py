"""Who answers what is asked at the control socket: the gate what is about Privacy Hours, the record what has left.

What is about Token Perks goes to their own desk, what a browser tells to the source that the gate stands before, and
who says that an account is theirs is sent on to the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from toktra.agent.browser.source import WithBrowsers
from toktra.agent.claims import Claims
from toktra.agent.control import Asked, ControlSocket
from toktra.agent.control_messages import Answer, Browsed, Claim, HoursRequest, Log, Noted, OwnToday, Refused, Today
from toktra.agent.errors import AgentError
from toktra.agent.identity import Identity
from toktra.agent.own_record import OwnRecord
from toktra.agent.perks.desk import PerksDesk
from toktra.agent.perks.messages import PerksRequest
from toktra.agent.uplink import Uplink


@dataclass(frozen=True, slots=True)
class AskedHours:
    """A request about Privacy Hours, which the gate is to answer."""

    request: HoursRequest
    _asked: Asked

    @property
    def uid(self) -> int:
        """Who asks; the kernel says so."""
        return self._asked.uid

    def answer(self, answer: Answer) -> None:
        """To be called once."""
        self._asked.answer(answer)


class Desk:
    """Stands before the control socket, answers what is about an account's own record and hands on the rest."""

    def __init__(
        self,
        control: ControlSocket,
        record: OwnRecord,
        browsers: WithBrowsers,
        perks: PerksDesk,
        claims: Claims,
        *,
        identity: Identity,
        server: str,
        uplink: Uplink,
    ) -> None:
        self._control = control
        self._record = record
        self._browsers = browsers
        self._perks = perks
        self._claims = claims
        self._identity = identity
        self._server = server
        self._uplink = uplink

    @property
    def descriptor(self) -> int:
        """Readable while something waits to be answered."""
        return self._control.descriptor

    def waiting(self) -> list[AskedHours]:
        """What was asked about Privacy Hours since the last call; each has to be answered."""
        hours = []
        for asked in self._control.waiting():
            request = asked.request
            if isinstance(request, Today | Log):
                asked.answer(self._answer(asked.uid, request))
            elif isinstance(request, Browsed):
                self._browsers.take(asked.uid, request.uses)
                asked.answer(Noted())
            elif isinstance(request, Claim):
                self._claims.take(asked.uid, asked.answer)
            elif isinstance(request, PerksRequest):
                self._perks.take(asked.uid, request, asked.answer)
            else:
                hours.append(AskedHours(request, asked))
        return hours

    def _answer(self, uid: int, request: Today | Log) -> Answer:
        try:
            return self._today(uid, request) if isinstance(request, Today) else self._record.left(uid, request)
        except AgentError as error:
            return Refused(because=str(error))

    def _today(self, uid: int, request: Today) -> OwnToday:
        figures, condition = self._record.today(uid, request.since), self._uplink.condition
        return OwnToday(
            tenant=self._identity.tenant,
            server=self._server,
            device=self._identity.device,
            link=condition.link.value,
            link_because=condition.because,
            exchanges=figures.exchanges,
            tokens=figures.tokens,
            request_bytes=figures.request_bytes,
            response_bytes=figures.response_bytes,
            waiting=figures.waiting,
        )
