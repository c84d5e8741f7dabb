"""What the API takes and answers. Made from the OpenAPI document by scripts/build_client.py; change it there.

Token and money ranges are 90 % intervals. What was left open (None) in a body is decided by the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

Channel: TypeAlias = Literal["portal", "officer", "mail", "api"]
"""How a request came in."""


Dataset: TypeAlias = Literal["events", "daily", "costs"]
"""As it stands in addresses and file names."""


Every: TypeAlias = Literal["month", "quarter", "year", "rolling"]
"""As stored."""


Fault: TypeAlias = Literal[
    "unreachable",
    "refused",
    "no-bucket",
    "not-allowed",
    "outside-region",
    "keys-lost",
    "no-folder",
    "not-writable",
    "no-space",
    "ended",
]
"""Why an attempt did not deliver, as stored."""


Format: TypeAlias = Literal["csv", "ndjson", "parquet"]
"""As it stands in addresses, and the ending of the file."""


Grain: TypeAlias = Literal["hour", "day", "week", "month"]
"""How long one point of the chart is."""


Grouping: TypeAlias = Literal["provider", "kind", "host", "department"]
"""What one line stands for."""


Period: TypeAlias = Literal["7d", "30d", "month"]
"""As it stands in the address."""


PlaceKind: TypeAlias = Literal["s3", "folder"]
"""What kind of place exports go to."""


ProviderKind: TypeAlias = Literal["api", "chat", "coding-assistant", "image-voice", "search"]
"""What people use a provider for."""


Regulation: TypeAlias = Literal["gdpr", "uk-gdpr", "ccpa"]
"""Under which law a request is answered."""


Rhythm: TypeAlias = Literal["daily", "weekly", "monthly"]
"""How long one period is, as stored."""


RightsRequestKind: TypeAlias = Literal["access", "erasure", "portability", "rectification", "objection", "restriction"]
"""GDPR Art. 15 to 21; CCPA knows access, erasure and rectification by other names."""


Role: TypeAlias = Literal["owner", "administrator", "finance", "privacy_officer", "auditor", "employee", "visitor"]
"""What a person is to their organisation, as stored; a visitor is someone who has not signed in."""


RunState: TypeAlias = Literal["waiting", "delivered", "failed"]
"""Of a run, as stored."""


ScheduleState: TypeAlias = Literal["open", "paused", "ended"]
"""Whether a scheduled export goes on."""


Stage: TypeAlias = Literal["check", "identity", "decision", "working", "ready", "done", "refused"]
"""Where a request stands."""


State: TypeAlias = Literal["open", "closed", "all"]
"""Which requests a list has."""


Status: TypeAlias = Literal["active", "inactive"]
"""Whether someone belongs to the organisation, as stored."""


Step: TypeAlias = Literal[
    "received",
    "confirmed",
    "identified",
    "sealed-for",
    "prepared",
    "opened",
    "expired",
    "recording-stopped",
    "recording-resumed",
    "extended",
    "granted",
    "refused",
    "erased",
    "reminded",
    "taken",
    "delayed",
]
"""What can happen to a request, as stored."""


SubjectKind: TypeAlias = Literal["organisation", "department", "provider", "person"]
"""Whose use, as stored."""


Tag: TypeAlias = Literal[
    "person:viewed",
    "usage:viewed",
    "usage:downloaded",
    "person:added",
    "person:changed",
    "people:imported",
    "people:exported",
    "account:assigned",
    "device:enrolled",
    "device:set-up-anew",
    "device:key-changed",
    "device:revoked",
    "enrolment-code:created",
    "enrolment-code:ended",
    "sign-in-link:created",
    "session:started",
    "session:confirmed",
    "sessions:ended",
    "sign-in:failed",
    "passkey:added",
    "passkey:removed",
    "passkey:refused",
    "password:set",
    "password:removed",
    "recovery-codes:created",
    "recovery-code:used",
    "work-account:connected",
    "work-account:disconnected",
    "role:given",
    "sso:changed",
    "sso:removed",
    "scim-token:created",
    "scim-token:ended",
    "group:changed",
    "organisation:suspended",
    "organisation:resumed",
    "policy:changed",
    "audit:cut",
    "works-agreement:changed",
    "figures:exported",
    "export-schedule:made",
    "export-schedule:changed",
    "export-schedule:paused",
    "export-schedule:resumed",
    "export-schedule:ended",
    "rights-request:made",
    "rights-request:decided",
    "copy:opened",
    "person:erased",
    "legal-hold:changed",
    "notice:published",
    "notice:acknowledged",
    "budget:changed",
    "token-perks:changed",
    "webhook:added",
    "webhook:ended",
    "usage-api:connected",
    "usage-api:disconnected",
    "api-client:created",
    "api-client:revoked",
    "audit:exported",
]
"""Everything that is recorded, as stored. A stored tag is never renamed."""


Unit: TypeAlias = Literal["money", "tokens"]
"""Counted in what, as stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountRange:
    """The 90 % interval, in what the budget is counted in."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What a part of the use comes to. Exchanges and bytes are counted; tokens and cost are estimated."""

    exchanges: int
    """Requests with their responses"""
    request_bytes: int
    response_bytes: int
    tokens: TokenRange
    cost: MoneyRange | None
    """Null where no exchange has a price; never 0 for that"""
    seat_exchanges: int
    """Exchanges paid by the seat"""
    unpriced_exchanges: int
    """Exchanges without a known price"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntries:
    """Some entries, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What was done, by whom, to whom and why. Entries name people by id only."""

    number: int
    """In an unbroken row"""
    at: datetime
    tag: str
    """subject:action"""
    actor: str
    """person, program, command or system"""
    actor_id: UUID | None
    """The person, or whom the program acts for"""
    actor_role: str | None
    command: str | None
    """The command, or the program's name"""
    subject_id: UUID | None
    """The person it was done to"""
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous_hash: str
    hash: str
    """SHA-256 over the entry and the one before"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One budget."""

    budget_id: UUID
    subject: BudgetSubject
    unit: Unit
    period: Every
    rolling_days: int | None
    """Of a rolling budget"""
    starts_on: date
    ended_on: date | None
    versions: list[BudgetVersion]
    """Oldest first; the latest of each day is in force"""
    standing: BudgetStanding | None
    """Null for a budget of a person, whose figures are opened with a reason, and where `note` says"""
    note: str | None
    """Why nothing is said of how it stands"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStanding:
    """How the running period stands."""

    days: Days
    spent: AmountRange
    course: Literal["passed", "may_have_passed", "likely_to_pass", "may_pass", "on_course", "not_known"]
    reached: list[Reached]
    forecast: AmountRange | None
    """By the end; null when too little is known"""
    chance: float | None
    """Of passing the amount by the end"""
    earliest: date | None
    """The first day by whose end the upper end may pass it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSubject:
    """Whose use a budget is about."""

    kind: SubjectKind
    department: str | None = None
    provider: str | None = None
    """Its id"""
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetVersion:
    """What was said of a budget at one time, in force from a day on."""

    valid_from: date
    amount: str
    """Tokens, or money in the currency"""
    currency: str | None
    """Null for tokens"""
    thresholds: list[int]
    """Per cent of the amount"""
    tells_of_forecast: bool
    owner_id: UUID | None
    """The person who is told"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Some of the budgets, by id."""

    items: list[Budget]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the provider's own totals changed the estimates by, on the last day that has any."""

    first: date
    last: date
    input_factor: float | None
    output_factor: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the use of a period costs by tokens, and beside it what seats cost."""

    days: Days
    cost: MoneyRange | None
    """By tokens, all providers together"""
    exchanges: int
    priced_exchanges: int
    seat_exchanges: int
    unpriced_exchanges: int
    providers: list[ProviderCosts]
    """Most expensive first, then those without a price"""
    seats: list[SeatCosts]
    currency_fault: str | None
    """Why figures are in US dollars and not in the currency that was chosen"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """On how many of the enrolled devices a figure rests, in device-days. Nobody's Privacy Hours lower it."""

    device_days_reported: int
    device_days_enrolled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A period of whole days (UTC), both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An enrolled device, or one that was."""

    device_id: UUID
    hostname: str
    platform: str
    agent_version: str
    status: Literal["active", "revoked"]
    enrolled_on: date
    last_report_on: date | None
    """The newest day before today with a report; today's is told tomorrow"""
    is_silent: bool
    """No report for more than seven days"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Some of the devices, by id."""

    items: list[Device]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChange:
    """What is to be otherwise. What is left out stays."""

    dataset: Dataset | None = None
    format: Format | None = None
    rhythm: Rhythm | None = None
    wait_days: int | None = None
    place: NewExportPlace | None = None
    """Whole, but for keys that stay"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportColumn:
    """One column of a dataset."""

    name: str
    kind: str
    """text, day, number or amount"""
    says: str
    """What stands in it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDataset:
    """What can be taken, column by column."""

    dataset: Dataset
    formats: list[Format]
    columns: list[ExportColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDatasets:
    """Everything that can be taken."""

    schema_version: str
    """Stands in every row"""
    items: list[ExportDataset]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlace:
    """Where exports go. What opens it is never said."""

    kind: PlaceKind
    folder: str | None = None
    """Below the server's folder for exports"""
    bucket: str | None = None
    region: str | None = None
    prefix: str | None = None
    endpoint: str | None = None
    """Null for Amazon's own"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRun:
    """One period of a scheduled export, and how far it is."""

    first_day: date
    last_day: date
    state: RunState
    """failed: given up, after about a day"""
    attempts: int
    attempted_at: datetime | None
    delivered_at: datetime | None
    sent_as: SentAs | None
    """Null before anything of it was sent; then it goes out as the export is"""
    size_bytes: int | None
    """Of the file, once it is made"""
    sent_bytes: int
    """How much has arrived; what was cut goes on from there"""
    sha256: str | None
    """Of the file"""
    fault: Fault | None
    """Why the newest attempt did not arrive"""
    fault_detail: str | None
    """One word of whoever refused"""
    schema_version: str | None
    estimator_versions: list[str]
    device_days_reported: int | None
    device_days_enrolled: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRuns:
    """Some of the periods, newest first."""

    items: list[ExportRun]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Why somebody's figures are opened, and of which period."""

    reason: str
    """The person reads it under Who looked"""
    period: Period | None = None
    """Ends with yesterday. Without it: 7d."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRange:
    """Cost by tokens: the 90 % interval, in one currency."""

    low: float
    high: float
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBudget:
    """A budget that is to be made."""

    amount: float | str
    """Tokens or money"""
    subject: NewSubject
    unit: Unit
    period: Every
    currency: str | None = None
    """Of money; it needs a rate"""
    thresholds: list[int] | None = None
    """Per cent of the amount at which its owner is told. Without it: [50, 80, 100]."""
    tells_of_forecast: bool | None = None
    """Without it: True."""
    owner: str | None = None
    """E-mail of the person who is told"""
    valid_from: date | None = None
    """Today, or a day of the next twelve months"""
    rolling_days: int | None = None
    """Of a rolling budget"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExportPlace:
    """A bucket with its region and keys, or a folder. A small file is written there before it is taken."""

    kind: PlaceKind
    folder: str | None = None
    """Such as finance or finance/ai"""
    bucket: str | None = None
    region: str | None = None
    """Such as eu-central-1"""
    prefix: str | None = None
    """Such as toktra/costs/"""
    endpoint: str | None = None
    """Of a service that is not Amazon's"""
    access_key_id: str | None = None
    """A change without keys leaves a bucket those it has"""
    secret_access_key: str | None = None
    """Sealed, and never answered"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRightsRequest:
    """A request that somebody made elsewhere: by letter, in person, in another program."""

    person: str
    """Their id, or their e-mail address in full"""
    kind: RightsRequestKind
    regulation: Regulation | None = None
    """Without it, the law of the person's place"""
    received_on: date | None = None
    """The day (UTC) it reached the organisation, within the last year; without it, today"""
    details: str | None = None
    """In their words; needed for rectification and objection"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScheduledExport:
    """An export that is to be sent by itself."""

    dataset: Dataset
    starts_on: date
    """The first period is the one of this day, 400 days back at most"""
    place: NewExportPlace
    format: Format | None = None
    """Without it: csv."""
    rhythm: Rhythm | None = None
    """Without it: monthly."""
    wait_days: int | None = None
    """How long after its end, so that late devices are in it. Without it: 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubject:
    """Whose use: everyone's, or that of one department, provider or person."""

    kind: SubjectKind
    department: str | None = None
    provider: str | None = None
    """Its id"""
    person: str | None = None
    """Their e-mail address"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What is to hold from a day on."""

    amount: float | str
    """Tokens or money"""
    currency: str | None = None
    """Of money; it needs a rate"""
    thresholds: list[int] | None = None
    """Per cent of the amount at which its owner is told. Without it: [50, 80, 100]."""
    tells_of_forecast: bool | None = None
    """Without it: True."""
    owner: str | None = None
    """E-mail of the person who is told"""
    valid_from: date | None = None
    """Today, or a day of the next twelve months"""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Some of the people, by id."""

    items: list[Person]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An entry of the directory. It has no figures."""

    person_id: UUID
    name: str
    email: str | None
    department: str | None
    manager: str | None
    """The manager's name"""
    role: Role
    status: Status
    is_unnamed_account: bool
    """An account that reports and nobody was named for; it is nobody's entry yet"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsDay:
    """One day of this person; `tokens` is null on days without an enrolled device."""

    day: date
    tokens: TokenRange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsProvider:
    """One provider this person used."""

    name: str
    hosts: list[str]
    exchanges: int
    tokens: TokenRange
    cost: MoneyRange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsUsage:
    """One person's figures, up to yesterday and by day: no single event, and no time."""

    person_id: UUID
    days: Days
    exchanges: int
    tokens: TokenRange
    cost: MoneyRange | None
    seat_exchanges: int
    unpriced_exchanges: int
    providers: list[PersonsProvider]
    by_day: list[PersonsDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePart:
    """One model's list price, or a contract's, and its share of the tokens."""

    model: str | None
    """Null for a contract"""
    share: float
    input_usd_per_million: float
    output_usd_per_million: float
    source: str
    """Where the price is from"""
    since: date | None
    """From when the list has this price"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedProvider:
    """A provider and what its tokens are taken to cost today."""

    id: str
    name: str
    kind: ProviderKind
    rules: list[str]
    """The host names it is known by"""
    note: str | None
    """What a reader of the figures should know"""
    price_basis: str | None
    """`contract`, `model_mix` (yours, at list prices), `assumed_model` (one usual model); null without a price"""
    price: list[PricePart]
    price_fault: str | None
    """Why there is no price, in a word"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An AI service as people know it."""

    id: str
    name: str
    kind: ProviderKind
    rules: list[str]
    """The host names it is known by"""
    note: str | None
    """What a reader of the figures should know"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCosts:
    """One provider: its use, its cost, and what lies between them."""

    provider_id: str | None
    """Null for a host that is in the catalogue no more"""
    name: str
    hosts: list[str]
    exchanges: int
    estimated_tokens: TokenRange
    """As the devices estimated"""
    tokens: TokenRange
    """After the correction, if there is one"""
    correction: Correction | None
    cost: MoneyRange | None
    """Null when no exchange has a price"""
    priced_exchanges: int
    seat_exchanges: int
    unpriced_exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Some of the providers, by id."""

    items: list[Provider]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A threshold that the upper end of what was spent has reached."""

    threshold: int
    """Per cent; 0 stands for the forecast"""
    is_certain: bool
    """The lower end has reached it as well"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequest:
    """What was asked for and by when it is due. Neither the words of who asked nor anything of a copy is in it."""

    request_id: UUID
    title: str
    """As people say it"""
    kind: RightsRequestKind
    regulation: Regulation
    person_id: UUID | None
    """Null while nobody knows whose a mailed request is. After an erasure it stands for nobody"""
    channel: Channel
    """How it came in"""
    stage: Stage
    owner_id: UUID | None
    """Who sees to it; null for nobody yet"""
    received_on: date
    confirm_by: date | None
    """Null where the law sets no day"""
    due_on: date
    """Never moved for a weekend or holiday"""
    target_on: date
    """The last working day on or before it"""
    is_extended: bool
    is_overdue: bool
    """Open, and the day it was due is over (UTC)"""
    closed_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequests:
    """Some of the requests, newest first."""

    items: list[RightsRequest]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsStep:
    """One thing that happened to a request."""

    at: datetime
    step: Step
    by_role: str | None
    """Null for the server and for its person"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledExport:
    """An export that is sent by itself whenever a period is over."""

    schedule_id: UUID
    state: ScheduleState
    dataset: Dataset
    format: Format
    rhythm: Rhythm
    """How long a period is; a week is from Monday to Sunday"""
    wait_days: int
    """How long after its end a period is sent"""
    starts_on: date
    """Its first period is the one of this day"""
    place: ExportPlace
    access_key: str | None
    """The end of the access key's id"""
    created_at: datetime
    newest_run: ExportRun | None
    """Null when no period is due yet"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledExports:
    """Some of the scheduled exports, by id."""

    items: list[ScheduledExport]
    next_cursor: str | None
    """Null when these are the last"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatCosts:
    """Subscriptions by the seat: known exactly, and changed by no use."""

    provider_id: str
    name: str
    days: Days
    seats: int
    """On the last of these days"""
    amount: float
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAs:
    """What went where."""

    dataset: Dataset
    format: Format
    place: ExportPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRange:
    """Estimated tokens: the 90 % interval. There is no single number."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the organisation used in a period, and what these figures rest on."""

    days: Days
    by: Grouping
    grain: Grain
    total: Amounts
    lines: list[UsageLine]
    """Most tokens first"""
    points: list[UsagePoint]
    """In order of time"""
    coverage: Coverage
    hours_withheld: bool
    """Whether hours of some day are not told, as fewer than five people had any use on it"""
    departments: list[str]
    """Those that can be asked for"""
    currency_fault: str | None
    """Why cost is in US dollars and not in the currency that was chosen"""
    estimator_versions: list[str]
    """Of the period's records"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """One provider, kind, host or department of the period."""

    key: str
    """Its id, or name; empty for all that is not shown by department"""
    name: str
    """As the page calls it"""
    hosts: list[str]
    amounts: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePoint:
    """One hour, day, week or month of the period, all lines together."""

    start: datetime
    """UTC"""
    days: Days
    amounts: Amounts | None
    """Null where no device reported or the hour is not told: silence is not zero"""
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRightsRequest:
    """A request with what happened to it, newest first. Reasons that people wrote are on its page only."""

    request_id: UUID
    title: str
    """As people say it"""
    kind: RightsRequestKind
    regulation: Regulation
    person_id: UUID | None
    """Null while nobody knows whose a mailed request is. After an erasure it stands for nobody"""
    channel: Channel
    """How it came in"""
    stage: Stage
    owner_id: UUID | None
    """Who sees to it; null for nobody yet"""
    received_on: date
    confirm_by: date | None
    """Null where the law sets no day"""
    due_on: date
    """Never moved for a weekend or holiday"""
    target_on: date
    """The last working day on or before it"""
    is_extended: bool
    is_overdue: bool
    """Open, and the day it was due is over (UTC)"""
    closed_on: date | None
    history: list[RightsStep]
