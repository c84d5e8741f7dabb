"""Cost in the columns of FOCUS, the FinOps Open Cost and Usage Specification 1.2 (focus.finops.org).

One row for each day, provider and department. An estimate has a range, FOCUS has one number: the columns of FOCUS hold
the middle, and `x_` columns, which FOCUS leaves to the one who exports, hold both ends. Use without a price is not in
it, since a cost of 0 would be false; the daily sums have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from toktra.server.costs.projection import Projection, ProviderCost
from toktra.server.exports.datasets import SCHEMA_VERSION, Column, Kind
from toktra.server.tenants.service import Tenant
from toktra.server.web.language import _

_SAYS: Final = _("As FOCUS defines it")
COLUMNS: Final = (
    *(Column(name, Kind.AMOUNT, _SAYS) for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")),
    Column("BillingAccountId", Kind.TEXT, _("Short name of the organisation")),
    Column("BillingAccountName", Kind.TEXT, _("Name of the organisation")),
    Column("BillingAccountType", Kind.TEXT, _SAYS),
    Column("BillingCurrency", Kind.TEXT, _SAYS),
    Column("BillingPeriodStart", Kind.TEXT, _("The calendar month")),
    Column("BillingPeriodEnd", Kind.TEXT, _("The calendar month")),
    Column("ChargeCategory", Kind.TEXT, _("Always Usage")),
    Column("ChargeClass", Kind.TEXT, _("Always empty: nothing is a correction")),
    Column("ChargeDescription", Kind.TEXT, _("What was used, in words")),
    Column("ChargeFrequency", Kind.TEXT, _("Always Usage-Based")),
    Column("ChargePeriodStart", Kind.TEXT, _("The day (UTC)")),
    Column("ChargePeriodEnd", Kind.TEXT, _("The day after it")),
    Column("ConsumedQuantity", Kind.AMOUNT, _("Estimated tokens")),
    Column("ConsumedUnit", Kind.TEXT, _("Tokens")),
    Column("InvoiceId", Kind.TEXT, _("Always empty: nothing of it is an invoice")),
    Column("InvoiceIssuerName", Kind.TEXT, _SAYS),
    Column("PricingQuantity", Kind.AMOUNT, _("Estimated tokens")),
    Column("PricingUnit", Kind.TEXT, _("Tokens")),
    Column("ProviderName", Kind.TEXT, _SAYS),
    Column("PublisherName", Kind.TEXT, _SAYS),
    Column("ServiceCategory", Kind.TEXT, _("Always AI and Machine Learning")),
    Column("ServiceName", Kind.TEXT, _SAYS),
    Column("ServiceSubcategory", Kind.TEXT, _SAYS),
    Column("SubAccountId", Kind.TEXT, _("The department, where it may be shown")),
    Column("SubAccountName", Kind.TEXT, _("The department, where it may be shown")),
    Column("SubAccountType", Kind.TEXT, _SAYS),
    Column("Tags", Kind.TEXT, _("Provider hosts")),
    Column("x_CostLow", Kind.AMOUNT, _("Lower end of the 90 % interval")),
    Column("x_CostHigh", Kind.AMOUNT, _("Upper end of the 90 % interval")),
    Column("x_Exchanges", Kind.NUMBER, _("Requests with their responses, counted")),
    Column("x_DevicesReported", Kind.NUMBER, _("Devices that reported on that day")),
    Column("x_DevicesEnrolled", Kind.NUMBER, _("Devices that were enrolled on that day")),
    Column("x_EstimatorVersions", Kind.TEXT, _("Versions of the estimator that made the tokens")),
    Column("x_SchemaVersion", Kind.TEXT, _("Version of this layout")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDay:
    """One day of one department, priced."""

    day: date
    department: str
    projection: Projection
    estimator_versions: tuple[str, ...]
    devices_reported: int
    devices_enrolled: int


def rows(tenant: Tenant, days: Iterable[CostDay]) -> Iterator[list[str]]:
    """A row for each priced provider of each day and department."""
    for one in days:
        for provider in one.projection.providers:
            if provider.cost is not None:
                yield _row(tenant, one, provider)


def _row(tenant: Tenant, one: CostDay, provider: ProviderCost) -> list[str]:
    cost = provider.cost
    assert cost is not None  # noqa: S101 - the caller has looked
    middle = f"{(cost.low + cost.high) / 2:.6f}"
    tokens = f"{(provider.tokens.low + provider.tokens.high) / 2:.1f}"  # FOCUS wants a decimal
    month = one.day.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    values = {
        "BilledCost": middle,
        "EffectiveCost": middle,
        "ListCost": middle,
        "ContractedCost": middle,
        "BillingAccountId": tenant.slug,
        "BillingAccountName": tenant.name,
        "BillingAccountType": "Organisation",
        "BillingCurrency": one.projection.currency,
        "BillingPeriodStart": _midnight(month),
        "BillingPeriodEnd": _midnight(next_month),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"Estimated tokens of {provider.name}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _midnight(one.day),
        "ChargePeriodEnd": _midnight(one.day + timedelta(days=1)),
        "ConsumedQuantity": tokens,
        "ConsumedUnit": "Tokens",
        "InvoiceIssuerName": provider.name,
        "PricingQuantity": tokens,
        "PricingUnit": "Tokens",
        "ProviderName": provider.name,
        "PublisherName": provider.name,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": provider.name,
        "ServiceSubcategory": "Generative AI",
        "SubAccountId": one.department,
        "SubAccountName": one.department,
        "SubAccountType": "Department" if one.department else "",
        "Tags": json.dumps({"provider_hosts": " ".join(provider.hosts)}),
        "x_CostLow": f"{cost.low:.6f}",
        "x_CostHigh": f"{cost.high:.6f}",
        "x_Exchanges": str(provider.priced_exchanges),
        "x_DevicesReported": str(one.devices_reported),
        "x_DevicesEnrolled": str(one.devices_enrolled),
        "x_EstimatorVersions": " ".join(one.estimator_versions),
        "x_SchemaVersion": SCHEMA_VERSION,
    }
    return [values.get(column.name, "") for column in COLUMNS]


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
