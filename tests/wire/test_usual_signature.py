"""The quick look at a signature accepts nothing that the library does not accept, and knows what our devices write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.wire import signatures
from toktra.wire.signatures import InvalidSignature, KeyId, claimed_key_id
from toktra.wire.usual_signature import is_signed_as_usual, usual_key_id

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY_ID: Final = str(KeyId(UUID(int=1), UUID(int=2)))
URL: Final = "https://toktra.example/ingest/v1/batches"
BODY: Final = b'{"epoch":1}'
MAX_AGE_S: Final = signatures.MAX_AGE.total_seconds()


def request(*, age: timedelta = timedelta(), key: Ed25519PrivateKey = KEY, **other: Any) -> dict[str, Any]:
    """What a device sends; `other` goes to the library's signer."""
    headers = {"content-type": "application/json"}
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=signatures._SigningKey(key)).sign(
        signatures._Message("POST", URL, headers),
        created=datetime.now(UTC) - age,
        **{
            "key_id": KEY_ID,
            "label": signatures.LABEL,
            "tag": signatures.LABEL,
            "covered_component_ids": signatures.COVERED,
            "body": BODY,
        }
        | other,
    )
    lower = {name.lower(): value for name, value in headers.items()}
    return {"method": "POST", "url": URL, "headers": lower, "body": BODY}


def is_usual(message: dict[str, Any]) -> bool:
    return is_signed_as_usual(**message, key_id=KEY_ID, public_key=KEY.public_key(), max_age_s=MAX_AGE_S)


def library_accepts(message: dict[str, Any]) -> bool:
    with pytest.MonkeyPatch.context() as without:
        without.setattr(signatures, "is_signed_as_usual", lambda **_: False)
        try:
            signatures.verify(**message, key_id=KEY_ID, public_key=KEY.public_key())
        except InvalidSignature:
            return False
        return True


def test_what_devices_write_has_the_usual_shape() -> None:
    headers = {"content-type": "application/json"}
    signatures.sign(method="POST", url=URL, headers=headers, body=BODY, key_id=KEY_ID, private_key=KEY)
    lower = {name.lower(): value for name, value in headers.items()}
    message = {"method": "POST", "url": "http://10.0.0.7:8080/ingest/v1/batches", "headers": lower, "body": BODY}
    assert usual_key_id(lower) == claimed_key_id(lower) == KEY_ID
    assert is_usual(message)
    assert library_accepts(message)


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A right request with some characters of its parts put in, left out or replaced."""
    message = request()
    for _ in range(draw(st.integers(1, 2))):
        part = draw(st.sampled_from(["method", "url", "body", *message["headers"]]))
        text = message["body"].decode("latin-1") if part == "body" else message.get(part) or message["headers"][part]
        place = draw(st.integers(0, len(text)))
        put = draw(
            st.sampled_from(["", "a", "A", "/", "=", ":", ";", '"', " ", "\t", "\n", ",", "é", "?x=1", "%41", "0"])
        )
        text = text[:place] + put + text[place + draw(st.integers(0, 1)) :]
        if part == "body":
            message["body"] = text.encode("latin-1")
        elif part in message:
            message[part] = text
        else:
            message["headers"][part] = text
    return message


@settings(max_examples=300, deadline=None)
@given(message=nearly_right())
def test_nothing_is_accepted_that_the_library_refuses(message: dict[str, Any]) -> None:
    assert not is_usual(message) or library_accepts(message)


@pytest.mark.parametrize(
    "other",
    [
        {"age": timedelta(days=1, seconds=5)},
        {"age": timedelta(days=-1, seconds=-5)},
        {"key": Ed25519PrivateKey.generate()},
        {"key_id": str(KeyId(UUID(int=1), UUID(int=3)))},
        {"covered_component_ids": ("@method",)},
        {"covered_component_ids": ("@path", "@method", "content-type", "content-digest")},
        {"tag": "other"},
        {"label": "other"},
        {"nonce": "n"},
        {"expires": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_any_other_shape_is_left_to_the_library(other: dict[str, Any]) -> None:
    assert not is_usual(request(**other))


def test_a_body_or_a_place_other_than_signed_is_not_accepted() -> None:
    assert not is_usual(request() | {"body": BODY + b" "})
    assert not is_usual(request() | {"url": "https://toktra.example/ingest/v1/enrol"})
    assert not is_usual(request() | {"method": "GET"})
