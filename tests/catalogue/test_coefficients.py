"""A coefficient file with a gap is refused by the name of the gap; the shipped one has none."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

import toktra.catalogue.coefficient_file as module
from toktra.catalogue.coefficient_file import build_coefficients, load_coefficients, parse_coefficients
from toktra.catalogue.coefficients import InvalidCoefficients

SHIPPED: dict[str, Any] = tomllib.loads(Path(module.__file__).with_name("coefficients.toml").read_text("utf-8"))


@pytest.fixture
def tables() -> dict[str, Any]:
    return copy.deepcopy(SHIPPED)


def refused(tables: dict[str, Any]) -> str:
    with pytest.raises(InvalidCoefficients) as error:
        build_coefficients(tables)
    return str(error.value)


def test_the_shipped_file_says_when_from_what_and_how_well_it_was_fitted() -> None:
    assert load_coefficients().version == SHIPPED["version"]
    assert SHIPPED["fitted_on"]
    assert SHIPPED["data"]
    assert any(name.startswith("input, recorded") for name in SHIPPED["scores"])


@pytest.mark.parametrize("name", ["first_input", "later_input", "streamed", "whole", "totals"])
def test_a_missing_table_is_named(tables: dict[str, Any], name: str) -> None:
    del tables["family"][0][name]
    assert refused(tables) == f"family[0].{name}: this table is missing"


def test_a_missing_number_is_named(tables: dict[str, Any]) -> None:
    del tables["header"]["first"]["framed"]
    assert refused(tables) == "header.first.framed: a number is missing"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "900", True, None])
def test_what_is_not_a_finite_number_counts_as_missing(tables: dict[str, Any], value: object) -> None:
    tables["family"][0]["handshake_bytes"] = value
    assert refused(tables) == "family[0].handshake_bytes: a number is missing"


def test_a_list_with_a_gap_is_named(tables: dict[str, Any]) -> None:
    tables["family"][0]["streamed"]["first"]["low"].pop()
    assert refused(tables).startswith("family[0].streamed.first.low: needs ")


@pytest.mark.parametrize("situation", ["first", "short", "long"])
def test_a_missing_situation_is_named(tables: dict[str, Any], situation: str) -> None:
    del tables["family"][0]["whole"][situation]
    assert refused(tables) == f"family[0].whole.{situation}: this table is missing"


def test_a_grid_with_a_gap_is_named(tables: dict[str, Any]) -> None:
    grid = tables["family"][0]["streamed"]["grid"]
    grid["factors"][1].pop()
    assert refused(tables).startswith("family[0].streamed.grid.factors: needs ")
    grid["factors"].pop()
    assert "rows, one for each of bytes_per_segment" in refused(tables)


@pytest.mark.parametrize("hosts", ["api.openai.com", [1], [""], None])
def test_hosts_are_a_list_of_texts(tables: dict[str, Any], hosts: object) -> None:
    tables["family"][1]["hosts"] = hosts
    assert refused(tables) == "family[1].hosts: must be a list of texts"


def test_knots_out_of_order_are_named(tables: dict[str, Any]) -> None:
    tables["family"][0]["first_input"]["body_bytes"].reverse()
    assert "each larger than the one before" in refused(tables)


def test_a_factor_of_zero_is_refused(tables: dict[str, Any]) -> None:
    tables["family"][0]["streamed"]["short"]["low"][0] = 0
    assert refused(tables) == "family[0].streamed.short.low: every number must be above 0"


def test_without_the_pooled_family_unknown_hosts_have_no_answer(tables: dict[str, Any]) -> None:
    tables["family"] = [family for family in tables["family"] if family["name"] != "pooled"]
    assert refused(tables) == 'family: there must be one named "pooled"'


def test_a_family_like_none_is_refused(tables: dict[str, Any]) -> None:
    tables["family"][-1]["like"] = "nothing"
    assert "no family 'nothing' stands before this one" in refused(tables)


def test_a_family_may_stand_once(tables: dict[str, Any]) -> None:
    tables["family"].append(tables["family"][0])
    assert "'pooled' is there twice" in refused(tables)


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(InvalidCoefficients, match="not TOML"):
        parse_coefficients("version = ")


def test_totals_of_an_unknown_version_are_at_least_as_wide_as_of_any_known_one() -> None:
    coefficients = load_coefficients()
    known = [coefficients.widening(version) for version in (coefficients.version, *SHIPPED["earlier"])]
    assert coefficients.widening("never-released") >= max(known)
    assert coefficients.widening(coefficients.version) == 1
