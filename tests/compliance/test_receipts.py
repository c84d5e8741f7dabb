"""Receipts of erasures: readable by anyone, and changed by nobody unnoticed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.cli import main
from toktra.compliance.receipts import InvalidReceipt, Receipt, signed, verified

RECEIPT = Receipt(
    organisation="Sample Optics",
    request="R-007",
    person=UUID(int=7),
    erased_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    events=4112,
    devices=1,
    audit_entry="25:" + "0e" * 32,
)


def test_a_receipt_says_what_was_signed(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_bytes(signed(RECEIPT, Ed25519PrivateKey.generate()))
    assert verified(file.read_bytes())[0] == RECEIPT
    answer = CliRunner().invoke(main, ["rights", "verify-receipt", str(file)])
    assert answer.exit_code == 0
    for said in ("Sample Optics", "R-007", "4112 single uses", "2026-11-22 09:30 UTC", "25:0e0e"):
        assert said in answer.output


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("receipt", lambda text: text.replace("4112", "4113")),
        ("receipt", lambda text: text + " "),
        ("signature", lambda text: "A" * 86 + "=="),
        ("signature", lambda text: "not base64"),
        ("public_key", lambda text: "AAAA"),
        ("another", lambda text: "field"),
    ],
)
def test_a_receipt_that_was_changed_is_none(tmp_path: Path, part: str, change: object) -> None:
    document = json.loads(signed(RECEIPT, Ed25519PrivateKey.generate()))
    document[part] = change(document.get(part, ""))  # type: ignore[operator]
    with pytest.raises(InvalidReceipt):
        verified(json.dumps(document).encode())
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(document))
    answer = CliRunner().invoke(main, ["rights", "verify-receipt", str(file)])
    assert answer.exit_code == 1
    assert "receipt" in answer.output
