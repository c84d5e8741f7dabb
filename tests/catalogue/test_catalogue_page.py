"""docs/catalogue.md says what providers.toml says."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from toktra.catalogue import kinds, load_catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_shipped_catalogue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ROOT / "scripts" / "build_catalogue_page.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0, capsys.readouterr().out


def test_every_provider_host_and_source_is_on_the_page() -> None:
    for provider in load_catalogue().providers:
        assert f"`{provider.id}`" in PAGE
        for name in (*provider.rules(), *provider.left_out):
            assert f"`{name}`" in PAGE, name
        for sources in (provider.hosts, provider.suffixes, provider.patterns):
            assert [source for source in sources.values() if f"]({source})" not in PAGE] == []


def test_every_kind_has_a_table() -> None:
    for label in kinds().values():
        assert f"### {label} (" in PAGE


def test_the_example_of_own_hosts_works_as_the_page_says(tmp_path: Path) -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "own.toml"
    file.write_text(example, encoding="utf-8")
    catalogue = load_catalogue(file)
    found = {
        host: provider.name
        for host in (
            "llm.acme.example",
            "team.models.acme.example",
            "models.acme.example",
            "llm.berlin.acme-cloud.example",
            "acme--chat.modal.run",
        )
        if (provider := catalogue.find(host))
    }
    assert found == {
        "llm.acme.example": "Acme gateway",
        "team.models.acme.example": "Acme gateway",
        "llm.berlin.acme-cloud.example": "Acme gateway",
        "acme--chat.modal.run": "Modal",
    }
