"""Where a webhook may go."""

from __future__ import annotations

import pytest

from toktra.server.webhooks.guard import NotAllowed, NotFound, is_public, look_up, parse


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "not an address",
    ],
)  # fmt: skip
def test_no_private_address_however_it_is_written(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/a", "ftp://hooks.example", "https://", "//hooks.example", "javascript:alert(1)", "",
        "https://user:secret@hooks.example/", "https://hooks.example:99999/", "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: other", "https://[::1", "https://" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        parse(url, private_allowed=False)


@pytest.mark.parametrize(
    "url", ["https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/"]
)
async def test_this_machine_is_refused_unless_a_setting_allows_it(url: str) -> None:
    with pytest.raises(NotAllowed):
        await look_up(parse(url, private_allowed=False), private_allowed=False)
    assert await look_up(parse(url, private_allowed=True), private_allowed=True) in ("127.0.0.1", "::1")


async def test_a_name_nobody_has_is_told_apart() -> None:
    with pytest.raises(NotFound):
        await look_up(parse("https://nobody.invalid/", private_allowed=False), private_allowed=False)


def test_an_address_in_parts() -> None:
    target = parse("https://hooks.example:8443/a/b?c=d", private_allowed=False)
    assert (target.authority, target.path, target.is_tls) == ("hooks.example:8443", "/a/b?c=d", True)
    assert parse("https://hooks.example", private_allowed=False).authority == "hooks.example"
