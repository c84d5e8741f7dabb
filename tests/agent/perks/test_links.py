"""Links that ask for personal mode: three, compared as a whole, and nothing else is ever followed."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toktra.agent.perks.links import LINKS, NotALink, wish_of
from toktra.agent.perks.messages import PersonalOff, PersonalOn

NEARLY = st.builds(
    lambda link, place, put: link[:place] + put + link[place:],
    st.sampled_from(list(LINKS)),
    st.integers(0, 20),
    st.text(min_size=1, max_size=12),
)


def test_the_three_links_say_what_they_do() -> None:
    assert {link: wish_of(link) for link in LINKS} == {
        "toktra:personal/on": PersonalOn(),
        "toktra:personal/hour": PersonalOn(minutes=60),
        "toktra:personal/off": PersonalOff(),
    }


@given(st.one_of(st.text(max_size=200), NEARLY))
@example("toktra:personal/hour?minutes=100000")
@example("toktra:personal/off\n")
@example("TOKTRA:personal/off")
@example("toktra://personal/off")
@example("toktra:personal/../personal/off")
@example("toktra:personal%2Foff")
@example("--state=/tmp/somebody")
@example("toktra:perks/leave")
def test_anything_else_is_refused_without_repeating_it(link: str) -> None:
    if link in LINKS:
        return
    with pytest.raises(NotALink) as refused:
        wish_of(link)
    assert str(refused.value) == str(NotALink())


def test_no_shell_would_read_more_than_a_word_in_them() -> None:
    assert all(shlex.split(link) == [link] for link in LINKS)
