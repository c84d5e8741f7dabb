"""What leaves for the personal service, when, and what comes of any answer: over real HTTP, with real tickets."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from starlette.responses import Response
from tests.agent.perks.account import MONDAY, THURSDAY, UID, Account
from tests.agent.perks.services import Organisation, PersonalSide, digest
from voprf import ristretto

from toktra.agent.perks.age import unseal
from toktra.agent.perks.slots import hour_of, next_hour, opening_day, opens_now
from toktra.wire.personal import UPLOAD_BYTES, decode_upload, read_plain

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def test_a_mailbox_is_opened_on_a_monday_among_others_and_every_hour_is_filled(account: Account) -> None:
    personal = account.personal
    mine = [account.use(number) for number in range(1, 21)]
    account.pass_time(MONDAY - account.now)
    assert not personal.mailboxes
    assert all("/keys/" in path for path, _ in personal.requests)

    account.opens()
    assert digest(account.key.mailbox) in personal.mailboxes
    assert personal.opened(account.key.mailbox, account.key.identity) == mine
    account.pass_time(MONDAY + 3 * DAY - account.now)
    full = [MONDAY.date() + day * DAY for day in range(2)]
    assert [Counter(personal.days)[day] for day in full] == [24, 24]
    assert {len(body) for body in personal.bodies} == {UPLOAD_BYTES}


def test_hours_in_which_the_device_was_off_are_filled_later_under_their_day(account: Account) -> None:
    account.opens()
    account.skip(4 * DAY)
    mine = account.use(5)
    account.pass_time(DAY)
    counted = Counter(account.personal.days)
    assert [counted[MONDAY.date() + day * DAY] for day in range(5)] == [24] * 5
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [mine]


def test_nothing_tells_who_sends_and_a_ticket_is_spent_without_the_mailbox(account: Account) -> None:
    account.opens()
    account.member.owe(3)
    account.pass_time(DAY)
    assert account.personal.redemptions == 3
    for path, headers in account.personal.requests:
        expected = {"host", "accept-encoding", "user-agent", "connection", "content-type", "content-length"}
        if path.startswith("/v1/mailbox"):
            expected |= {"authorization"}
        assert set(headers) <= expected, (path, headers)
        assert headers["user-agent"] == "toktra"


def test_use_and_mode_do_not_show_in_what_leaves(account: Account) -> None:
    account.opens()
    quiet, before = len(account.personal.requests), account.now
    account.pass_time(DAY)
    for number in range(100):
        account.use(number)
    busy = len(account.personal.requests)
    account.pass_time(DAY)
    assert account.now - before == 2 * DAY
    assert len(account.personal.requests) - busy == busy - quiet == 24


def test_a_service_that_is_down_for_a_month_loses_and_leaks_nothing(account: Account) -> None:
    account.opens()
    account.personal.refuses = lambda _request: Response(status_code=503)
    mine = [account.use(number) for number in range(1, 40)]
    account.pass_time(DAY)
    account.skip(28 * DAY)
    account.pass_time(DAY)
    assert "takes nothing now (503)" in " ".join(account.member.troubles.values())
    account.start()
    account.personal.refuses = lambda _request: None
    account.pass_time(HOUR)
    assert account.personal.opened(account.key.mailbox, account.key.identity) == mine
    counted = Counter(account.personal.days)
    assert {counted[MONDAY.date() + day * DAY] for day in range(4)} == {24}  # and on to today, by and by
    assert account.member.troubles == {}


def test_a_parcel_whose_answer_was_lost_is_sent_again_byte_for_byte(account: Account) -> None:
    account.opens()
    mine = account.use(1)
    lost: list[bytes] = []

    def arrives_and_breaks_off(request: object) -> Response | None:
        return Response(status_code=500) if len(account.personal.bodies) > stored else None

    stored = len(account.personal.bodies)
    account.personal.refuses = arrives_and_breaks_off
    account.pass_time(HOUR)
    parcel = account.member.waiting.parcel()
    while parcel is None:
        account.pass_time(HOUR)
        parcel = account.member.waiting.parcel()
    lost.append(parcel.body)
    account.start()  # and the agent was killed in between
    account.personal.refuses = lambda _request: None
    account.pass_time(2 * HOUR)
    assert lost[0] in account.personal.bodies
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [mine]


def test_a_clock_that_is_days_ahead_is_named_and_nothing_is_lost(account: Account) -> None:
    account.opens()
    mine = account.use(1)
    right = account.now
    account.personal.today = right.date
    account.now += 3 * DAY
    account.pass_time(DAY)
    assert "clock of this device is off by days" in " ".join(account.member.troubles.values())
    account.personal.today = account.today
    account.pass_time(2 * HOUR)
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [mine]


def test_a_mailbox_that_is_gone_is_told_and_opened_again_on_a_monday(account: Account) -> None:
    account.opens()
    account.personal.mailboxes.clear()
    mine = account.use(1)
    account.pass_time(DAY)
    assert "Your mailbox is not there" in " ".join(account.member.troubles.values())
    assert not account.personal.mailboxes
    account.pass_time(8 * DAY)
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [mine]


def test_a_device_that_is_never_on_on_mondays_opens_on_another_day_after_the_second(account: Account) -> None:
    for monday in range(2):
        account.pass_time(MONDAY + monday * 7 * DAY - account.now - HOUR)
        account.skip(DAY + 2 * HOUR)
        account.pass_time(HOUR)
    account.pass_time(DAY)
    assert account.member.membership.opening_at is None
    assert account.personal.mailboxes


def test_leaving_during_an_upload_deletes_what_it_brought(account: Account) -> None:
    account.opens()
    account.use(1)

    def leaves(request: object) -> None:
        """While the service is at it."""
        account.member.change(lambda kept: msgspec.structs.replace(kept, leaving=True))
        account.member.waiting.clear()

    account.personal.refuses = leaves
    account.pass_time(2 * HOUR)
    assert account.uplink.left
    assert account.personal.mailboxes == {}
    assert account.member.waiting.counts().records == 0


def test_leaving_is_tried_until_the_service_has_deleted_the_mailbox(account: Account) -> None:
    account.opens()
    account.member.change(lambda kept: msgspec.structs.replace(kept, leaving=True))
    account.personal.refuses = lambda _request: Response(status_code=503)
    account.pass_time(DAY)
    assert account.personal.mailboxes
    assert not account.uplink.left
    account.personal.refuses = lambda _request: None
    account.pass_time(2 * HOUR)
    assert account.uplink.left
    assert not account.personal.mailboxes


def test_tickets_are_had_once_a_month_checked_and_spent_one_by_one(account: Account) -> None:
    account.pass_time(2 * DAY)
    assert account.organisation.issued == account.member.waiting.counts().tickets == 40
    account.opens()
    assert account.member.waiting.counts().tickets == 39
    account.member.owe(1000)  # more than there are: recording goes on, that is all
    account.pass_time(4 * DAY)
    assert account.personal.redemptions == 39
    assert {one.account for one in account.organisation.asked} == {"alice"}
    account.organisation.month, account.organisation.issued = "2027-02", 0
    account.pass_time(3 * DAY)
    assert account.member.waiting.counts().tickets == 40
    assert account.member.troubles == {}


def test_tickets_made_with_another_key_than_everybodys_are_not_used(
    account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    account.organisation.evaluator = ristretto.Evaluator.from_seed(b"\x09" * 32, b"marks one person")
    account.pass_time(2 * DAY)
    assert account.member.waiting.counts().tickets == 0
    assert "could be used to recognise you" in " ".join(account.member.troubles.values())
    assert capfd.readouterr().err == "", "nobody but their owner is told"


def test_a_replayed_or_forged_ticket_is_dropped_and_spending_goes_on(account: Account) -> None:
    account.opens()
    account.member.owe(3)
    account.pass_time(HOUR)  # marks them
    due = account.member.waiting.ticket_due()
    assert due is not None
    account.personal.spent.add(due.nonce)
    account.pass_time(DAY)
    assert account.personal.redemptions in (2, 3)
    assert account.member.waiting.counts().due == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one: setattr(one, "unreachable", "The personal service is away."),
            r"503: The personal service is away\.",
        ),
        (lambda one: setattr(one, "standing", "invited"), "you do not take part any more"),
        (lambda one: setattr(one.personal, "url", "https://elsewhere.example"), "names another personal service"),
    ],
)
def test_what_the_organisation_says_stops_no_record(account: Account, change: object, said: str) -> None:
    account.opens()
    change(account.organisation)  # type: ignore[operator]
    mine = account.use(1)
    account.pass_time(3 * DAY)
    assert re.search(said, " ".join(account.member.troubles.values()))
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [mine]


def test_two_devices_with_one_key_fill_one_mailbox(account: Account, organisation: Organisation) -> None:
    account.opens()
    first = account.use(1)
    account.pass_time(HOUR)
    second = Account(account.directory.with_name("second"), account.personal, organisation)
    second.key, second.now = account.key, account.now
    kept = msgspec.structs.replace(
        second.member.membership,
        recipient=account.key.recipient,
        mailbox=account.key.mailbox,
        opening_at=None,
        filled_hour=hour_of(account.now) - 1,
    )
    second.members.join(UID, kept)
    second.start()
    other = second.use(2)
    second.pass_time(2 * HOUR)
    assert account.personal.opened(account.key.mailbox, account.key.identity) == [first, other]
    second.members.close()


def test_hours_are_due_from_their_second_on_and_not_after_ninety_days() -> None:
    now = datetime(2027, 1, 11, 10, 20, tzinfo=UTC)
    assert next_hour(hour_of(now) - 1, now, 1200) == hour_of(now)
    assert next_hour(hour_of(now) - 1, now, 1201) is None
    assert next_hour(hour_of(now) - 3, now, 0) == hour_of(now) - 2
    assert next_hour(0, now, 0) == hour_of(datetime(2026, 10, 14, tzinfo=UTC))
    assert next_hour(hour_of(now) + 50, now, 0) is None


def test_the_opening_is_on_the_next_monday_whatever_the_day() -> None:
    for day in range(7):
        joined = THURSDAY + day * DAY
        for chance in (0.0, 0.5, 0.9999):
            opening = opening_day(joined, lambda chance=chance: chance)  # type: ignore[misc]
            assert opening.weekday() == 0
            assert timedelta() < opening - joined <= 8 * DAY
            assert not opens_now(opening, opening - timedelta(seconds=1))
            assert opens_now(opening, opening)
            assert not opens_now(opening, opening + DAY)


def test_every_hour_is_filled_whether_or_not_there_is_a_record_for_it(account: Account) -> None:
    account.opens()
    stored = len(account.personal.bodies)
    mine = [account.use(number) for number in range(3)]
    account.pass_time(6 * HOUR)
    sealed = [decode_upload(body).sealed for body in account.personal.bodies[stored:]]
    opened = [read_plain(unseal(one, account.key.identity)) for one in sealed]
    assert [use for record in opened for use in record.uses] == mine
    assert [len(record.uses) for record in opened] == [1, 1, 1, 0, 0, 0]


def test_the_services_know_nothing_of_each_other(personal: PersonalSide, account: Account) -> None:
    """No identifier of one side is ever told to the other, but for the programme and its tier."""
    account.opens()
    told = b"".join(personal.bodies) + repr(personal.requests).encode()
    assert b"alice" not in told
    asked = repr(account.organisation.asked).encode()
    assert account.key.mailbox.encode() not in asked
    assert account.key.recipient.encode() not in asked
