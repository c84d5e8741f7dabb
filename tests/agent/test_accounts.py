"""Names of local users."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from toktra.agent.accounts import Accounts, AccountsNotUsable, read_mapping


def test_a_user_of_this_machine_goes_by_the_account_name() -> None:
    assert Accounts().name(os.geteuid()) == pwd.getpwuid(os.geteuid()).pw_name


def test_an_unknown_user_goes_by_number() -> None:
    assert Accounts(account=lambda _: None).name(4321) == "uid-4321"
    assert Accounts().name(2_000_000_123) == "uid-2000000123"


@pytest.mark.parametrize("name", ["", "tab\there", "x" * 129, "semi;colon"])
def test_a_name_that_an_event_may_not_hold_is_replaced_by_the_number(name: str) -> None:
    assert Accounts(account=lambda _: name).name(7) == "uid-7"


def test_accounts_can_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text('[accounts]\nalice = "a.smith@example.org"\n"uid-4321" = "build machine"\nunknown = "a.smith"\n')
    accounts = Accounts(read_mapping(path), {1000: "alice", 1001: "bob"}.get)

    assert [accounts.name(uid) for uid in (1000, 1001, 4321, None)] == [
        "a.smith@example.org",
        "bob",
        "build machine",
        "a.smith",
    ]


def test_each_user_is_looked_up_once() -> None:
    asked: list[int] = []

    def account(uid: int) -> str:
        asked.append(uid)
        return "alice"

    accounts = Accounts(account=account)
    assert [accounts.name(1000) for _ in range(3)] == ["alice"] * 3
    assert asked == [1000]


def test_no_mapping_is_needed(tmp_path: Path) -> None:
    assert read_mapping(tmp_path / "accounts.toml") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[accounts", "cannot be read"),
        ("[users]\nalice = 'a'", "users"),
        ("accounts = 3", "must be a table"),
        ("[accounts]\nalice = 3", r"accounts\.alice must be a name"),
        ("[accounts]\nalice = ''", r"accounts\.alice must be a name"),
        ("[accounts]\nalice = 'a<b>'", r"accounts\.alice must be a name"),
    ],
)
def test_a_mapping_that_cannot_be_followed_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    with pytest.raises(AccountsNotUsable, match=why):
        read_mapping(path)


USERS = {"alice": 1000, "alice-work": 1001, "bob": 1002}


def name_of(uid: int) -> str | None:
    return next((name for name, number in USERS.items() if number == uid), None)


@pytest.mark.parametrize(
    ("name", "uids"),
    [
        ("bob", {1002}),
        ("a.smith", {1000, 1001}),
        ("alice", set()),  # that account reports under another name
        ("uid-4321", {4321}),
        ("uid-1002", set()),  # that one has a name
        ("nobody here", set()),
    ],
)
def test_the_accounts_behind_a_name_are_those_that_report_under_it(name: str, uids: set[int]) -> None:
    accounts = Accounts({"alice": "a.smith", "alice-work": "a.smith"}, account=name_of, uid=USERS.get)
    assert accounts.uids(name) == uids
