"""Structured logs, one JSON object a line on standard error, that say nothing about any person.

The fields are a closed list: no address, mailbox, programme, message of an error (PostgreSQL quotes the row at fault),
and no time finer than the day, since the order of requests in time is what would tie a mailbox to somebody's device.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

FIELDS: Final = frozenset(
    {
        "event", "level", "day", "logger",
        "route", "status", "duration_ms",
        "job", "days", "months",
        "error", "error_at", "sqlstate", "left_out", "version",
    }
)  # fmt: skip


def configure_logging(level: int = logging.INFO) -> None:
    """Sets up structlog and routes the standard library's loggers the same way, uvicorn's among them."""
    shared: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        add_day,
        describe_error,
        keep_known_fields,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _no_words_of_others],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *shared,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # it prints addresses


def add_day(logger: Any, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The UTC day, and no more of the time."""
    del logger, name
    fields["day"] = datetime.now(UTC).date().isoformat()
    return fields


def describe_error(logger: Any, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its class, where it was raised, and PostgreSQL's code; never its message."""
    del logger, name
    info = fields.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        fields["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        fields["error_at"] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-8:]
        ]
        sqlstate = getattr(error, "sqlstate", None)
        if sqlstate:
            fields["sqlstate"] = sqlstate
    return fields


def keep_known_fields(logger: Any, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leaves out every field that is not on the list, keeping its name."""
    del logger, name
    unknown = sorted(fields.keys() - FIELDS)
    if unknown:
        fields = {key: value for key, value in fields.items() if key in FIELDS}
        fields["left_out"] = unknown
    return fields


def _no_words_of_others(logger: Any, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A foreign message may quote a request or a row, so only its logger and level are repeated."""
    del logger, name
    fields["event"] = "a message of another package"
    return fields
