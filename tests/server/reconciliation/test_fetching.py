"""The usage APIs over real HTTP: paging, keys, limits, and every answer that is not as documented."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from toktra.server.reconciliation.fetching import Fetcher, FetchFailed, KeyRefused, SlowDown
from toktra.server.reconciliation.usage_api import ANTHROPIC, OPENAI, UsageApi

if TYPE_CHECKING:
    from tests.server.reconciliation.conftest import Answer, Asked, Provider

KEY = "sk-admin-of-north-0123456789abcdef"
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 21)
BOTH = pytest.mark.parametrize("api", [OPENAI, ANTHROPIC], ids=lambda api: api.provider_id)


def fetch(provider: Provider, api: UsageApi, key: str = KEY, **options: Any) -> Any:
    return Fetcher(address=provider.address, **options).fetch(api, key, FIRST, LAST)


def answering(status: int, body: Any = None, **headers: str) -> Callable[[Asked], Answer]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _asked: (status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


@BOTH
def test_every_day_is_fetched_over_several_pages(provider: Provider, api: UsageApi) -> None:
    provider.fill(FIRST + timedelta(days=2), 20)
    found = fetch(provider, api)
    assert [day.day for day in found.days] == [FIRST + timedelta(days=place) for place in range(33)]
    used = [day for day in found.days if day.input_tokens]
    assert len(used) == 20
    assert {(day.input_tokens, day.output_tokens) for day in used} == {(1_000_000, 50_000)}
    assert {day.requests for day in used} == {400 if api is OPENAI else None}
    assert found.organisation == "org-north"
    assert len(provider.asked) == 5
    assert provider.asked[1].query["page"] == ["page_7"]


@BOTH
def test_it_asks_as_documented(provider: Provider, api: UsageApi) -> None:
    fetch(provider, api)
    asked = provider.asked[0]
    assert asked.path == api.path
    assert asked.query["bucket_width"] == ["1d"]
    assert asked.query["limit"] == ["31"]
    if api is OPENAI:
        assert asked.query["start_time"] == ["1792454400"]
        assert asked.query["end_time"] == ["1795305600"]
        assert asked.headers["authorization"] == f"Bearer {KEY}"
    else:
        assert asked.query["starting_at"] == ["2026-10-20T00:00:00Z"]
        assert asked.query["ending_at"] == ["2026-11-22T00:00:00Z"]
        assert asked.headers["x-api-key"] == KEY
        assert asked.headers["anthropic-version"] == "2023-06-01"
    assert KEY not in json.dumps(asked.query)


@BOTH
def test_a_wrong_key_is_refused_with_what_is_needed(provider: Provider, api: UsageApi) -> None:
    with pytest.raises(KeyRefused, match=r"does not accept this key\. Needed: An admin key") as refusal:
        fetch(provider, api, "sk-wrong")
    assert "sk-wrong" not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "two words", "líne", "with\nbreak", "x" * 500])
def test_what_cannot_be_a_key_is_not_even_sent(provider: Provider, key: str) -> None:
    with pytest.raises(KeyRefused, match="no key of OpenAI"):
        fetch(provider, OPENAI, key)
    assert provider.asked == []


def test_a_key_without_the_right_is_told_from_a_wrong_one(provider: Provider) -> None:
    provider.instead = [answering(403, {"error": {"message": "Missing scopes: api.usage.read"}})]
    with pytest.raises(KeyRefused, match="may not read the usage"):
        fetch(provider, OPENAI)


@BOTH
def test_a_limit_is_waited_for_when_there_is_patience(provider: Provider, api: UsageApi) -> None:
    provider.fill(LAST, 1)
    provider.instead = [answering(429, {}, retry_after="7"), answering(503, {}), answering(529, {}, retry_after="2")]
    waits: list[float] = []
    found = fetch(provider, api, patience_s=60.0, sleep=waits.append)
    assert found.days[-1].input_tokens == 1_000_000
    assert waits == [7.0, 4.0, 2.0]


def test_a_limit_without_patience_says_how_long(provider: Provider) -> None:
    provider.instead = [answering(429, {}, retry_after="30")]
    waits: list[float] = []
    with pytest.raises(SlowDown, match="wait 30 s") as refusal:
        fetch(provider, OPENAI, sleep=waits.append)
    assert refusal.value.retry_after_s == 30
    assert waits == []


@pytest.mark.parametrize("asks", ["9" * 400, "100000000", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_limit_of_any_length_is_a_sentence(provider: Provider, asks: str) -> None:
    provider.instead = [answering(429, {}, retry_after=asks)]
    with pytest.raises(SlowDown) as refusal:
        fetch(provider, OPENAI)
    assert 1 <= refusal.value.retry_after_s <= 86_400


def test_patience_ends(provider: Provider) -> None:
    provider.instead = [answering(429, {}, retry_after="50")] * 9
    waits: list[float] = []
    with pytest.raises(SlowDown):
        fetch(provider, OPENAI, patience_s=120.0, sleep=waits.append)
    assert waits == [50.0, 50.0]


def test_a_date_to_wait_for_is_understood(provider: Provider) -> None:
    provider.instead = [answering(429, {}, retry_after="Mon, 01 Jan 2024 00:00:00 GMT")]
    waits: list[float] = []
    fetch(provider, OPENAI, patience_s=1.0, sleep=waits.append)
    assert waits == [0.0]


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_fault_of_the_provider_is_called_one(provider: Provider, status: int) -> None:
    provider.instead = [answering(status, b"<html>oops</html>")]
    with pytest.raises(FetchFailed, match=f"fault of its own \\(status {status}\\)"):
        fetch(provider, OPENAI)


@pytest.mark.parametrize("status", [204, 301, 307, 400, 404])
def test_other_answers_are_refused_and_redirects_are_not_followed(provider: Provider, status: int) -> None:
    provider.instead = [answering(status, b"", location=f"{provider.address}/elsewhere")]
    with pytest.raises(FetchFailed, match=f"not documented \\(status {status}\\)"):
        fetch(provider, OPENAI)
    assert len(provider.asked) == 1, "the key went somewhere else"


def test_an_answer_that_is_cut_off_is_refused(provider: Provider) -> None:
    provider.instead = [lambda _asked: (200, {"content-length": "5000"}, b'{"object": "page", "data": [')]
    with pytest.raises(FetchFailed, match="not completely"):
        fetch(provider, OPENAI)


def test_nobody_listening_is_said(provider: Provider) -> None:
    with pytest.raises(FetchFailed, match="did not answer"):
        Fetcher(address="http://127.0.0.1:9").fetch(OPENAI, KEY, FIRST, LAST)


def test_an_endless_answer_is_refused(provider: Provider) -> None:
    provider.instead = [answering(200, b" " * (9 << 20))]
    with pytest.raises(FetchFailed, match="more than 8 MB"):
        fetch(provider, OPENAI)


def bucket(**changes: Any) -> dict[str, Any]:
    return {"object": "bucket", "start_time": 1792454400, "end_time": 1792540800, "results": [result()], **changes}


def result(**changes: Any) -> dict[str, Any]:
    return {"input_tokens": 1, "output_tokens": 1, "num_model_requests": 1, **changes}


def page(*buckets: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"object": "page", "data": list(buckets), "has_more": False, "next_page": None, **changes}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"object": "page", "data": [', "truncated"),
        (b"<html>", "malformed"),
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        ([], "Expected `object`"),
        ({"object": "page"}, "missing required field `data`"),
        (page(bucket(results=[result(input_tokens=-5)])), ">= 0"),
        (page(bucket(results=[result(output_tokens=1.5)])), "Expected `int`"),
        (page(bucket(results=[result(output_tokens="12")])), "Expected `int`"),
        (page(bucket(results=[result(input_tokens=2**60)])), "<= "),
        (page(bucket(results=[{"tokens": 3}])), "missing required field `input_tokens`"),
        (page(bucket(results=None)), "Expected `array`"),
        (page(bucket(end_time=1792458000)), "not one UTC day"),
        (page(bucket(start_time=10**30, end_time=10**30 + 86400)), "no time"),
        (page(bucket(), bucket()), "came twice"),
        (page(bucket(), has_more=True), "no next_page"),
    ],
)
def test_a_changed_shape_is_refused_whole(provider: Provider, body: Any, where: str) -> None:
    provider.instead = [answering(200, body)]
    with pytest.raises(FetchFailed, match=r"not the documented one .*Nothing was taken") as refusal:
        fetch(provider, OPENAI)
    assert where in str(refusal.value)


def test_fields_we_do_not_know_are_no_fault(provider: Provider) -> None:
    provider.instead = [answering(200, page(bucket(extra=1, results=[result(image_tokens=9)]), total=3))]
    assert fetch(provider, OPENAI).days[0].input_tokens == 1


def test_pages_in_a_circle_end(provider: Provider) -> None:
    def other_day(place: int) -> dict[str, Any]:
        return bucket(start_time=1792454400 + 86400 * place, end_time=1792540800 + 86400 * place)

    provider.instead = [answering(200, page(other_day(place), has_more=True, next_page="again")) for place in range(3)]
    with pytest.raises(FetchFailed, match="circle"):
        fetch(provider, OPENAI)


def test_pages_of_two_organisations_are_refused(provider: Provider) -> None:
    provider.instead = [answering(200, page(has_more=True, next_page="page_7"), openai_organization="org-other")]
    with pytest.raises(FetchFailed, match="two organisations"):
        fetch(provider, OPENAI)


def test_a_bucket_that_only_touches_the_window_is_left_out(provider: Provider) -> None:
    provider.instead = [answering(200, page(bucket(), bucket(start_time=1795305600, end_time=1795392000)))]
    assert [day.day for day in fetch(provider, OPENAI).days] == [FIRST]


@BOTH
def test_no_log_line_holds_the_key(provider: Provider, api: UsageApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    provider.instead = [answering(500)]
    with pytest.raises(FetchFailed) as refusal:
        fetch(provider, api)
    fetch(provider, api)
    assert caplog.records, "urllib3 logs requests at debug level"
    assert KEY not in caplog.text
    assert KEY not in repr(refusal.value)
