"""Bodies read into their classes and written from them. Members this client does not know are passed over."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from toktra_client.errors import NotUnderstood

Body = TypeVar("Body")
Read = Callable[[Any], Any]

_WRITTEN: Final[Mapping[Any, Read]] = {
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    float: float,
    int: int,
}


def read(kind: type[Body], said: object) -> Body:
    """A body of this class. Raises NotUnderstood when what makes it up is not there."""
    try:
        of: Any = kind
        found: Body = _reader(of)(said)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise NotUnderstood(f"The answer is no {kind.__name__}: {fault}") from fault
    return found


def written(value: Any) -> Any:
    """As JSON holds it. What was left open (None) is left out, so that the server decides."""
    if is_dataclass(value):
        said = ((one.name, getattr(value, one.name)) for one in fields(value))
        return {name: written(member) for name, member in said if member is not None}
    if isinstance(value, list | tuple):
        return [written(one) for one in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


@cache
def _reader(kind: Any) -> Read:
    if is_dataclass(kind):
        return _class_reader(kind)
    origin, of = get_origin(kind), get_args(kind)
    if origin is list:
        one = _reader(of[0])
        return lambda said: [one(item) for item in said]
    if origin in (Union, types.UnionType):
        kinds = [one for one in of if one is not type(None)]
        if len(kinds) == 1:
            inner = _reader(kinds[0])
            return lambda said: None if said is None else inner(said)
        return _as_it_is
    # Words of a list may become more on the server, so a new one is no fault.
    return _as_it_is if origin in (Literal, dict) else _WRITTEN.get(kind, _as_it_is)


def _class_reader(kind: Any) -> Read:
    hints = get_type_hints(kind)
    members = [(one.name, hints[one.name], one.default is MISSING) for one in fields(kind)]

    def build(said: Any) -> Any:
        values = {name: _reader(of)(said[name]) for name, of, needed in members if needed or name in said}
        return kind(**values)

    return build


def _as_it_is(said: Any) -> Any:
    return said
