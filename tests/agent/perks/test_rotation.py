"""A new key for all that was sealed for the old one, done by its owner, and finished when it broke off."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.agent.perks.account import Account

from toktra.agent.perks.age import Sealer, new_identity
from toktra.agent.perks.keys import Key
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.rotation import NotChanged, reseal_all


def test_every_record_opens_with_the_new_key_alone_also_when_it_took_two_tries(account: Account) -> None:
    account.opens()
    mine = [account.use(number) for number in range(1, 30)]
    account.pass_time(timedelta(hours=31))
    service = PersonalService(account.personal.url)
    new = Key(service=account.key.service, mailbox=account.key.mailbox, identity=new_identity())
    puts = 0

    def breaks_off(request: Request) -> Response | None:
        nonlocal puts
        puts += request.method == "PUT"
        return Response(status_code=503) if request.method == "PUT" and puts > 1 else None

    account.personal.refuses = breaks_off
    with pytest.raises(NotChanged, match="Run this again with the same two files"):
        reseal_all(service, account.key, new)
    account.personal.refuses = lambda _request: None
    resealed, unopened = reseal_all(service, account.key, new)
    assert unopened == 0
    assert 0 < resealed < len(account.personal.mailboxes[next(iter(account.personal.mailboxes))])
    assert account.personal.opened(new.mailbox, new.identity) == mine


def test_what_opens_with_neither_is_counted_and_left(account: Account) -> None:
    account.opens()
    [mailbox] = account.personal.mailboxes.values()
    name, record = next(iter(mailbox.items()))
    mailbox[name] = msgspec.structs.replace(record, sealed=record.sealed[:-1] + b"?")
    new = Key(service=account.key.service, mailbox=account.key.mailbox, identity=new_identity())
    resealed, unopened = reseal_all(PersonalService(account.personal.url), account.key, new)
    assert (resealed, unopened) == (len(mailbox) - 1, 1)


def test_the_device_seals_for_the_new_key_from_then_on(account: Account) -> None:
    account.opens()
    identity = new_identity()
    recipient = Key(service="", mailbox="", identity=identity).recipient
    account.member.change(lambda kept: msgspec.structs.replace(kept, recipient=recipient))
    account.member.sealer = Sealer(recipient)
    mine = account.use(1)
    before = set(account.personal.mailboxes[next(iter(account.personal.mailboxes))])
    account.pass_time(timedelta(hours=2))
    [mailbox] = account.personal.mailboxes.values()
    for name in before:
        del mailbox[name]
    assert account.personal.opened(account.key.mailbox, identity) == [mine]
