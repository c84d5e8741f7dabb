"""The documentation names what the program has: every setting, every provider, every page it links to."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec
import pytest

from toktra.agent.commands import agent
from toktra.personal import settings as personal_settings
from toktra.personal.settings import PersonalSettings
from toktra.server.settings import PREFIX, ServerSettings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_of_the_server_is_documented() -> None:
    page = (ROOT / "docs/engineer/settings.md").read_text()
    for field in msgspec.structs.fields(ServerSettings):
        assert f"`{PREFIX}{field.name.upper()}` | `{field.name}`" in page


def test_every_setting_of_the_personal_service_is_documented() -> None:
    page = (ROOT / "docs/engineer/settings.md").read_text()
    for field in msgspec.structs.fields(PersonalSettings):
        assert f"| `{personal_settings.PREFIX}{field.name.upper()}` | " in page


def test_every_variable_of_the_agent_is_documented() -> None:
    page = (ROOT / "docs/engineer/settings.md").read_text()
    options = [option for command in agent.commands.values() for option in command.params]
    variables = {option.envvar for option in options if isinstance(option, click.Option) and option.envvar}
    assert variables
    for variable in variables:
        assert f"`{variable}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
