"""A signed request is accepted whole and refused after any change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519

from toktra.wire import signatures
from toktra.wire.signatures import InvalidSignature, KeyId

KEY = Ed25519PrivateKey.generate()
KEY_ID = str(KeyId(uuid4(), uuid4()))
URL = "https://toktra.example/ingest/v1/batches"
BODY = b'{"epoch":1}'


def signed_headers(key: Ed25519PrivateKey = KEY, key_id: str = KEY_ID) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    signatures.sign(method="POST", url=URL, headers=headers, body=BODY, key_id=key_id, private_key=key)
    return {name.lower(): value for name, value in headers.items()}


def verify(headers: dict[str, str], *, method: str = "POST", url: str = URL, body: bytes = BODY) -> None:
    signatures.verify(method=method, url=url, headers=headers, body=body, key_id=KEY_ID, public_key=KEY.public_key())


def test_a_signed_request_is_accepted_also_behind_another_authority() -> None:
    headers = signed_headers()
    assert signatures.claimed_key_id(headers) == KEY_ID
    verify(headers)
    verify(headers, url="http://10.0.0.7:8080/ingest/v1/batches")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": "https://toktra.example/ingest/v1/enrol"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
)
def test_any_change_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidSignature):
        verify(signed_headers(), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["content-type", "content-digest", "signature", "signature-input"])
def test_a_missing_or_altered_header_is_refused(name: str) -> None:
    without = signed_headers()
    del without[name]
    with pytest.raises(InvalidSignature):
        verify(without)
    altered = signed_headers()
    altered[name] = altered[name].replace("a", "b", 1)
    with pytest.raises(InvalidSignature):
        verify(altered)


def test_another_key_or_key_id_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        verify(signed_headers(key=Ed25519PrivateKey.generate()))
    with pytest.raises(InvalidSignature, match="another key"):
        verify(signed_headers(key_id=str(KeyId(uuid4(), uuid4()))))


@pytest.mark.parametrize("age", [timedelta(days=3), timedelta(days=-3)])
def test_a_signature_from_another_day_is_refused(age: timedelta) -> None:
    headers = {"Content-Type": "application/json"}
    message = signatures._Message("POST", URL, headers)
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=signatures._SigningKey(KEY))
    signer.sign(
        message,
        key_id=KEY_ID,
        label=signatures.LABEL,
        tag=signatures.LABEL,
        covered_component_ids=signatures.COVERED,
        body=BODY,
        created=datetime.now(UTC) - age,
    )
    with pytest.raises(InvalidSignature):
        verify({name.lower(): value for name, value in headers.items()})


def test_a_signature_that_covers_less_is_refused() -> None:
    headers = {"Content-Type": "application/json"}
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=signatures._SigningKey(KEY))
    signer.sign(
        signatures._Message("POST", URL, headers),
        key_id=KEY_ID,
        label=signatures.LABEL,
        tag=signatures.LABEL,
        covered_component_ids=("@method",),
        body=BODY,
    )
    with pytest.raises(InvalidSignature):
        verify({name.lower(): value for name, value in headers.items()})


@pytest.mark.parametrize("text", ["", "toktra", 'toktra=("@method")', 'toktra=("@method");keyid=5', "((", "\x00é"])
def test_an_unreadable_signature_input_is_refused(text: str) -> None:
    with pytest.raises(InvalidSignature):
        signatures.claimed_key_id({"signature-input": text})


@pytest.mark.parametrize(
    "text", ["", "a:b", f"{uuid4()}", f"{uuid4()}:{uuid4()}:x"], ids=["empty", "no ids", "one id", "more than two"]
)
def test_a_foreign_key_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidSignature):
        KeyId.parse(text)


def test_public_keys_and_key_ids_survive_the_way_there_and_back() -> None:
    public = KEY.public_key()
    assert signatures.decode_public_key(signatures.encode_public_key(public)) == public
    assert str(KeyId.parse(KEY_ID)) == KEY_ID
    for wrong in ("", "!", "A" * 42):
        with pytest.raises(InvalidSignature):
            signatures.decode_public_key(wrong)
