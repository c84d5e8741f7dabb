"""A tenant's additions: what they may do, and how what they may not do is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toktra.catalogue import CatalogueError, load_catalogue
from toktra.catalogue.loading import MAX_FILE_BYTES

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "providers.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


GATEWAY = """
[[provider]]
id = "acme-gateway"
name = "Acme gateway"
kind = "api"
price_key = "anthropic"
[provider.hosts]
"llm.acme.example" = "Run by the platform team"
[provider.suffixes]
"models.acme.example" = "Run by the platform team"
[provider.patterns]
"llm.*.acme-cloud.example" = "One per site"
"""


def test_own_providers_are_found_beside_the_shipped(write: Write) -> None:
    catalogue = load_catalogue(write(GATEWAY))
    for host in ("llm.acme.example", "x.y.models.acme.example", "LLM.berlin.acme-cloud.example."):
        found = catalogue.find(host)
        assert found is not None
        assert (found.id, found.name) == ("acme-gateway", "Acme gateway")
    assert catalogue.find("models.acme.example") is None
    assert catalogue.find("api.openai.com") == load_catalogue().find("api.openai.com")
    assert load_catalogue().find("llm.acme.example") is None
    assert catalogue.providers[-1].id == "acme-gateway"


def test_an_own_provider_takes_over_the_assumed_model_of_its_price_list(write: Write) -> None:
    anthropic, gateway = (load_catalogue(write(GATEWAY)).get(name) for name in ("anthropic", "acme-gateway"))
    assert anthropic is not None
    assert gateway is not None
    assert gateway.assumed_model == anthropic.assumed_model


def test_an_own_provider_may_assume_another_model(write: Write) -> None:
    text = GATEWAY.replace('"anthropic"', '"openai"\nassumed_model = "gpt-5-mini"')
    gateway = load_catalogue(write(text)).get("acme-gateway")
    assert gateway is not None
    assert gateway.assumed_model == "gpt-5-mini"


def test_a_file_that_adds_nothing_changes_nothing(write: Write) -> None:
    assert load_catalogue(write("# nothing yet\n")).providers == load_catalogue().providers


def test_hosts_can_be_added_to_a_shipped_provider(write: Write) -> None:
    catalogue = load_catalogue(
        write('[[provider]]\nid = "modal"\n[provider.hosts]\n"acme--llm.modal.run" = "our deployment"\n')
    )
    found = catalogue.find("acme--llm.modal.run")
    assert found is not None
    assert found.name == "Modal"
    assert "*.modal.run" in found.left_out
    assert catalogue.find("other--llm.modal.run") is None


def test_a_tenant_may_name_one_host_of_a_wider_rule_as_its_own(write: Write) -> None:
    own = '[[provider]]\nid = "own"\nname = "Own"\nkind = "api"\n[provider.hosts]\n"acme.openai.azure.com" = "ours"\n'
    catalogue = load_catalogue(write(own))
    found = [catalogue.find(host) for host in ("acme.openai.azure.com", "contoso.openai.azure.com")]
    assert [provider.id for provider in found if provider] == ["own", "azure"]


def test_a_host_that_a_later_release_ships_does_no_harm(write: Write) -> None:
    catalogue = load_catalogue(write('[[provider]]\nid = "openai"\n[provider.hosts]\n"api.openai.com" = "ours"\n'))
    found = catalogue.find("api.openai.com")
    assert found is not None
    assert found.id == "openai"


def entry(field: str = "", *, id: str = "acme", head: str = 'name = "Acme"\nkind = "api"') -> str:  # noqa: A002
    return f'[[provider]]\nid = "{id}"\n{head}\n{field}\n'


def hosts(name: str, table: str = "hosts") -> str:
    return f'[provider.{table}]\n"{name}" = "ours"'


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("provider = [", "", "is not TOML"),
        ("colour = 1\nprovider = []", "", "unknown field `colour`"),
        ("provider = 3", "provider", "Expected `array`"),
        (
            entry(hosts("a.acme.example"), head='name = "A"\nkind = "api"\ncolour = 1'),
            '"acme"',
            "unknown field `colour`",
        ),
        (entry(hosts("a.acme.example"), head='name = "Acme"\nkind = "toaster"'), 'provider "acme", kind', "toaster"),
        (entry(hosts("a.acme.example"), id="Acme Corp"), 'provider "Acme Corp", id', "lower-case"),
        (entry(hosts("a.acme.example"), head='name = ""\nkind = "api"'), 'provider "acme", name', "is empty"),
        (entry(hosts("a.acme.example"), head='name = "A\\nB"\nkind = "api"'), 'provider "acme", name', "control"),
        (entry(hosts("a.acme.example"), head='kind = "api"'), 'provider "acme", name', "is missing"),
        (entry(hosts("a.acme.example"), head='name = "Acme"'), 'provider "acme", kind', "is missing"),
        ('[[provider]]\nname = "Acme"\n', "provider number 1", "required field `id`"),
        (entry(), 'provider "acme"', "has no hosts"),
        (entry('[provider.hosts]\n"a.acme.example" = ""'), '"acme", hosts', "says nothing"),
        (entry(hosts("a.acme.example")) * 2, 'provider "acme"', "is there twice"),
        (entry(hosts("https://a.acme.example/v1")), '"acme", hosts', "is not a host name"),
        (entry(hosts("A.acme.example")), '"acme", hosts', "lower case"),
        (entry(hosts("acme")), '"acme", hosts', "is not a host name"),
        (entry(hosts("a.acme.example:8443")), '"acme", hosts', "port"),
        (entry(hosts("192.0.2.1")), '"acme", hosts', "IP address"),
        (entry(hosts("*.acme.example")), '"acme", hosts', "is not a host name"),
        (entry(hosts("com", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("co.uk", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("com.au", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("amazonaws.com", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("github.io", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("*.acme.example", "suffixes")), '"acme", suffixes', 'write "acme.example"'),
        (entry(hosts(".acme.example", "suffixes")), '"acme", suffixes', 'write "acme.example"'),
        (entry(hosts("openai.com", "suffixes")), '"acme", suffixes', 'would take "api.openai.com" from OpenAI API'),
        (entry(hosts("openai.azure.com", "suffixes")), '"acme", suffixes', "Azure OpenAI"),
        (entry(hosts("ml.cloud.ibm.com", "suffixes")), '"acme", suffixes', "IBM watsonx.ai"),
        (entry(hosts("api.openai.com")), '"acme", hosts', 'would take "api.openai.com" from OpenAI API'),
        (entry(hosts("*.anthropic.com", "patterns")), '"acme", patterns', "Anthropic API"),
        (entry(hosts("*.us-east-1.api.aws", "patterns")), '"acme", patterns', "Amazon Bedrock"),
        (entry(hosts("*.eu-west-1.amazonaws.com", "patterns")), '"acme", patterns', "many organisations share"),
        (entry(hosts("eu-west-1.amazonaws.com", "suffixes")), '"acme", suffixes', "shared by many"),
        (entry(hosts("llm.acme.example", "patterns")), '"acme", patterns', "exactly one"),
        (entry(hosts("*.*.acme.example", "patterns")), '"acme", patterns', "exactly one"),
        (entry(hosts("llm-*.acme.example", "patterns")), '"acme", patterns', "exactly one"),
        (entry(hosts("llm.acme.*", "patterns")), '"acme", patterns', "last two labels"),
        (entry(hosts("llm.*.example", "patterns")), '"acme", patterns', "last two labels"),
        (entry(hosts("*.github.io", "patterns")), '"acme", patterns', "many organisations share"),
        (entry(hosts("a_.$.*.acme.example", "patterns")), '"acme", patterns', "is not a host name"),
        (entry(hosts("x y", "left_out")), '"acme", left_out', "is not a host name"),
        (entry(hosts("x.example"), id="openai"), 'provider "openai", name', "belongs to the shipped catalogue"),
        (entry(hosts("api.openai.com", "left_out"), id="openai", head=""), '"openai", left_out', "only hosts"),
        (
            entry(hosts("x.example"), head='name = "A"\nkind = "api"\nprice_key = "opena"'),
            '"acme", price_key',
            "no provider",
        ),
        (
            entry(hosts("x.example"), head='name = "A"\nkind = "api"\nassumed_model = "m"'),
            '"acme", assumed_model',
            "price_key",
        ),
        (entry(hosts("x.example")) + entry(hosts("x.example"), id="acme2"), '"acme2", hosts', "from Acme"),
    ],
)
def test_what_cannot_be_used_is_refused_whole_and_by_name(write: Write, text: str, where: str, reason: str) -> None:
    file = write(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(file)
    assert where in caught.value.where
    assert reason in caught.value.reason
    assert str(file) in str(caught.value)


def test_a_file_too_large_to_be_a_list_of_names_is_refused(write: Write) -> None:
    with pytest.raises(CatalogueError, match="is larger than"):
        load_catalogue(write("#" * (MAX_FILE_BYTES + 1)))


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin1.toml"
    file.write_bytes('note = "Zürich"'.encode("latin-1"))
    with pytest.raises(CatalogueError, match="is not TOML"):
        load_catalogue(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.toml"):
        load_catalogue(tmp_path / "absent.toml")


def test_the_agent_pays_for_no_more_than_names() -> None:
    """Prices and heavy libraries stay out of a process that only asks whose host this is."""
    program = "import sys, toktra.catalogue as c; c.load_catalogue(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "toktra.catalogue.loading" in loaded
    assert not {"toktra.catalogue.prices", "asyncio", "ssl", "socket", "genai_prices", "pydantic"} & set(loaded)
