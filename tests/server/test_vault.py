"""Secrets are sealed with a key that only the server has."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from toktra.server.settings import InvalidSetting
from toktra.server.vault import SealBroken, SecretKeyNotUsable, Vault, open_vault

TENANT, OTHER = uuid4(), uuid4()


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    vault = Vault(Fernet.generate_key())
    sealed = vault.seal("sk-admin-1", tenant_id=TENANT, purpose="openai")
    assert b"sk-admin" not in sealed
    assert vault.open(sealed, tenant_id=TENANT, purpose="openai") == "sk-admin-1"
    assert sealed != vault.seal("sk-admin-1", tenant_id=TENANT, purpose="openai")


def test_a_seal_opens_only_where_it_was_made() -> None:
    vault = Vault(Fernet.generate_key())
    sealed = vault.seal("sk-admin-1", tenant_id=TENANT, purpose="openai")
    for tenant_id, purpose in ((OTHER, "openai"), (TENANT, "anthropic")):
        with pytest.raises(SealBroken):
            vault.open(sealed, tenant_id=tenant_id, purpose=purpose)
    for broken in (b"", b"nonsense", sealed[:-2], Fernet(Fernet.generate_key()).encrypt(b"{}")):
        with pytest.raises(SealBroken):
            vault.open(broken, tenant_id=TENANT, purpose="openai")


def test_the_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path / "new", {}).seal("k", tenant_id=TENANT, purpose="openai")
    key = tmp_path / "new" / "secret-key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "new").iterdir()) == [key]
    assert open_vault(tmp_path / "new", {}).open(sealed, tenant_id=TENANT, purpose="openai") == "k"


def test_the_setting_wins_and_writes_nothing(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    sealed = open_vault(tmp_path, {"TOKTRA_SECRET_KEY": key}).seal("k", tenant_id=TENANT, purpose="openai")
    assert list(tmp_path.iterdir()) == []
    assert Vault(key.encode()).open(sealed, tenant_id=TENANT, purpose="openai") == "k"


@pytest.mark.parametrize("given", ["short", "x" * 44, "é" * 44])
def test_what_is_no_key_is_refused_by_name_and_not_repeated(tmp_path: Path, given: str) -> None:
    with pytest.raises(SecretKeyNotUsable, match="TOKTRA_SECRET_KEY") as refusal:
        open_vault(tmp_path, {"TOKTRA_SECRET_KEY": given})
    assert given not in str(refusal.value)
    assert isinstance(refusal.value, InvalidSetting)


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    open_vault(tmp_path, {})
    (tmp_path / "secret-key").chmod(0o640)
    with pytest.raises(SecretKeyNotUsable, match="chmod 600"):
        open_vault(tmp_path, {})


def test_a_damaged_key_file_is_refused(tmp_path: Path) -> None:
    open_vault(tmp_path, {})
    (tmp_path / "secret-key").write_text("damaged")
    with pytest.raises(SecretKeyNotUsable):
        open_vault(tmp_path, {})


def test_a_link_in_the_keys_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "secret-key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretKeyNotUsable, match="cannot be used"):
        open_vault(tmp_path, {})
