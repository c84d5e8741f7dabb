"""A personal service of one's own for each test, and an account on a device that joined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.perks.account import Account
from tests.agent.perks.services import Organisation, PersonalSide, personal_side


@pytest.fixture
def personal() -> Iterator[PersonalSide]:
    with personal_side() as running:
        yield running


@pytest.fixture
def organisation(personal: PersonalSide) -> Organisation:
    return Organisation(personal)


@pytest.fixture
def account(tmp_path: Path, personal: PersonalSide, organisation: Organisation) -> Iterator[Account]:
    joined = Account(tmp_path / "perks", personal, organisation)
    yield joined
    joined.members.close()
