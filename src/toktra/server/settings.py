"""What the server can be told: by environment (TOKTRA_…), or in a TOML file under [server]. The environment wins."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from platformdirs import site_state_path, user_data_path

PREFIX: Final = "TOKTRA_"


class InvalidSetting(ValueError):
    """A setting cannot be used. The text names it as the person wrote it, says what is expected, and where."""


class AddressNotAvailable(OSError):
    """The address of `host` and `port` cannot be listened on. The text names the remedy."""


class MailTls(StrEnum):
    """How the way to the mail relay is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the server process; the name of each in the environment is TOKTRA_ and its name in capitals."""

    database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")] | None = None
    """A PostgreSQL (15 or later) of your own, as a role that owns nothing. Unset: the embedded one, in `data`."""
    owner_database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")] | None = None
    """The same database as the role that owns the tables; needed to migrate and to create organisations only."""
    privacy_database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")] | None = None
    """The same database as a role of its own, for the weeks people write about their Privacy Hours. Unset with a
    database of your own: they write them on their devices only."""
    data: Path | None = None
    """Directory of the embedded database. Unset: the platform's place for data."""
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address to listen on. Beyond loopback a certificate is required."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8420
    certificate: Path | None = None
    """PEM file with the certificate and its chain."""
    key: Path | None = None
    """PEM file with the certificate's private key."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses of load balancers whose X-Forwarded-For and -Proto are believed, separated by commas."""
    database_connections: Annotated[int, Meta(ge=1, le=200)] = 8
    """Connections to the database at most; each carries one request at a time."""
    run_jobs: bool = True
    """Whether the server's own process also does the jobs. Off: `toktra server worker` does them, elsewhere."""
    site_address: Annotated[str, Meta(pattern=r"^https?://[^/]+$")] | None = None
    """Where people reach the site, for links in mail: https://ai.example.org. Unset: `host` and `port`."""
    mail_relay: Annotated[str, Meta(min_length=1)] | None = None
    """The SMTP server that takes our mail. Unset: no mail is sent, and pages say so."""
    mail_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """Its port. Unset: 587 with STARTTLS, 465 with TLS, 25 with none."""
    mail_tls: MailTls = MailTls.STARTTLS
    """How the way to the relay is encrypted: starttls, tls or none. The relay's certificate is always checked."""
    mail_user: str | None = None
    """The account at the relay, if it asks for one."""
    mail_password: str | None = None
    """Its password."""
    mail_from: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """The address our mail comes from."""
    api_requests_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = 600
    """Requests that each program may make of the public API in a minute; each process of the server counts its own."""
    webhooks_to_private: bool = False
    """Whether webhooks may go to private addresses and this machine, and unencrypted."""
    export_directory: Path | None = None
    """The folder that scheduled exports may be written below. Unset: they go to S3 buckets only."""
    exports_to_private: bool = False
    """Whether scheduled exports may go to an S3 service at a private address, and unencrypted."""
    region: Literal["local", "eu", "us", "au", "ca"] = "local"
    """The region this server is for. It refuses a database with organisations of another one."""
    region_addresses: str = ""
    """Where each region's server is reached: eu=https://eu.ai.example.org us=https://us.ai.example.org. Who asks here
    for an organisation of another region is sent there."""
    in_region: str = ""
    """Hosts of which you say that they are in this server's region, separated by commas: a database, mail relay or
    store whose name does not tell. Without a word about it the server of a region does not start."""
    amazon_regions: str = ""
    """Which of Amazon's regions belong to this server's region, separated by commas. Empty: us-east-1, eu-central-1,
    ap-southeast-2 or ca-central-1, as the region is."""
    personal_url: Annotated[str, Meta(pattern=r"^https?://[^/]+$")] | None = None
    """Where this server reaches the service of the second ledger. Unset: the one it starts beside an embedded database;
    where there is none, nor Token Perks."""
    personal_public_url: Annotated[str, Meta(pattern=r"^https?://[^/]+$")] | None = None
    """Where devices and browsers reach it. Unset: `personal_url`."""
    personal_operator_secret: Annotated[str, Meta(min_length=43)] | None = None
    """The secret of that service by which it knows this server."""
    metrics_token: Annotated[str, Meta(min_length=16)] | None = None
    """Whoever sends it as a bearer token reads /metrics (Prometheus). Unset: there is no /metrics."""
    otlp_endpoint: Annotated[str, Meta(pattern=r"^https?://[^/]+$")] | None = None
    """The OpenTelemetry collector (OTLP over HTTP) that is told each finished day's sums of use. Unset: none is."""
    accepted_age_days: Annotated[int, Meta(ge=1, le=2000)] = 400
    """Events older than this are refused by name: the retention in force has no place for them."""

    @property
    def site(self) -> str:
        """The beginning of every address of the site, without a slash at its end."""
        scheme = "http" if self.certificate is None else "https"
        return self.site_address or f"{scheme}://{self.host}:{self.port}"

    @property
    def data_directory(self) -> Path:
        return self.data or default_data_directory()


def default_data_directory() -> Path:
    """Root's home is closed to the account the database runs under, so root's default is the system's place."""
    return site_state_path("toktra") if os.geteuid() == 0 else user_data_path("toktra")


def load_settings(
    environment: Mapping[str, str], file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> ServerSettings:
    """The settings from a file, the environment over it, and the command line (`overrides`, None left out) over both.

    Raises InvalidSetting naming the setting and where it was set.
    """
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for name, value in _from_file(file).items():
        values[name], said[name] = value, f"{name} in {file}"
    for name in ServerSettings.__struct_fields__:
        if text := environment.get(PREFIX + name.upper()):
            values[name], said[name] = text, PREFIX + name.upper()
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name], said[name] = value, "--" + name.replace("_", "-")
    try:
        settings = msgspec.convert(values, ServerSettings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise InvalidSetting(_sentence(str(error), said)) from None
    if (settings.certificate is None) != (settings.key is None):
        missing = "key" if settings.key is None else "certificate"
        raise InvalidSetting(f"{PREFIX}{missing.upper()} is missing: a certificate and its key come together")
    _check_mail(settings)
    return settings


def _check_mail(settings: ServerSettings) -> None:
    if settings.mail_relay is not None and settings.mail_from is None:
        raise InvalidSetting(f"{PREFIX}MAIL_FROM is missing: mail needs the address it comes from")
    if (settings.mail_user is None) != (settings.mail_password is None):
        missing = "PASSWORD" if settings.mail_password is None else "USER"
        raise InvalidSetting(
            f"{PREFIX}MAIL_{missing} is missing: an account at the relay and its password come together"
        )
    if settings.mail_password is not None and settings.mail_tls is MailTls.NONE:
        raise InvalidSetting(f"{PREFIX}MAIL_TLS: a password is not sent unencrypted; use starttls or tls")


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidSetting(f"the settings file {file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"the settings file {file} is not TOML: {error}") from None
    section = content.get("server", {})
    if not isinstance(section, dict):
        raise InvalidSetting(f"the settings file {file} has no table [server]")
    unknown = sorted(section.keys() - set(ServerSettings.__struct_fields__))
    if unknown:
        known = ", ".join(ServerSettings.__struct_fields__)
        raise InvalidSetting(f"{unknown[0]} in {file} is no setting of the server. Settings: {known}")
    return section


def _path(wanted: type[Any], value: Any) -> Any:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    raise NotImplementedError


def _sentence(error: str, said: Mapping[str, str]) -> str:
    """ "Expected `int` <= 65535 - at `$.port`" as a sentence about TOKTRA_PORT."""
    reason, _, path = error.partition(" - at `$.")
    name = path.rstrip("`")
    if name.endswith("database_url"):  # the value may hold a password, so it is never repeated
        reason = "expected a URL such as postgresql://user:password@host/database"
    return f"{said.get(name, name)}: {re.sub('^E', 'e', reason)}"
