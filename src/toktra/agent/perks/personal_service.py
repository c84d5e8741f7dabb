"""Carries one request to the personal service and its answer back. It decides nothing; see `uplink`.

Nothing in it names the device, its account or the organisation: no signature, no version, no kept connection, and a
mailbox's secret only where a mailbox is meant. What spends a ticket is a request of its own.
"""

from __future__ import annotations

import time
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from toktra.agent.transport import (
    CONNECT_TIMEOUT_S,
    Answer,
    Unreachable,
    connection_to,
    tls_context,
    why_unreachable,
)
from toktra.wire.events import encode
from toktra.wire.personal import Resealed, Ticket

MAX_ANSWER_BYTES: Final = 4 << 20
"""More than a page of records has."""


class PersonalService:
    """One service, asked for one thing at a time; every request opens a connection and closes it."""

    def __init__(self, address: str, ca_file: Path | None = None) -> None:
        """`address` is one that `server_address` takes. Raises CertificateAuthorityNotUsable."""
        self._address = address
        self._context = tls_context(address, ca_file)

    def open_mailbox(self, secret: str, ticket: Ticket, timeout_s: float) -> Answer:
        """201, or 200 when it is there; 403 forged, 409 the ticket was spent."""
        return self._send("POST", "/v1/mailbox", encode(ticket), _bearer(secret), timeout_s)

    def upload(self, secret: str, body: bytes, timeout_s: float) -> Answer:
        """200 also when it came before; 404 for a mailbox that is not there."""
        return self._send("POST", "/v1/mailbox/uploads", body, _bearer(secret), timeout_s)

    def records(self, secret: str, after: str | None, timeout_s: float) -> Answer:
        """A page of what the mailbox holds."""
        path = "/v1/mailbox/records" + (f"?after={after}" if after else "")
        return self._send("GET", path, b"", _bearer(secret), timeout_s)

    def replace_records(self, secret: str, records: list[Resealed], timeout_s: float) -> Answer:
        """At most MOST_RESEALED of them."""
        body = b"[" + b",".join(encode(one) for one in records) + b"]"
        return self._send("PUT", "/v1/mailbox/records", body, _bearer(secret), timeout_s)

    def delete_mailbox(self, secret: str, timeout_s: float) -> Answer:
        """204; all that was in it is gone."""
        return self._send("DELETE", "/v1/mailbox", b"", _bearer(secret), timeout_s)

    def redeem(self, ticket: Ticket, timeout_s: float) -> Answer:
        """Names no mailbox. 200; 409 spent before, 403 forged, 410 its month is over."""
        return self._send("POST", "/v1/redemptions", encode(ticket), {}, timeout_s)

    def ticket_keys(self, programme: str, month: str, timeout_s: float) -> Answer:
        """The public keys of a month, which everybody gets alike."""
        return self._send("GET", f"/v1/programmes/{programme}/keys/{month}", b"", {}, timeout_s)

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        until = time.monotonic() + timeout_s
        connection = connection_to(self._address, self._context)
        connection.timeout = min(CONNECT_TIMEOUT_S, timeout_s)
        headers = {**headers, "User-Agent": "toktra", "Connection": "close"}
        if body:
            headers["Content-Type"] = "application/json"
        try:
            connection.connect()
            connection.sock.settimeout(max(0.001, until - time.monotonic()))
            connection.request(method, urlsplit(self._address).path + path, body or None, headers)
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES)
            return Answer(status=response.status, body=answer, retry_after=response.headers.get("Retry-After"))
        except (HTTPException, OSError) as error:
            raise Unreachable(why_unreachable(self._address, error)) from None
        finally:
            connection.close()


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
