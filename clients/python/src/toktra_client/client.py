"""Every operation of the API as a method.

Made from the OpenAPI document by scripts/build_client.py; change it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO
from urllib.parse import quote
from uuid import UUID

from toktra_client import models
from toktra_client.connection import Connection


class Client(Connection):
    """The API of one server, for one program. Every method raises ApiError.

    Lists are read page by page as they are walked through. Writes take an idempotency key, or get one.
    """

    def read_usage(
        self,
        *,
        from_: date,
        to: date,
        by: models.Grouping | None = None,
        grain: models.Grain | None = None,
        provider: str | None = None,
        kind: models.ProviderKind | None = None,
        department: str | None = None,
    ) -> models.Usage:
        """Usage of a period. The figures of the usage page, by the same rules: no group of fewer than five
        people is shown, nor can it be found by subtracting; departments are told up to yesterday;
        hours only of days on which five people or more had any use.

        `from_`: First day (UTC).

        `to`: Last day (UTC), at most today.

        `by`: What one line stands for; usually provider.

        `grain`: How long one point is; hours for at most seven days; usually day.

        `provider`: Only this provider, by its id.

        `kind`: Only providers of this kind.

        `department`: Only this department.

        Needs usage:read.
        """
        return self._get(
            models.Usage,
            "usage",
            {
                "from": from_,
                "to": to,
                "by": by,
                "grain": grain,
                "provider": provider,
                "kind": kind,
                "department": department,
            },
        )

    def read_costs(self, *, from_: date, to: date) -> models.Costs:
        """Cost of a period. The figures of the cost page. Cost is a projection over dated prices and your own
        assumptions: when those change, the cost of past days changes with them. By department:
        `/v1/usage?by=department`.

        `from_`: First day (UTC).

        `to`: Last day (UTC), at most today.

        Needs costs:read.
        """
        return self._get(models.Costs, "costs", {"from": from_, "to": to})

    def list_budgets(self, *, limit: int | None = None) -> Iterator[models.Budget]:
        """Budgets. Every budget this program may know of, also those that are ended; how the running period of
        each stands.

        `limit`: Items in one answer at most; usually 50.

        Needs budgets:read.
        """
        return self._each(models.Budget, "budgets", {"limit": limit})

    def make_budget(self, new: models.NewBudget, *, idempotency_key: str | None = None) -> models.Budget:
        """Make a budget. A budget never blocks traffic: its owner is told. Whoever it is for is written to.

        Needs budgets:write.
        """
        return self._post(models.Budget, "budgets", new, idempotency_key, is_keyed=True)

    def read_budget(self, budget_id: UUID) -> models.Budget:
        """One budget. A budget with everything that was ever said of it.

        Needs budgets:read.
        """
        return self._get(models.Budget, f"budgets/{_segment(budget_id)}", {})

    def change_budget(
        self, budget_id: UUID, new: models.NewVersion, *, idempotency_key: str | None = None
    ) -> models.Budget:
        """Change a budget from a day on. What was in force before stays on its days.

        Needs budgets:write.
        """
        return self._post(models.Budget, f"budgets/{_segment(budget_id)}/versions", new, idempotency_key, is_keyed=True)

    def end_budget(self, budget_id: UUID, *, idempotency_key: str | None = None) -> models.Budget:
        """End a budget. Its history stays. Safe to repeat.

        Needs budgets:write.
        """
        return self._post(models.Budget, f"budgets/{_segment(budget_id)}/end", None, idempotency_key, is_keyed=True)

    def list_providers(self, *, limit: int | None = None) -> Iterator[models.Provider]:
        """The catalogue. Every provider whose hosts are counted.

        `limit`: Items in one answer at most; usually 50.

        Needs providers:read.
        """
        return self._each(models.Provider, "providers", {"limit": limit})

    def read_provider(self, provider_id: str) -> models.PricedProvider:
        """One provider, with its price. What is in force today under the organisation's own assumptions.

        Needs providers:read.
        """
        return self._get(models.PricedProvider, f"providers/{_segment(provider_id)}", {})

    def list_people(self, *, limit: int | None = None) -> Iterator[models.Person]:
        """The directory. Everyone, also those who have left.

        `limit`: Items in one answer at most; usually 50.

        Needs people:read.
        """
        return self._each(models.Person, "people", {"limit": limit})

    def read_person(self, person_id: UUID) -> models.Person:
        """One person. The entry of one person, who is told once an hour at most that it was opened.

        Needs people:read.
        """
        return self._get(models.Person, f"people/{_segment(person_id)}", {})

    def open_usage_of_person(self, person_id: UUID, new: models.Look) -> models.PersonsUsage:
        """Open one person's figures. The reason is stored with the look, and the person reads both under *Who
        looked*, with this program's name. Each request is a look of its own, so there is no
        Idempotency-Key here: an answer that holds a person is not kept.

        Needs people:usage.
        """
        return self._post(models.PersonsUsage, f"people/{_segment(person_id)}/usage", new, is_keyed=False)

    def list_devices(self, *, limit: int | None = None) -> Iterator[models.Device]:
        """Devices. Every device, also those that are revoked.

        `limit`: Items in one answer at most; usually 50.

        Needs devices:read.
        """
        return self._each(models.Device, "devices", {"limit": limit})

    def read_device(self, device_id: UUID) -> models.Device:
        """One device. The same of one device.

        Needs devices:read.
        """
        return self._get(models.Device, f"devices/{_segment(device_id)}", {})

    def list_datasets(self) -> models.ExportDatasets:
        """What can be exported. Every dataset with its columns. Nobody's name and no time of day is in any of
        them.

        Needs exports:read.
        """
        return self._get(models.ExportDatasets, "exports", {})

    def take_export(
        self, dataset: models.Dataset, *, from_: date, to: date, format_: models.Format | None = None, into: BinaryIO
    ) -> int:
        """An export as a file. Streamed day by day. That it was taken, and by which program, stands in the audit
        trail before the first byte.

        Written into a file opened for bytes; answers how many they are.

        `from_`: First day (UTC).

        `to`: Last day (UTC), at most yesterday.

        `format_`: Of the file; usually csv.

        Needs exports:read.
        """
        return self._save(f"exports/{_segment(dataset)}", {"from": from_, "to": to, "format": format_}, into)

    def list_scheduled_exports(self, *, limit: int | None = None) -> Iterator[models.ScheduledExport]:
        """Scheduled exports. Every scheduled export, also those that are ended, and how the newest period of
        each stands.

        `limit`: Items in one answer at most; usually 50.

        Needs exports:read.
        """
        return self._each(models.ScheduledExport, "scheduled-exports", {"limit": limit})

    def schedule_export(
        self, new: models.NewScheduledExport, *, idempotency_key: str | None = None
    ) -> models.ScheduledExport:
        """Set up a scheduled export. A small file is written to its place first. Periods that are due already
        are sent at once, each once.

        Needs exports:write.
        """
        return self._post(models.ScheduledExport, "scheduled-exports", new, idempotency_key, is_keyed=True)

    def read_scheduled_export(self, schedule_id: UUID) -> models.ScheduledExport:
        """One scheduled export. What is sent when and where, and how its newest period stands.

        Needs exports:read.
        """
        return self._get(models.ScheduledExport, f"scheduled-exports/{_segment(schedule_id)}", {})

    def list_export_runs(self, schedule_id: UUID, *, limit: int | None = None) -> Iterator[models.ExportRun]:
        """Periods of a scheduled export. How each period stands, newest first.

        `limit`: Items in one answer at most; usually 50.

        Needs exports:read.
        """
        return self._each(models.ExportRun, f"scheduled-exports/{_segment(schedule_id)}/runs", {"limit": limit})

    def change_scheduled_export(
        self, schedule_id: UUID, new: models.ExportChange, *, idempotency_key: str | None = None
    ) -> models.ScheduledExport:
        """Change a scheduled export. What was sent stays, and a period of which something may have arrived ends
        as it began; all others go out as changed. With another rhythm, the first period is the days
        that were in none so far.

        Needs exports:write.
        """
        return self._post(
            models.ScheduledExport,
            f"scheduled-exports/{_segment(schedule_id)}/change",
            new,
            idempotency_key,
            is_keyed=True,
        )

    def pause_scheduled_export(
        self, schedule_id: UUID, *, idempotency_key: str | None = None
    ) -> models.ScheduledExport:
        """Pause a scheduled export. Nothing more is begun until it is resumed; what is being sent ends as it
        began. Safe to repeat.

        Needs exports:write.
        """
        return self._post(
            models.ScheduledExport,
            f"scheduled-exports/{_segment(schedule_id)}/pause",
            None,
            idempotency_key,
            is_keyed=True,
        )

    def resume_scheduled_export(
        self, schedule_id: UUID, *, idempotency_key: str | None = None
    ) -> models.ScheduledExport:
        """Resume a scheduled export. What waited is sent, and every period since, each once. Safe to repeat.

        Needs exports:write.
        """
        return self._post(
            models.ScheduledExport,
            f"scheduled-exports/{_segment(schedule_id)}/resume",
            None,
            idempotency_key,
            is_keyed=True,
        )

    def end_scheduled_export(self, schedule_id: UUID, *, idempotency_key: str | None = None) -> models.ScheduledExport:
        """End a scheduled export. Nothing more is sent, and its keys are forgotten. What was sent stays where it
        is. Safe to repeat.

        Needs exports:write.
        """
        return self._post(
            models.ScheduledExport,
            f"scheduled-exports/{_segment(schedule_id)}/end",
            None,
            idempotency_key,
            is_keyed=True,
        )

    def send_export_again(
        self, schedule_id: UUID, first_day: date, *, idempotency_key: str | None = None
    ) -> models.ExportRun:
        """Send a period again. Of one that was given up, as the export is now. One that waits goes on waiting;
        one that was delivered is not sent twice.

        Needs exports:write.
        """
        return self._post(
            models.ExportRun,
            f"scheduled-exports/{_segment(schedule_id)}/runs/{_segment(first_day)}/again",
            None,
            idempotency_key,
            is_keyed=True,
        )

    def list_audit_entries(
        self,
        *,
        tag: models.Tag | None = None,
        from_: date | None = None,
        to: date | None = None,
        limit: int | None = None,
    ) -> Iterator[models.AuditEntry]:
        """The audit trail. Newest first. The hashes let you check what you keep against what is added later.

        `tag`: Only entries of this tag.

        `from_`: First day (UTC).

        `to`: Last day (UTC).

        `limit`: Items in one answer at most; usually 50.

        Needs audit:read.
        """
        return self._each(models.AuditEntry, "audit", {"tag": tag, "from": from_, "to": to, "limit": limit})

    def list_rights_requests(
        self, *, state: models.State | None = None, limit: int | None = None
    ) -> Iterator[models.RightsRequest]:
        """Rights requests. By number, newest first. Overdue ones are those whose `is_overdue` is true.

        `state`: Which requests; usually open.

        `limit`: Items in one answer at most; usually 50.

        Needs requests:read.
        """
        return self._each(models.RightsRequest, "rights-requests", {"state": state, "limit": limit})

    def record_rights_request(
        self, new: models.NewRightsRequest, *, idempotency_key: str | None = None
    ) -> models.RightsRequest:
        """Record a rights request. On somebody's behalf, by the rules of the page: its person is written to,
        objection and restriction stop the recording at once, and the same is not asked for twice
        while it is open. Deciding about it, and opening what it brings, need a person who is signed
        in: no program can.

        Needs requests:write.
        """
        return self._post(models.RightsRequest, "rights-requests", new, idempotency_key, is_keyed=True)

    def read_rights_request(self, request_id: UUID) -> models.WholeRightsRequest:
        """One rights request. How far it is, and what happened to it.

        Needs requests:read.
        """
        return self._get(models.WholeRightsRequest, f"rights-requests/{_segment(request_id)}", {})


def _segment(value: object) -> str:
    """One part of an address, whatever is in it."""
    return quote(str(value), safe="")
