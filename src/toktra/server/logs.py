"""Structured logs, one JSON object a line on standard error, that say nothing about any person.

The fields are a closed list, like everything else that leaves a process: no user, host, address, device, path with an
id, or error message (PostgreSQL quotes the row at fault in its messages). A field not on the list is left out and
only its name is kept, so that a mistake is seen but not its content.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

FIELDS: Final = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "method", "route", "status", "duration_ms", "events", "outcome",
        "job", "attempt",
        "error", "error_at", "sqlstate", "left_out", "version", "revision", "signal",
    }
)  # fmt: skip

_OWN_WORDS: Final = frozenset({"uvicorn.error"})
"""Loggers of others whose sentences are safe to repeat at info level; all others give their name and level only."""


def configure_logging(level: int = logging.INFO) -> None:
    """Sets up structlog and routes the standard library's loggers, uvicorn's among them, the same way."""
    shared: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _only_own_words],
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
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # it prints addresses


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


def _only_own_words(logger: Any, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A foreign message may quote a request, so it is repeated only where it is known not to."""
    del name
    quiet = fields.get("exc_info") is None
    if not (quiet and fields.get("logger") in _OWN_WORDS and _level(fields) <= logging.INFO):
        fields["event"] = "a message of another package"
    return fields


def _level(fields: MutableMapping[str, Any]) -> int:
    record = fields.get("_record")
    return record.levelno if isinstance(record, logging.LogRecord) else logging.ERROR
