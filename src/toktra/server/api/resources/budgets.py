"""Budgets: how they stand, and making, changing and ending them, by the rules of the page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel

from toktra.server.api import refusals
from toktra.server.api.answers import IdempotencyKey, once
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.resources.budget_shapes import Budget, Budgets, NewBudget, NewVersion
from toktra.server.api.scopes import Scope
from toktra.server.budgets import service
from toktra.server.budgets.budget import Budget as Kept
from toktra.server.budgets.entering import Entering, InvalidBudget
from toktra.server.budgets.spending import Ledger
from toktra.server.database.pool import Connection
from toktra.server.web.access import Action, may

router = APIRouter(tags=["budgets"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.BUDGETS_READ])]
Writes = Annotated[Caller, Security(allowed, scopes=[Scope.BUDGETS_WRITE])]


@router.get("/budgets", summary="Budgets", responses=documented(), operation_id="list_budgets")
async def budgets(caller: Reads, limit: Limit = USUAL_ITEMS, cursor: After = None) -> Budgets:
    """Every budget this program may know of, also those that are ended; how the running period of each stands."""
    after = key_in(cursor, UUID)
    async with caller.database.tenant(caller.tenant_id) as connection:
        known = sorted(await service.budgets_of(connection, caller.tenant_id), key=lambda one: one.budget_id)
        seen = [one for one in known if service.may_know_of(caller.reader.role, one)]
        later = [one for one in seen if after is None or one.budget_id > after]
        items, next_cursor = page_of(later, limit, lambda one: one.budget_id)
        ledger = Ledger(connection, caller.tenant_id, _today())
        return Budgets(items=[await _shown(ledger, one) for one in items], next_cursor=next_cursor)


@router.get("/budgets/{budget_id}", summary="One budget", responses=documented(404), operation_id="read_budget")
async def budget(caller: Reads, budget_id: UUID) -> Budget:
    """A budget with everything that was ever said of it."""
    async with caller.database.tenant(caller.tenant_id) as connection:
        found = await _find(connection, caller, budget_id)
        return await _shown(Ledger(connection, caller.tenant_id, _today()), found)


@router.post(
    "/budgets",
    summary="Make a budget",
    status_code=201,
    responses=documented(413),
    operation_id="make_budget",
    response_model=Budget,
)
async def make(request: Request, caller: Writes, new: NewBudget, idempotency_key: IdempotencyKey = None) -> Response:
    """A budget never blocks traffic: its owner is told. Whoever it is for is written to."""

    async def work(connection: Connection) -> tuple[BaseModel, str]:
        try:
            entered = (await _entering(connection, caller)).budget(new.fields())
        except InvalidBudget as fault:
            raise refusals.unusable(new.name_of(fault.field), fault.reason) from None
        budget_id = await service.add_within(connection, caller.reader, entered)
        found = await _find(connection, caller, budget_id)
        return await _shown(Ledger(connection, caller.tenant_id, _today()), found), f"/v1/budgets/{budget_id}"

    return await once(request, caller, idempotency_key, work, status=201)


@router.post(
    "/budgets/{budget_id}/versions",
    summary="Change a budget from a day on",
    status_code=201,
    responses=documented(404, 409, 413),
    operation_id="change_budget",
    response_model=Budget,
)
async def change(
    request: Request, caller: Writes, budget_id: UUID, new: NewVersion, idempotency_key: IdempotencyKey = None
) -> Response:
    """What was in force before stays on its days."""

    async def work(connection: Connection) -> tuple[BaseModel, None]:
        found = await _find(connection, caller, budget_id, to_change=True)
        if not found.is_open:
            raise refusals.conflict("The budget has ended, so nothing of it can be changed. Make another.")
        try:
            version = (await _entering(connection, caller)).version(new.fields(), found.unit)
        except InvalidBudget as fault:
            raise refusals.unusable(new.name_of(fault.field), fault.reason) from None
        await service.change_within(connection, caller.reader, found, version)
        return await _again(connection, caller, budget_id), None

    return await once(request, caller, idempotency_key, work, status=201)


@router.post(
    "/budgets/{budget_id}/end",
    summary="End a budget",
    responses=documented(404, 413),
    operation_id="end_budget",
    response_model=Budget,
)
async def end(request: Request, caller: Writes, budget_id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Its history stays. Safe to repeat."""

    async def work(connection: Connection) -> tuple[BaseModel, None]:
        found = await _find(connection, caller, budget_id, to_change=True)
        if found.is_open:
            await service.end_within(connection, caller.reader, found, _today())
        return await _again(connection, caller, budget_id), None

    return await once(request, caller, idempotency_key, work, status=200)


async def _find(connection: Connection, caller: Caller, budget_id: UUID, *, to_change: bool = False) -> Kept:
    found = await service.find_budget(connection, caller.tenant_id, budget_id)
    may_do = service.may_change if to_change else service.may_know_of
    if found is None or not may_do(caller.reader.role, found):
        raise refusals.not_found("budget")
    return found


async def _again(connection: Connection, caller: Caller, budget_id: UUID) -> Budget:
    return await _shown(
        Ledger(connection, caller.tenant_id, _today()), await _find(connection, caller, budget_id, to_change=True)
    )


async def _shown(ledger: Ledger, found: Kept) -> Budget:
    return Budget.of(await service.now_of(ledger, found))


async def _entering(connection: Connection, caller: Caller) -> Entering:
    return await service.entering(
        connection,
        caller.tenant_id,
        _today(),
        may_name_people=may(caller.reader.role, Action.CHANGE_PERSON_BUDGETS),
    )


def _today() -> date:
    return datetime.now(UTC).date()
