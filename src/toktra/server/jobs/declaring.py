"""What a job is: a name, a function, and arguments that say nothing about a person."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Concatenate, Final, Generic, ParamSpec, get_args, get_type_hints
from uuid import UUID

import msgspec

from toktra.server.database.pool import Connection, Database
from toktra.server.jobs.retrying import Backoff
from toktra.server.settings import ServerSettings

P = ParamSpec("P")

NAME: Final = re.compile(r"[a-z][a-z-]*:[a-z][a-z-]*")
"""Room and act, as in "mail:send"."""

_ALLOWED: Final = (UUID, int, bool, date, datetime, str, NoneType)
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9:._/-]{0,99}")


class GiveUp(Exception):
    """This job cannot succeed however often it is tried."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job has in hand while it runs."""

    tenant_id: UUID
    database: Database
    settings: ServerSettings
    attempt: int
    """1 for the first."""
    is_last_attempt: bool
    tick: datetime | None = None
    """The moment of its schedule a periodic job is for; None for others."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction confined to the job's tenant, as `Database.tenant`. Raises DatabaseBusy."""
        async with self.database.tenant(self.tenant_id) as connection:
            yield connection


@dataclass(frozen=True)
class Job(Generic[P]):
    """A declared job. `function` does it; `defer` has it done later."""

    name: str
    function: Callable[Concatenate[Work, P], Awaitable[None]]
    backoff: Backoff
    cron: str | None = None
    """When a periodic job runs, in five fields and UTC."""
    at: datetime | None = None
    """Not before this moment."""
    once: str | None = None
    """While a job of this name, tenant and word waits, another one is not added."""
    arguments: type[msgspec.Struct] = field(init=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a job: write room:act in lower-case letters")
        object.__setattr__(self, "arguments", _arguments(self.name, self.function))

    def with_options(self, *, at: datetime | None = None, once: str | None = None) -> Job[P]:
        """The same job, deferred otherwise."""
        if once is not None and not _WORD.fullmatch(once):
            raise ValueError(f"{self.name}: `once` must be an id or a short lower-case word")
        return replace(self, at=at, once=once)

    def encode(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as they are stored. Raises TypeError or ValueError naming the one that cannot be."""
        try:
            stored: dict[str, Any] = msgspec.to_builtins(self.arguments(**arguments))
            msgspec.convert(stored, self.arguments)
        except (TypeError, msgspec.ValidationError) as error:
            raise TypeError(f"{self.name}: {error}") from None
        for name, value in stored.items():
            if isinstance(arguments.get(name), str) and not _WORD.fullmatch(value):
                raise ValueError(
                    f"{self.name}: {name} is not a short lower-case word, so it may say something about a person. "
                    "Store it in a table and give the job its id"
                )
        return stored

    def decode(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The function's arguments. Raises GiveUp for those of a job that another version declared differently."""
        try:
            return msgspec.structs.asdict(msgspec.convert(stored, self.arguments))
        except msgspec.ValidationError as error:
            raise GiveUp(f"{self.name}: {error}") from None


REGISTRY: Final[dict[str, Job[Any]]] = {}
"""Every job declared by the modules imported so far; `rooms.load_jobs` imports them all."""


def job(
    name: str,
    *,
    backoff: Backoff = Backoff(),  # noqa: B008 - frozen
) -> Callable[[Callable[Concatenate[Work, P], Awaitable[None]]], Job[P]]:
    """Declares a job. Raises ValueError or TypeError when its name is taken or its arguments could hold anything."""

    def declare(function: Callable[Concatenate[Work, P], Awaitable[None]]) -> Job[P]:
        return _register(Job(name, function, backoff))

    return declare


def periodic_job(
    name: str,
    *,
    cron: str,
    backoff: Backoff = Backoff(attempts=5),  # noqa: B008 - frozen
) -> Callable[[Callable[[Work], Awaitable[None]]], Job[[]]]:
    """Declares a job that is done for every tenant at the times of `cron` (UTC), and once when one was missed."""

    def declare(function: Callable[[Work], Awaitable[None]]) -> Job[[]]:
        return _register(Job(name, function, backoff, cron=cron))

    return declare


def _register(declared: Job[P]) -> Job[P]:
    if declared.name in REGISTRY:
        raise ValueError(f"there is a job {declared.name} already")
    REGISTRY[declared.name] = declared
    return declared


def _arguments(name: str, function: Callable[..., Any]) -> type[msgspec.Struct]:
    """A closed struct of the function's keyword-only parameters."""
    hints = get_type_hints(function)
    fields: list[tuple[str, Any, Any]] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = hints[parameter.name]
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{name}: {parameter.name} must be keyword-only")
        for one in get_args(kind) if isinstance(kind, UnionType) else (kind,):
            if one not in _ALLOWED and not (inspect.isclass(one) and issubclass(one, Enum)):
                raise TypeError(f"{name}: {parameter.name} is a {kind}; arguments are ids, numbers, dates or words")
        default = msgspec.NODEFAULT if parameter.default is inspect.Parameter.empty else parameter.default
        fields.append((parameter.name, kind, default))
    return msgspec.defstruct("Arguments", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)
