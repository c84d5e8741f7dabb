"""The modules that declare jobs. A room with a new one adds its name here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from toktra.server.jobs.declaring import REGISTRY, Job

MODULES: Final[tuple[str, ...]] = (
    "toktra.server.budgets.checking",
    "toktra.server.exports.scheduled.sending",
    "toktra.server.mail.service",
    "toktra.server.metrics.usage",
    "toktra.server.notices.telling_job",
    "toktra.server.reconciliation.jobs",
    "toktra.server.retention.jobs",
    "toktra.server.rights.copies.prepare_job",
    "toktra.server.rights.erasure_job",
    "toktra.server.rights.telling_job",
    "toktra.server.tenants.jobs",
    "toktra.server.webhooks.service",
)


def load_jobs() -> Mapping[str, Job[Any]]:
    """All jobs there are, by name."""
    for module in MODULES:
        importlib.import_module(module)
    return REGISTRY
