"""Enrolment codes as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.devices.codes import EnrolmentCode

SLUGS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@given(SLUGS)
def test_a_new_code_reads_back_as_itself(slug: str) -> None:
    code = EnrolmentCode.new(slug)
    assert EnrolmentCode.parse(str(code)) == code
    assert re.fullmatch(re.escape(slug) + r"(-[0-9a-hjkmnp-tv-z]{4}){3}", str(code))


def test_codes_are_random_and_their_text_is_kept_out_of_logs() -> None:
    codes = {EnrolmentCode.new("north").hash for _ in range(100)}
    assert len(codes) == 100
    code = EnrolmentCode.new("north")
    assert code.secret not in repr(code)


@pytest.mark.parametrize(
    "typed", ["North-A0B1-CDEF-GH23", "  north-aOb1-cdef-gh23\n", "north-aobI-cdef-gh23", "north-aobl-cdef-gh23"]
)
def test_what_people_misread_and_mistype_is_put_right(typed: str) -> None:
    code = EnrolmentCode.parse(typed)
    assert str(code) == "north-a0b1-cdef-gh23"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "north",
        "a0b1-cdef-gh23",
        "-a0b1-cdef-gh23",
        "north-a0b1-cdef",
        "north-a0b1-cdef-gh2u",
        "north-a0b1-cdef-gh234",
    ],
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert EnrolmentCode.parse(typed) is None


@given(st.text())
def test_any_text_is_a_code_or_none(typed: str) -> None:
    code = EnrolmentCode.parse(typed)
    assert code is None or EnrolmentCode.parse(str(code)) == code
