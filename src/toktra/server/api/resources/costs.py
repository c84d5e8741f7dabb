"""What use costs: the figures of the cost page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Day, Days, MoneyRange, TokenRange
from toktra.server.costs import service
from toktra.server.costs.projection import ProviderCost
from toktra.server.usage.breakdown.view import UnusableView, days_asked

router = APIRouter(tags=["costs"])


class Correction(BaseModel):
    """What the provider's own totals changed the estimates by, on the last day that has any."""

    first: date
    last: date
    input_factor: Annotated[float | None, Field(examples=[1.04])]
    output_factor: Annotated[float | None, Field(examples=[0.93])]


class ProviderCosts(BaseModel):
    """One provider: its use, its cost, and what lies between them."""

    provider_id: Annotated[str | None, Field(description="Null for a host that is in the catalogue no more")]
    name: Annotated[str, Field(examples=["OpenAI API"])]
    hosts: Annotated[list[str], Field(examples=[["api.openai.com"]])]
    exchanges: Annotated[int, Field(ge=0)]
    estimated_tokens: Annotated[TokenRange, Field(description="As the devices estimated")]
    tokens: Annotated[TokenRange, Field(description="After the correction, if there is one")]
    correction: Correction | None
    cost: Annotated[MoneyRange | None, Field(description="Null when no exchange has a price")]
    priced_exchanges: Annotated[int, Field(ge=0)]
    seat_exchanges: Annotated[int, Field(ge=0)]
    unpriced_exchanges: Annotated[int, Field(ge=0)]

    @classmethod
    def of(cls, line: ProviderCost, currency: str) -> ProviderCosts:
        factor = line.factor
        return cls(
            provider_id=line.provider_id,
            name=line.name,
            hosts=list(line.hosts),
            exchanges=line.exchanges,
            estimated_tokens=TokenRange.of(line.estimated_tokens),
            tokens=TokenRange.of(line.tokens),
            correction=None
            if factor is None
            else Correction(
                first=factor.first,
                last=factor.last,
                input_factor=factor.finding.input.middle if factor.finding.input else None,
                output_factor=factor.finding.output.middle if factor.finding.output else None,
            ),
            cost=MoneyRange.of(line.cost, currency),
            priced_exchanges=line.priced_exchanges,
            seat_exchanges=line.seat_exchanges,
            unpriced_exchanges=line.unpriced_exchanges,
        )


class SeatCosts(BaseModel):
    """Subscriptions by the seat: known exactly, and changed by no use."""

    provider_id: str
    name: str
    days: Days
    seats: Annotated[int, Field(ge=0, description="On the last of these days", examples=[40])]
    amount: Annotated[float, Field(ge=0, examples=[800.0])]
    currency: Annotated[str, Field(examples=["EUR"])]


class Costs(BaseModel):
    """What the use of a period costs by tokens, and beside it what seats cost."""

    days: Days
    cost: Annotated[MoneyRange | None, Field(description="By tokens, all providers together")]
    exchanges: Annotated[int, Field(ge=0)]
    priced_exchanges: Annotated[int, Field(ge=0)]
    seat_exchanges: Annotated[int, Field(ge=0)]
    unpriced_exchanges: Annotated[int, Field(ge=0)]
    providers: Annotated[list[ProviderCosts], Field(description="Most expensive first, then those without a price")]
    seats: list[SeatCosts]
    currency_fault: Annotated[
        str | None, Field(description="Why figures are in US dollars and not in the currency that was chosen")
    ]


@router.get("/costs", summary="Cost of a period", responses=documented(), operation_id="read_costs")
async def costs(
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.COSTS_READ])],
    first: Annotated[Day, Query(alias="from", description="First day (UTC)", examples=["2026-11-01"])],
    last: Annotated[Day, Query(alias="to", description="Last day (UTC), at most today", examples=["2026-11-20"])],
) -> Costs:
    """The figures of the cost page. Cost is a projection over dated prices and your own assumptions: when those change,
    the cost of past days changes with them. By department: `/v1/usage?by=department`.
    """
    try:
        days_asked({"from": first.isoformat(), "to": last.isoformat()}, datetime.now(UTC).date())
    except UnusableView as fault:
        raise refusals.unusable(fault.field, str(fault)) from None
    found = await service.cost(caller.database, caller.tenant_id, first, last)
    projected = found.projection
    return Costs(
        days=Days(first=first, last=last),
        cost=MoneyRange.of(projected.cost, projected.currency),
        exchanges=projected.exchanges,
        priced_exchanges=projected.priced_exchanges,
        seat_exchanges=projected.seat_exchanges,
        unpriced_exchanges=projected.unpriced_exchanges,
        providers=[ProviderCosts.of(line, projected.currency) for line in projected.providers],
        seats=[
            SeatCosts(
                provider_id=one.provider_id,
                name=one.name,
                days=Days(first=one.first, last=one.last),
                seats=one.seats,
                amount=round(one.amount, 4),
                currency=projected.currency,
            )
            for one in found.seats
        ],
        currency_fault=found.fault or None,
    )
