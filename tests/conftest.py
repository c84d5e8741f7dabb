"""Hypothesis for every test: no deadline, since a busy machine is no failure, and the same examples in every run.

`pytest --hypothesis-profile=search` draws new examples each time.
"""

from __future__ import annotations

import gc

import structlog
from hypothesis import HealthCheck, settings

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("search"), derandomize=True)
settings.load_profile("same")

# Errors as Python writes them: the coloured form with every variable of every frame takes up to half a second for each.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_finish() -> None:
    """What is there by now stays: no collection of garbage need look at thousands of tests again."""
    gc.collect()
    gc.freeze()
