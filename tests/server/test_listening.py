"""Where the server listens, and what it asks for before it does."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import trustme

from toktra.server.listening import check_reach, is_loopback, listen
from toktra.server.settings import AddressNotAvailable, InvalidSetting, ServerSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert is_loopback(host)
    check_reach(ServerSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "toktra.example"])
def test_beyond_it_a_certificate_is_asked_for(host: str) -> None:
    with pytest.raises(InvalidSetting, match=r"TOKTRA_HOST: others can reach .* --certificate and --key"):
        check_reach(ServerSettings(host=host))


def test_a_certificate_and_its_key_are_enough(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "one")
    check_reach(ServerSettings(host="0.0.0.0", certificate=certificate, key=key))


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "one")
    _, other_key = _certificate(tmp_path, "two")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for one, two in ((certificate, other_key), (nonsense, key), (tmp_path / "missing.pem", key)):
        with pytest.raises(InvalidSetting, match=f"TOKTRA_CERTIFICATE and TOKTRA_KEY: {one}"):
            check_reach(ServerSettings(certificate=one, key=two))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_port_in_use_is_named_with_the_remedy(host: str) -> None:
    with listen(host, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressNotAvailable, match=f"port {port} of {host} is in use .* --port"):
            listen(host, port)
    listen(host, port).close()


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(AddressNotAvailable, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)
    with pytest.raises(AddressNotAvailable, match=r"nowhere\.invalid is no address of this machine"):
        listen("nowhere.invalid", 0)


def test_it_accepts_connections_before_it_serves() -> None:
    with listen("127.0.0.1", 0) as at, socket.create_connection(at.getsockname(), timeout=5):
        pass


def _certificate(directory: Path, name: str) -> tuple[Path, Path]:
    issued = trustme.CA().issue_cert("toktra.example")
    certificate, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key
