"""Which passwords are taken, and what codes of an authenticator app count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from toktra.server.sign_in import authenticator
from toktra.server.sign_in.passwords import PasswordRefused, check_password, hash_password, is_outdated, is_password
from toktra.server.sign_in.recovery_codes import hash_of, new_codes

NOW = datetime(2026, 11, 22, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    ["aller guten dinge", "            x y z q", "Пароль из слов", "correct horse battery", "a" * 195 + "bcdef"],
)
def test_length_counts_and_composition_does_not(password: str) -> None:
    check_password(password, name="Ada Exempel", email="ada@example.org")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("abababababababab", "different characters"),
        ("x" * 201 + "bcdef", "at most 200"),
        ("ada@example.org!", "your name or e-mail"),
        ("my ADA exempel 1", "your name or e-mail"),
        ("adaexempel12345", "your name or e-mail"),
    ],
)
def test_what_is_easily_guessed_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(PasswordRefused, match=why):
        check_password(password, name="Ada Exempel", email="ada@example.org")


def test_a_very_short_name_is_part_of_many_words_and_no_reason() -> None:
    check_password("an adamant sentence", name="Ada", email="ada@example.org")


async def test_a_password_is_kept_as_argon2id_and_typed_on_any_keyboard() -> None:
    stored = await hash_password("Bärenstark ist das ﬁne")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await is_password(stored, "Ba\u0308renstark ist das fine")
    assert not await is_password(stored, "Barenstark ist das fine")
    assert not await is_password(None, "Barenstark ist das fine")
    assert not await is_password("damaged", "Barenstark ist das fine")
    assert not is_outdated(stored)
    assert is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ")


def test_a_code_counts_one_step_early_or_late_and_never_twice() -> None:
    secret = authenticator.new_secret()
    now = int(NOW.timestamp()) // 30
    app = pyotp.TOTP(secret)
    for steps, counts in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = authenticator.step_of(secret, app.generate_otp(now + steps), NOW)
        assert (found == now + steps) == counts
    code = app.generate_otp(now)
    assert authenticator.step_of(secret, f"{code[:3]} {code[3:]}", NOW) == now
    assert authenticator.step_of(secret, code, NOW, after=now) is None
    assert authenticator.step_of(secret, code, NOW + timedelta(seconds=90)) is None


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert authenticator.step_of(authenticator.new_secret(), typed, NOW) is None


def test_the_picture_needs_no_style() -> None:
    picture = authenticator.picture_of(
        authenticator.address_of("A" * 32, account="ada@example.org", organisation="N & S")
    )
    assert picture.startswith("<svg ")
    assert "style" not in picture


def test_recovery_codes_are_ten_and_are_read_as_people_type_them() -> None:
    codes = new_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert hash_of(f" {code.upper()} ") == hash_of(code.replace("-", " ")) == hash_of(code)
    assert hash_of("0123-4567-89ab-cdef") == hash_of("o123 4567 89AB CDEF".replace("1", "l"))
    for wrong in ("", "0123", "0123-4567-89ab-cdeu", "0123-4567-89ab-cdef-0"):
        assert hash_of(wrong) is None
