"""Writes that can be sent again: what one was answered is kept beside what it did, in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import aiosql
from fastapi import Header, Request, Response
from pydantic import BaseModel

from toktra.server.api.clients import Caller
from toktra.server.database.pool import Connection
from toktra.server.problems import Problem

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("answers.sql"), "apsycopg")

KEPT_FOR: Final = timedelta(hours=24)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="A word of your own for this write. For a day, the same write under the same word is done once and "
        "answered alike; another write under it is refused",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]

Tried = TypeVar("Tried")
Work = Callable[[Connection], Awaitable[tuple[BaseModel, str | None]]]
"""Does the write within a transaction; answers the body and, for what is new, its address."""


async def once(request: Request, caller: Caller, key: str | None, work: Work, *, status: int) -> Response:
    """The answer of `work`, or the one it gave before. Problems it raises are not kept, as nothing was changed.

    Raises Problem 422 for a key that stands for another write.
    """
    async with caller.database.tenant(caller.tenant_id) as connection:
        if key is None:
            body, location = await work(connection)
            return _response(status, body.model_dump_json(), location)
        of = {"tenant_id": caller.tenant_id, "client_id": caller.client_id, "key": key}
        request_hash = await _hash(request)
        await _queries.wait_for_turn(connection, **of)
        await _queries.forget_old(connection, tenant_id=caller.tenant_id, kept_for=KEPT_FOR)
        found = await _queries.find_answer(connection, **of, kept_for=KEPT_FOR)
        if found is not None:
            if bytes(found.request_hash) != request_hash:
                raise Problem(
                    422,
                    "idempotency-key-reused",
                    "The key stands for another write",
                    "This Idempotency-Key came with another request before. Give each write a key of its own.",
                    field="Idempotency-Key",
                )
            return _response(found.status, found.body, found.location)
        body, location = await work(connection)
        text = body.model_dump_json()
        await _queries.keep_answer(
            connection, **of, request_hash=request_hash, status=status, body=text, location=location
        )
        return _response(status, text, location)


async def once_tried(
    request: Request,
    caller: Caller,
    key: str | None,
    attempt: Callable[[], Awaitable[Tried]],
    work: Callable[[Connection, Tried], Awaitable[tuple[BaseModel, str | None]]],
    *,
    status: int,
) -> Response:
    """The same for a write that depends on something elsewhere, which may take its time.

    It is tried before the transaction, and not again for an answer that was given before.
    """
    tried = None if await _is_answered(caller, key) else await attempt()

    async def do(connection: Connection) -> tuple[BaseModel, str | None]:
        return await work(connection, await attempt() if tried is None else tried)

    return await once(request, caller, key, do, status=status)


async def _is_answered(caller: Caller, key: str | None) -> bool:
    if key is None:
        return False
    of = {"tenant_id": caller.tenant_id, "client_id": caller.client_id, "key": key}
    async with caller.database.tenant(caller.tenant_id) as connection:
        return await _queries.find_answer(connection, **of, kept_for=KEPT_FOR) is not None


async def _hash(request: Request) -> bytes:
    """Of everything that says what is to be done."""
    said = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    said.update(await request.body())
    return said.digest()


def _response(status: int, body: str, location: str | None) -> Response:
    headers = {} if location is None else {"location": location}
    return Response(body, status, headers=headers, media_type="application/json")
