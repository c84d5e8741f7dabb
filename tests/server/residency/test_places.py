"""A region's server writes to places in its region, or does not start."""

from __future__ import annotations

import pytest

from toktra.server.residency.places import Inside, OutsideRegion, addresses, check_bucket, check_places
from toktra.server.settings import InvalidSetting, ServerSettings

EU_DATABASE = "postgresql://toktra_app:secret@toktra.abc123.eu-central-1.rds.amazonaws.com/toktra"


@pytest.mark.parametrize(
    "settings",
    [
        {"database_url": EU_DATABASE},
        {"database_url": "postgresql://toktra_app:secret@/toktra?host=/run/postgresql"},
        {"database_url": "postgresql://toktra_app:secret@127.0.0.1/toktra"},
        {"mail_relay": "email-smtp.eu-west-1.amazonaws.com", "amazon_regions": "eu-central-1, eu-west-1"},
        {"mail_relay": "mail.example.org", "in_region": "db.example.org, Mail.example.org"},
        {"otlp_endpoint": "http://localhost:4318"},
    ],
)
def test_what_is_in_the_region_is_taken(settings: dict[str, str]) -> None:
    check_places(ServerSettings(region="eu", **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"database_url": EU_DATABASE.replace("eu-central-1", "us-east-1")}, "TOKTRA_DATABASE_URL .* is in us-east-1"),
        ({"database_url": EU_DATABASE.replace("eu-central-1", "eu-west-2")}, "is in eu-west-2"),
        ({"database_url": f"{EU_DATABASE}?host=a.eu-central-1.rds.amazonaws.com,b.ca-central-1.rds.amazonaws.com"},
         "is in ca-central-1"),
        ({"mail_relay": "email-smtp.eu-west-1.amazonaws.com"}, "is in eu-west-1, .*TOKTRA_AMAZON_REGIONS"),
        ({"owner_database_url": "postgresql://o:secret@db.example.org/toktra"}, "TOKTRA_IN_REGION=db.example.org"),
        ({"mail_relay": "email-smtp.us-east-1.amazonaws.com"}, "TOKTRA_MAIL_RELAY"),
        ({"mail_relay": "mail.example.org", "in_region": "other.example.org"}, "TOKTRA_IN_REGION=mail.example.org"),
        ({"otlp_endpoint": "https://collector.example.org:4318"}, "TOKTRA_OTLP_ENDPOINT"),
    ],
)  # fmt: skip
def test_what_is_elsewhere_or_may_be_is_refused_by_name(settings: dict[str, str], says: str) -> None:
    with pytest.raises(OutsideRegion, match=says) as refused:
        check_places(ServerSettings(region="eu", **settings))  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)


def test_an_installation_without_regions_is_asked_nothing() -> None:
    check_places(ServerSettings(database_url="postgresql://a:b@anywhere.example.org/toktra", mail_relay="anywhere"))


@pytest.mark.parametrize(
    ("location", "region"),
    [(None, "us"), ("", "us"), ("eu-central-1", "eu"), ("ap-southeast-2", "au"), ("ca-central-1", "ca")],
)
def test_a_buckets_location_is_what_s3_says(location: str | None, region: str) -> None:
    inside = Inside.of(ServerSettings(region=region))  # type: ignore[arg-type]
    check_bucket(location, "exports", inside)
    for other in {"us", "eu", "au", "ca"} - {region}:
        with pytest.raises(OutsideRegion, match="the bucket exports"):
            check_bucket(location, "exports", Inside.of(ServerSettings(region=other)))  # type: ignore[arg-type]


def test_a_service_that_is_not_amazons_may_say_nothing_and_is_believed_when_it_says_something() -> None:
    inside = Inside.of(ServerSettings(region="eu", amazon_regions="eu-west-1"))
    check_bucket("EU", "exports", inside)
    check_bucket(None, "exports", inside, is_amazons=False)
    with pytest.raises(OutsideRegion, match="us-west-2"):
        check_bucket("us-west-2", "exports", inside, is_amazons=False)


@pytest.mark.parametrize("name", ["eu-west-2", "us-east-1", "moon"])
def test_what_cannot_be_in_the_region_cannot_be_said_to_be(name: str) -> None:
    with pytest.raises(InvalidSetting, match=f"TOKTRA_AMAZON_REGIONS: {name}"):
        check_places(ServerSettings(region="eu", amazon_regions=f"eu-central-1,{name}"))


@pytest.mark.parametrize(
    "text", ["eu", "mars=https://a.example", "eu=a.example", "eu=https://a.example/path", "eu=http://a.example"]
)
def test_addresses_of_regions_are_whole_and_encrypted(text: str) -> None:
    with pytest.raises(InvalidSetting, match="TOKTRA_REGION_ADDRESSES"):
        addresses(ServerSettings(region_addresses=text))


def test_addresses_by_region() -> None:
    settings = ServerSettings(region_addresses="eu=https://eu.example.org, us=http://127.0.0.1:9")
    assert dict(addresses(settings)) == {"eu": "https://eu.example.org", "us": "http://127.0.0.1:9"}
