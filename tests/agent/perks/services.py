"""The two sides a device talks to, in little and over real HTTP: the personal service, and the organisation's server.

The evaluation of tickets is the real one. What is kept in memory here is what the services would have in their
databases, so a test can look for what must not be there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.agent.perks.serving import served
from voprf import ristretto

from toktra.agent.perks.age import unseal
from toktra.agent.transport import Answer
from toktra.wire.events import encode
from toktra.wire.personal import (
    Allowance,
    AllowanceAsked,
    PersonalUse,
    RecordsPage,
    Resealed,
    StoredRecord,
    Ticket,
    TicketKeys,
    decode_upload,
    read_plain,
)

PROGRAMME = "11111111-2222-4333-8444-555555555555"
TIER = "standard"
SEED = b"\x07" * 32


@dataclass
class PersonalSide:
    """Mailboxes, records and spent tickets. `url` is where it listens."""

    url: str = ""
    today: Callable[[], date] = lambda: datetime.now(UTC).date()
    mailboxes: dict[str, dict[str, StoredRecord]] = field(default_factory=dict)
    """By digest of the secret, then by record."""
    days: list[date] = field(default_factory=list)
    """Of the uploads, as they came."""
    bodies: list[bytes] = field(default_factory=list)
    spent: set[bytes] = field(default_factory=set)
    redemptions: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and headers."""
    refuses: Callable[[Request], Response | None] = lambda _request: None
    _uploads: set[str] = field(default_factory=set)

    def evaluator(self, month: str, tier: str = TIER) -> ristretto.Evaluator:
        return ristretto.Evaluator.from_seed(SEED, f"{PROGRAMME}|{tier}|{month}".encode())

    def opened(self, secret: str, identity: str) -> list[PersonalUse]:
        """What the owner reads in their mailbox, oldest first."""
        records = [read_plain(unseal(one.sealed, identity)) for one in self.mailboxes.get(digest(secret), {}).values()]
        return sorted((use for one in records for use in one.uses), key=lambda use: (use.at, use.request_bytes))

    def app(self) -> Starlette:
        routes = [
            ("/v1/mailbox", self._open, "POST"),
            ("/v1/mailbox", self._delete, "DELETE"),
            ("/v1/mailbox/uploads", self._upload, "POST"),
            ("/v1/mailbox/records", self._records, "GET"),
            ("/v1/mailbox/records", self._replace, "PUT"),
            ("/v1/redemptions", self._redeem, "POST"),
            ("/v1/programmes/{programme}/keys/{month}", self._keys, "GET"),
        ]

        def noted(handle: Callable[[Request, bytes], Response]) -> Callable[[Request], object]:
            async def handled(request: Request) -> Response:
                self.requests.append((request.url.path, dict(request.headers)))
                body = await request.body()
                return self.refuses(request) or handle(request, body)

            return handled

        return Starlette(routes=[Route(path, noted(handle), methods=[method]) for path, handle, method in routes])

    def _open(self, request: Request, body: bytes) -> Response:
        mailbox = _mailbox(request)
        if mailbox in self.mailboxes:
            return Response(status_code=200)
        status = self._take(body)
        if status == 200:
            self.mailboxes[mailbox] = {}
            return Response(status_code=201)
        return Response(status_code=status)

    def _delete(self, request: Request, body: bytes) -> Response:
        self.mailboxes.pop(_mailbox(request), None)
        return Response(status_code=204)

    def _upload(self, request: Request, body: bytes) -> Response:
        mailbox, upload = self.mailboxes.get(_mailbox(request)), decode_upload(body)
        if mailbox is None:
            return Response(status_code=404)
        if not 0 <= (self.today() - upload.day).days < 90:
            return Response(b'{"detail":"The day cannot be right"}', 409)
        self.bodies.append(body)
        if upload.upload not in self._uploads:
            self._uploads.add(upload.upload)
            self.days.append(upload.day)
            record = str(uuid.uuid4())
            mailbox[record] = StoredRecord(record=record, day=upload.day, sealed=upload.sealed)
        return Response(status_code=200)

    def _records(self, request: Request, body: bytes) -> Response:
        mailbox = self.mailboxes.get(_mailbox(request))
        if mailbox is None:
            return Response(status_code=404)
        names = sorted(mailbox)
        first = names.index(request.query_params["after"]) + 1 if "after" in request.query_params else 0
        shown = names[first : first + 20]
        following = shown[-1] if first + 20 < len(names) else None
        return Response(encode(RecordsPage(records=tuple(mailbox[name] for name in shown), next=following)))

    def _replace(self, request: Request, body: bytes) -> Response:
        mailbox = self.mailboxes[_mailbox(request)]
        for one in msgspec.json.decode(body, type=list[Resealed]):
            mailbox[one.record] = msgspec.structs.replace(mailbox[one.record], sealed=one.sealed)
        return Response(status_code=200)

    def _redeem(self, request: Request, body: bytes) -> Response:
        status = self._take(body)
        self.redemptions += status == 200
        return Response(status_code=status)

    def _keys(self, request: Request, body: bytes) -> Response:
        month = request.path_params["month"]
        public_key = self.evaluator(month).public_key.serialize()
        return Response(encode(TicketKeys(month=month, keys={TIER: public_key})))

    def _take(self, body: bytes) -> int:
        ticket = msgspec.json.decode(body, type=Ticket)
        output = self.evaluator(ticket.month, ticket.tier).evaluate_known_input(ticket.nonce)
        if not hmac.compare_digest(bytes(output), ticket.output):
            return 403
        if ticket.nonce in self.spent:
            return 409
        self.spent.add(ticket.nonce)
        return 200


@dataclass
class Organisation:
    """Who is enrolled, and what was issued. `post` is the device's signed way to it."""

    personal: PersonalSide
    standing: str = "enrolled"
    month: str = "2027-01"
    tickets: int = 40
    tokens_per_ticket: int = 1000
    issued: int = 0
    evaluator: ristretto.Evaluator | None = None
    """Another than the personal service's: somebody who marks tickets."""
    asked: list[AllowanceAsked] = field(default_factory=list)
    unreachable: str = ""

    def post(self, path: str, body: bytes, answer_within_s: float) -> Answer:
        assert path == "/ingest/v1/perks"
        asked = msgspec.json.decode(body, type=AllowanceAsked)
        self.asked.append(asked)
        if self.unreachable:
            return Answer(status=503, body=msgspec.json.encode({"detail": self.unreachable}))
        if self.standing != "enrolled":
            return Answer(status=200, body=encode(Allowance(standing=self.standing)))  # type: ignore[arg-type]
        evaluated: tuple[bytes, ...] = ()
        if asked.blinded:
            evaluator = self.evaluator or self.personal.evaluator(self.month)
            blinded = [ristretto.BlindedInput.deserialize(one) for one in asked.blinded]
            evaluated = tuple(evaluator.evaluate(one).serialize() for one in blinded)
            self.issued += len(blinded)
        allowance = Allowance(
            standing="enrolled",
            service=self.personal.url,
            programme=PROGRAMME,
            tier=TIER,
            month=self.month,
            tokens_per_ticket=self.tokens_per_ticket,
            tickets=self.tickets,
            left=self.tickets - self.issued,
            evaluated=evaluated,
        )
        return Answer(status=200, body=encode(allowance))


@contextmanager
def personal_side() -> Iterator[PersonalSide]:
    """It listens on loopback until the end."""
    side = PersonalSide()
    with served(side.app()) as url:
        side.url = url
        yield side


def digest(secret: str) -> str:
    return hashlib.sha256(base64.urlsafe_b64decode(secret + "=")).hexdigest()


def _mailbox(request: Request) -> str:
    return digest(request.headers["authorization"].removeprefix("Bearer "))
