"""Changing the key: every record of a mailbox is opened with the old one and sealed for the new one, by its owner."""

from __future__ import annotations

from typing import Final

import msgspec

from toktra.agent.errors import AgentError
from toktra.agent.perks.age import NotOpened, Sealer, unseal
from toktra.agent.perks.keys import Key
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.problem import read_problem
from toktra.agent.transport import Answer
from toktra.wire.events import InvalidMessage, decode
from toktra.wire.personal import MOST_RESEALED, RecordsPage, Resealed, StoredRecord, read_plain

ANSWER_WITHIN_S: Final = 30.0

_pages: Final = msgspec.json.Decoder(RecordsPage)


class NotChanged(AgentError):
    """The service did not answer as it should. What was sealed anew before is; the rest opens with the old key."""


def reseal_all(service: PersonalService, old: Key, new: Key) -> tuple[int, int]:
    """How many records were sealed anew, and how many open with neither key. Raises NotChanged, Unreachable."""
    sealer = Sealer(new.recipient)
    after: str | None = None
    resealed = unopened = 0
    while True:
        answer = service.records(old.mailbox, after, ANSWER_WITHIN_S)
        if answer.status == 404:  # it is not open yet: nothing is there to be changed
            return resealed, unopened
        page = _page(answer)
        anew = []
        for record in page.records:
            try:
                anew.append(
                    Resealed(record=record.record, sealed=sealer.seal(read_plain(unseal(record.sealed, old.identity))))
                )
            except (NotOpened, InvalidMessage):
                unopened += not _opens(record, new)
        for first in range(0, len(anew), MOST_RESEALED):
            _expect(service.replace_records(old.mailbox, anew[first : first + MOST_RESEALED], ANSWER_WITHIN_S))
        resealed += len(anew)
        if page.next is None:
            return resealed, unopened
        after = page.next


def _opens(record: StoredRecord, key: Key) -> bool:
    """It was sealed anew already, before an earlier try broke off."""
    try:
        unseal(record.sealed, key.identity)
    except NotOpened:
        return False
    return True


def _page(answer: Answer) -> RecordsPage:
    _expect(answer)
    try:
        return decode(answer.body, _pages)
    except InvalidMessage as error:
        raise NotChanged(f"What the personal service sent cannot be read ({error}). Run this again later.") from None


def _expect(answer: Answer) -> None:
    if answer.status not in (200, 204):
        said = read_problem(answer.body).sentence
        raise NotChanged(
            f"The personal service did not take it ({answer.status}{': ' + said if said else ''}). What was sealed anew"
            " before stays so, the rest opens with the old key. Run this again with the same two files."
        )
