"""The catalogue: which hosts count as AI, and what their tokens are taken to cost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Security
from pydantic import BaseModel, Field

from toktra.catalogue.providers import Kind
from toktra.catalogue.providers import Provider as Known
from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.costs import service as costs
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.rates import Rate, Rates

router = APIRouter(tags=["providers"])


class Provider(BaseModel):
    """An AI service as people know it."""

    id: Annotated[str, Field(examples=["openai"])]
    name: Annotated[str, Field(examples=["OpenAI API"])]
    kind: Kind
    rules: Annotated[list[str], Field(description="The host names it is known by", examples=[["api.openai.com"]])]
    note: Annotated[str | None, Field(description="What a reader of the figures should know")]

    @classmethod
    def of(cls, known: Known) -> Provider:
        return cls(id=known.id, name=known.name, kind=known.kind, rules=sorted(known.rules()), note=known.note)


class Providers(BaseModel):
    """Some of the providers, by id."""

    items: list[Provider]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


class PricePart(BaseModel):
    """One model's list price, or a contract's, and its share of the tokens."""

    model: Annotated[str | None, Field(description="Null for a contract")]
    share: Annotated[float, Field(ge=0, le=1, examples=[1.0])]
    input_usd_per_million: Annotated[float, Field(ge=0, examples=[2.5])]
    output_usd_per_million: Annotated[float, Field(ge=0, examples=[10.0])]
    source: Annotated[str, Field(description="Where the price is from")]
    since: Annotated[date | None, Field(description="From when the list has this price")]


class PricedProvider(Provider):
    """A provider and what its tokens are taken to cost today."""

    price_basis: Annotated[
        str | None,
        Field(
            description="`contract`, `model_mix` (yours, at list prices), `assumed_model` (one usual model); "
            "null without a price",
            examples=["assumed_model"],
        ),
    ]
    price: list[PricePart]
    price_fault: Annotated[str | None, Field(description="Why there is no price, in a word", examples=["no_list"])]


@router.get("/providers", summary="The catalogue", responses=documented(), operation_id="list_providers")
async def providers(
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.PROVIDERS_READ])],
    limit: Limit = USUAL_ITEMS,
    cursor: After = None,
) -> Providers:
    """Every provider whose hosts are counted."""
    del caller
    after = key_in(cursor, str) or ""
    known = sorted((one for one in costs.catalogue().providers if one.id > after), key=lambda one: one.id)
    items, next_cursor = page_of(known, limit, lambda one: one.id)
    return Providers(items=[Provider.of(one) for one in items], next_cursor=next_cursor)


@router.get(
    "/providers/{provider_id}",
    summary="One provider, with its price",
    responses=documented(404),
    operation_id="read_provider",
)
async def provider(
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.PROVIDERS_READ])],
    provider_id: Annotated[str, Path(max_length=100, examples=["openai"])],
) -> PricedProvider:
    """What is in force today under the organisation's own assumptions."""
    known = costs.catalogue().get(provider_id)
    if known is None:
        raise refusals.not_found("provider")
    rates = Rates(await costs.assumptions(caller.database, caller.tenant_id), costs.catalogue(), costs.price_book())
    basis, parts, fault = None, [], None
    try:
        found = rates.on(known, datetime.now(UTC).date())
    except NoExchangeRate:
        fault = "no_exchange_rate"
    else:
        if isinstance(found, Rate):
            basis = found.basis.name.lower()
            parts = [
                PricePart(
                    model=one.model,
                    share=one.share,
                    input_usd_per_million=one.input_usd_per_million,
                    output_usd_per_million=one.output_usd_per_million,
                    source=one.source,
                    since=one.since,
                )
                for one in found.components
            ]
        else:
            fault = found.reason.name.lower()
    own = Provider.of(known)
    return PricedProvider(**own.model_dump(), price_basis=basis, price=parts, price_fault=fault)
