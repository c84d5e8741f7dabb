"""Settings: where they come from, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from toktra.server.settings import InvalidSetting, ServerSettings, load_settings


def test_without_any_setting_it_listens_on_loopback_over_the_embedded_database() -> None:
    settings = load_settings({})
    assert (settings.host, settings.database_url) == ("127.0.0.1", None)
    assert settings.data_directory.is_absolute()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "toktra.toml"
    file.write_text('[server]\nport = 1001\nhost = "::1"\ndata = "/srv/a"\n[agent]\nwhatever = 1\n')
    environment = {"TOKTRA_PORT": "1002", "TOKTRA_DATA": "/srv/b", "TOKTRA_HOST": ""}
    settings = load_settings(environment, file, {"port": 1003, "host": None})
    assert settings == ServerSettings(port=1003, host="::1", data=Path("/srv/b"))


def test_a_path_may_begin_with_the_home_directory() -> None:
    assert load_settings({"TOKTRA_DATA": "~/toktra"}).data == Path.home() / "toktra"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"TOKTRA_PORT": "70000"}, "TOKTRA_PORT: expected"),
        ({"TOKTRA_PORT": "eighty"}, "TOKTRA_PORT: expected"),
        ({"TOKTRA_ACCEPTED_AGE_DAYS": "0"}, "TOKTRA_ACCEPTED_AGE_DAYS: expected"),
        ({"TOKTRA_DATABASE_URL": "mysql://root:secret@host/db"}, "TOKTRA_DATABASE_URL: expected a URL such as"),
        ({"TOKTRA_CERTIFICATE": "/c.pem"}, "TOKTRA_KEY is missing"),
        ({"TOKTRA_KEY": "/k.pem"}, "TOKTRA_CERTIFICATE is missing"),
    ],
)
def test_a_wrong_value_is_refused_under_the_name_it_was_given(environment: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        load_settings(environment)
    assert str(refusal.value).startswith(says)
    assert "secret" not in str(refusal.value)


def test_a_wrong_option_is_refused_under_its_name() -> None:
    with pytest.raises(InvalidSetting, match=r"^--port: expected"):
        load_settings({}, None, {"port": 0})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[server]\nport = 'x'", "port in "),
        (b"[server]\nprot = 1", "prot in .* is no setting of the server. Settings: database_url"),
        (b"server = 1", "has no table"),
        (b"[server", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "toktra.toml"
    file.write_bytes(content)
    with pytest.raises(InvalidSetting, match=says):
        load_settings({}, file)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"nowhere\.toml cannot be read"):
        load_settings({}, tmp_path / "nowhere.toml")
