"""The shipped catalogue keeps its own promises: documented hosts, no host twice, AI use only."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from urllib.parse import urlsplit

import pytest
from genai_prices.data import providers as genai_prices

from toktra.catalogue import Catalogue, Kind, Provider, kinds, load_catalogue
from toktra.catalogue.matching import patterns_meet, suffix_covers
from toktra.catalogue.public_suffixes import is_public_suffix

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("host", "provider_id"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("chatgpt.com", "chatgpt"),
        ("claude.ai", "claude"),
        ("api.anthropic.com", "anthropic"),
        ("gemini.google.com", "gemini"),
        ("generativelanguage.googleapis.com", "google"),
        ("europe-west4-aiplatform.googleapis.com", "google-vertex"),
        ("aiplatform.eu.rep.googleapis.com", "google-vertex"),
        ("copilot.microsoft.com", "microsoft-copilot"),
        ("api.githubcopilot.com", "github-copilot"),
        ("api.business.githubcopilot.com", "github-copilot"),
        ("copilot-proxy.acme.ghe.com", "github-copilot"),
        ("api2.cursor.sh", "cursor"),
        ("agentn.global.api5.cursor.sh", "cursor"),
        ("server.codeium.com", "windsurf"),
        ("api.jetbrains.ai", "jetbrains-ai"),
        ("acme.api.augmentcode.com", "augment"),
        ("q.eu-central-1.amazonaws.com", "amazon-q"),
        ("www.perplexity.ai", "perplexity"),
        ("chat.mistral.ai", "le-chat"),
        ("chat.deepseek.com", "deepseek-chat"),
        ("grok.com", "grok"),
        ("poe.com", "poe"),
        ("character.ai", "character-ai"),
        ("www.midjourney.com", "midjourney"),
        ("contoso.openai.azure.com", "azure"),
        ("Contoso.OpenAI.Azure.com.", "azure"),
        ("bedrock-runtime.eu-central-1.amazonaws.com", "aws"),
        ("bedrock-mantle.us-east-1.api.aws", "aws"),
    ],
)
def test_what_people_use_is_known(host: str, provider_id: str) -> None:
    found = CATALOGUE.find(host)
    assert found is not None
    assert found.id == provider_id


@pytest.mark.parametrize(
    "host",
    [
        "accounts.google.com",
        "update.googleapis.com",
        "www.googleapis.com",
        "storage.googleapis.com",
        "fonts.googleapis.com",
        "evil-generativelanguage.googleapis.com",
        "generativelanguage.googleapis.com.evil.example",
        "xaiplatform.googleapis.com",
        "google.com",
        "www.google.com",
        "mail.google.com",
        "www.bing.com",
        "openai.com",
        "www.openai.com",
        "cdn.oaistatic.com",
        "auth.openai.com",
        "notapi.openai.com",
        "api.openai.com.evil.example",
        "api.openai.com\x00.evil.example",
        "myopenai.azure.com",
        "openai.azure.com",
        "azure.com",
        "contoso.blob.core.windows.net",
        "github.com",
        "api.github.com",
        "copilot-telemetry.githubusercontent.com",
        "telemetry.business.githubcopilot.com",
        "raw.githubusercontent.com",
        "acme.ghe.com",
        "s3.amazonaws.com",
        "sqs.eu-central-1.amazonaws.com",
        "bedrock-runtime.s3.amazonaws.com",
        "bedrock.eu-central-1.amazonaws.com",
        "bedrock-runtime.eu.central-1.amazonaws.com",
        "statsig.anthropic.com",
        "authenticate.cursor.sh",
        "huggingface.co",
        "cdn-lfs.huggingface.co",
        "api.cloudflare.com",
        "duckduckgo.com",
        "x.com",
        "cloudflare-ech.com",
        "192.0.2.1",
    ],
)
def test_what_is_not_ai_use_is_nobodys(host: str) -> None:
    assert CATALOGUE.find(host) is None


def test_at_least_eighty_providers_that_can_be_recognised() -> None:
    assert len([provider for provider in CATALOGUE.providers if any(provider.rules())]) >= 80


def test_every_kind_is_there_with_a_label() -> None:
    assert set(kinds()) == set(Kind) == {provider.kind for provider in CATALOGUE.providers}
    assert all(kind.label == label and label[0].isupper() for kind, label in kinds().items())


@pytest.mark.parametrize("price_list", [listed.id for listed in genai_prices])
def test_every_provider_of_genai_prices_is_represented(price_list: str) -> None:
    """By a provider that is recognised, or by one that says why its address is left out."""
    using = [p for p in CATALOGUE.providers if price_list in (p.price_key, *p.other_price_keys)]
    assert using
    assert all(any(provider.rules()) or provider.left_out for provider in using)


def test_the_price_lists_named_are_those_of_genai_prices() -> None:
    named = {key for p in CATALOGUE.providers for key in (p.price_key, *p.other_price_keys) if key}
    assert named == {listed.id for listed in genai_prices}


@pytest.mark.parametrize("provider", CATALOGUE.providers, ids=lambda provider: provider.id)
def test_every_host_says_where_it_is_documented(provider: Provider) -> None:
    for rules in (provider.hosts, provider.suffixes, provider.patterns):
        for rule, documented in rules.items():
            url = urlsplit(documented)
            assert url.scheme == "https", rule
            assert url.hostname, rule
            assert "." in url.hostname, rule


@pytest.mark.parametrize("provider", CATALOGUE.providers, ids=lambda provider: provider.id)
def test_what_is_left_out_stays_out(provider: Provider) -> None:
    for name, reason in provider.left_out.items():
        host = name.replace("*", "any-customer")
        assert CATALOGUE.find(host) is None, name
        assert reason.endswith("."), name


def test_no_host_may_belong_to_two_providers() -> None:
    for one, other in permutations(CATALOGUE.providers, 2):
        assert not set(one.hosts) & set(other.hosts), (one.id, other.id)
        for suffix in one.suffixes:
            assert not [rule for rule in other.rules() if suffix_covers(suffix, rule)], (one.id, other.id)
        for pattern in one.patterns:
            assert not [rule for rule in (*other.hosts, *other.patterns) if patterns_meet(pattern, rule)]


def test_every_rule_finds_its_own_provider() -> None:
    for provider in CATALOGUE.providers:
        for host in provider.hosts:
            assert CATALOGUE.find(host) is provider
        for suffix in provider.suffixes:
            assert CATALOGUE.find(f"any.{suffix}") is provider
        for pattern in provider.patterns:
            assert CATALOGUE.find(pattern.replace("*", "any-1")) is provider


def test_no_name_glued_to_a_known_one_is_taken_for_it() -> None:
    for provider in CATALOGUE.providers:
        for host in provider.hosts:
            assert CATALOGUE.find(f"{host}.evil.example") is None
            assert CATALOGUE.find(f"{host}\x00.evil.example") is None
            assert CATALOGUE.find(f"evil.example.{host}") in (None, provider)  # the provider, below its own suffix
            assert CATALOGUE.find(f"evil-{host}") in (None, provider)  # the provider, by its own pattern


def test_no_suffix_is_one_that_strangers_share() -> None:
    assert not [suffix for p in CATALOGUE.providers for suffix in p.suffixes if is_public_suffix(suffix)]


def test_names_are_unique_and_fit_a_page() -> None:
    names = Counter(provider.name.casefold() for provider in CATALOGUE.providers)
    assert [name for name, count in names.items() if count > 1] == []
    assert max(map(len, names)) <= 40


def test_a_provider_is_had_by_its_id() -> None:
    openai = CATALOGUE.get("openai")
    assert openai is not None
    assert openai.name == "OpenAI API"
    assert "api.openai.com" in openai.hosts
    assert CATALOGUE.get("nobody") is None
    assert len(CATALOGUE) == len(CATALOGUE.providers)
    assert len(set(CATALOGUE.providers)) == len(CATALOGUE)


def test_the_catalogue_is_read_once() -> None:
    assert load_catalogue() is CATALOGUE
    assert isinstance(CATALOGUE, Catalogue)
