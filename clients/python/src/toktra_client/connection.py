"""Requests to one server: signed in, patient where the server says to wait, and never done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, Self, TypeVar
from uuid import uuid4

import httpx

from toktra_client.credentials import ClientCredentials, Credentials
from toktra_client.errors import ConnectionLost, NotUnderstood, Problem, problem
from toktra_client.reading import read, written

Body = TypeVar("Body")

MOST_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.5
_OWN_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Connection:
    """What every operation is sent through. Safe to share between threads."""

    def __init__(
        self,
        server: str,
        *,
        key: str | None = None,
        oauth: ClientCredentials | None = None,
        timeout_s: float = 30,
        patience_s: float = 120,
        verify: Any = True,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`server` is where people open Toktra. `patience_s` is how long a call waits in all when the server says to
        try later (429, 503) or is not reached; `verify` is an ssl.SSLContext for an authority of your own.
        """
        at = httpx.URL(server)
        if at.scheme != "https" and not (at.scheme == "http" and at.host in _OWN_MACHINE):
            raise ValueError(f"{server}: a key travels by https only. Give an address such as https://ai.example.org.")
        self._http = httpx.Client(
            base_url=at.copy_with(raw_path=at.raw_path.rstrip(b"/") + b"/v1/"), timeout=timeout_s, verify=verify
        )
        self._credentials = Credentials(key, oauth, clock)
        self._patience_s = patience_s
        self._clock = clock
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def _get(self, kind: type[Body], path: str, query: Mapping[str, Any]) -> Body:
        with self._answered("GET", path, query=query, may_repeat=True) as answer:
            return read(kind, _json(answer))

    def _post(
        self, kind: type[Body], path: str, body: object = None, idempotency_key: str | None = None, *, is_keyed: bool
    ) -> Body:
        """A keyed write is done once, however often it has to be sent."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())} if is_keyed else {}
        with self._answered("POST", path, body=body, headers=headers, may_repeat=is_keyed) as answer:
            return read(kind, _json(answer))

    def _each(self, kind: type[Body], path: str, query: Mapping[str, Any]) -> Iterator[Body]:
        """Every item of a list; the next page is asked for when it is reached."""
        cursor: str | None = None
        while True:
            with self._answered("GET", path, query={**query, "cursor": cursor}, may_repeat=True) as answer:
                said = _json(answer)
            if not isinstance(said, dict) or not isinstance(said.get("items"), list):
                raise NotUnderstood(f"{path} answered no list.")
            for item in said["items"]:
                yield read(kind, item)
            cursor = said.get("next_cursor")
            if cursor is None:
                return

    def _save(self, path: str, query: Mapping[str, Any], into: BinaryIO) -> int:
        """Writes a file as it comes; how many bytes it has. A file that was cut is ConnectionLost, never short."""
        size = 0
        with self._answered("GET", path, query=query, may_repeat=True) as answer:
            try:
                for part in answer.iter_bytes():
                    size += into.write(part)
            except httpx.TransportError as fault:
                raise ConnectionLost(f"The file was cut after {size} bytes. Throw it away; ask again.") from fault
        return size

    @contextmanager
    def _answered(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        may_repeat: bool,
    ) -> Iterator[httpx.Response]:
        """A good answer, its body yet to be read. Raises ApiError."""
        params = {name: written(value) for name, value in (query or {}).items() if value is not None}
        give_up_at = self._clock() + self._patience_s
        renewed = False
        for tried in range(1, MOST_TRIES + 1):
            sends_use = False
            try:
                token = self._credentials.token(self._http)
                request = self._http.build_request(
                    method,
                    path,
                    params=params,
                    json=None if body is None else written(body),
                    headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                )
                sends_use = True
                answer = self._http.send(request, stream=True)
                if not answer.is_success:
                    answer.read()
            except httpx.TransportError as fault:
                pause_s = _FIRST_PAUSE_S * 2**tried
                # A write without a key may have been done, unless the connection never came about.
                safe = may_repeat or not sends_use or isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout)
                if not safe or not self._waits(pause_s, tried, give_up_at):
                    raise ConnectionLost(f"{self._http.base_url} did not answer: {fault}") from fault
                continue
            except httpx.HTTPStatusError as fault:  # of the token
                answer = fault.response
            if answer.is_success:
                try:
                    yield answer
                finally:
                    answer.close()
                return
            refusal = _refusal(answer)
            if answer.status_code == 401 and self._credentials.can_renew and not renewed:
                renewed = True
                self._credentials.forget(token)
                continue
            # Both say that nothing was changed, so that any request may be sent again.
            pause_s = refusal.retry_after_s if refusal.retry_after_s is not None else _FIRST_PAUSE_S * 2**tried
            if answer.status_code not in {429, 503} or not self._waits(pause_s, tried, give_up_at):
                raise refusal
        raise refusal

    def _waits(self, pause_s: float, tried: int, give_up_at: float) -> bool:
        """Whether there is patience for another try; waits for it then."""
        if tried >= MOST_TRIES or self._clock() + pause_s > give_up_at:
            return False
        self._pause(pause_s)
        return True


def _refusal(answer: httpx.Response) -> Problem:
    """Raises NotUnderstood for what is no problem document."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or "title" not in said:
        raise NotUnderstood(f"{answer.url.copy_with(query=None)} answered {answer.status_code}, not as this API does.")
    wait = answer.headers.get("retry-after", "")
    return problem(answer.status_code, said, float(wait) if wait.isdecimal() else None)


def _json(answer: httpx.Response) -> Any:
    """Raises ConnectionLost, NotUnderstood."""
    try:
        answer.read()
    except httpx.TransportError as fault:
        raise ConnectionLost(f"The answer of {answer.url.path} was cut.") from fault
    try:
        return answer.json()
    except ValueError:
        raise NotUnderstood(f"{answer.url.path} answered no JSON.") from None
