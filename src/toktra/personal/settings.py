"""What the personal service can be told, by environment: TOKTRA_PERSONAL_ and the setting's name in capitals."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from platformdirs import site_state_path, user_data_path

PREFIX: Final = "TOKTRA_PERSONAL_"


class InvalidPersonalSetting(ValueError):
    """A setting cannot be used. The text names it as the person wrote it, and says what is expected."""


class PersonalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the personal service. How long records are kept is not among them."""

    database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")]
    """A PostgreSQL (15 or later) database for the second ledger alone, as a role that owns nothing."""
    owner_database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")] | None = None
    """The same database as its owner. Given, the tables are brought up to date before the service begins without it."""
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address to listen on. Beyond loopback a certificate is required."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8421
    certificate: Path | None = None
    """PEM file with the certificate and its chain."""
    key: Path | None = None
    """PEM file with the certificate's private key."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses of load balancers whose X-Forwarded-For and -Proto are believed, separated by commas."""
    database_connections: Annotated[int, Meta(ge=1, le=200)] = 8
    """Connections to the database at most; each carries one request at a time."""
    data: Path | None = None
    """Directory of the ticket seed and, unless it is given, of the operator's secret. Unset: the platform's place."""
    sheets: Path | None = None
    """Directory with the site's style sheets and fonts. Unset: those that were installed with this service."""
    operator_secret: Annotated[str, Meta(min_length=43, max_length=86, pattern=r"^[A-Za-z0-9_-]+\Z")] | None = None
    """What the organisation's server shows to have tickets issued. Unset: the file `operator-secret` in `data`."""

    @property
    def data_directory(self) -> Path:
        own = site_state_path("toktra") if os.geteuid() == 0 else user_data_path("toktra")
        return self.data or own / "personal"


def load_settings(environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> PersonalSettings:
    """The settings from the environment, the command line (`overrides`, None left out) over it.

    Raises InvalidPersonalSetting naming the setting.
    """
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for name in PersonalSettings.__struct_fields__:
        said[name] = PREFIX + name.upper()
        if text := environment.get(PREFIX + name.upper()):
            values[name] = text
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name], said[name] = value, "--" + name.replace("_", "-")
    if "database_url" not in values:
        raise InvalidPersonalSetting(
            f"{PREFIX}DATABASE_URL is missing: the second ledger has a database of its own, never the organisation's. "
            "`toktra up` and `toktra server run` with an embedded database start this service with one."
        )
    try:
        settings = msgspec.convert(values, PersonalSettings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise InvalidPersonalSetting(_sentence(str(error), said)) from None
    if (settings.certificate is None) != (settings.key is None):
        missing = "KEY" if settings.key is None else "CERTIFICATE"
        raise InvalidPersonalSetting(f"{PREFIX}{missing} is missing: a certificate and its key come together")
    return settings


def _path(wanted: type[Any], value: Any) -> Any:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    raise NotImplementedError


def _sentence(error: str, said: Mapping[str, str]) -> str:
    """ "Expected `int` <= 65535 - at `$.port`" as a sentence about TOKTRA_PERSONAL_PORT; a secret is not repeated."""
    reason, _, path = error.partition(" - at `$.")
    name = path.rstrip("`")
    if name.endswith("database_url"):
        reason = "expected a URL such as postgresql://user:password@host/database"
    if name == "operator_secret":
        reason = "expected 32 random bytes or more in URL-safe base64"
    return f"{said.get(name, name)}: {re.sub('^E', 'e', reason)}"
