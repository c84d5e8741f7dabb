"""Takes the address and serves there until told to stop. Plain HTTP is for this machine alone."""

from __future__ import annotations

import errno
import signal
import socket
import ssl
from ipaddress import ip_address
from typing import Final

import uvicorn

from toktra.personal.app import create_app
from toktra.personal.settings import PREFIX, InvalidPersonalSetting, PersonalSettings

STOP_WITHIN_S: Final = 10
KEEP_ALIVE_S: Final = 5
"""Short: devices come once an hour, and a connection that stays would tie one request to the next."""


def check_reach(settings: PersonalSettings) -> None:
    """Raises InvalidPersonalSetting when others could reach us unencrypted, or the certificate cannot be used."""
    if settings.certificate is None or settings.key is None:
        if not _is_loopback(settings.host):
            raise InvalidPersonalSetting(
                f"{PREFIX}HOST: others can reach {settings.host}, so it is served with a certificate only. Give "
                "--certificate and --key (PEM files), or listen on 127.0.0.1 behind a load balancer that has them."
            )
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
    except OSError as error:  # an SSLError is one
        raise InvalidPersonalSetting(
            f"{PREFIX}CERTIFICATE and {PREFIX}KEY: {settings.certificate} and {settings.key} cannot be read, or are "
            f"not a certificate and its own key in PEM form ({error.strerror or error})"
        ) from None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidPersonalSetting with the remedy for what went wrong."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except socket.gaierror:
        raise InvalidPersonalSetting(f"{host} is no address of this machine. Set {PREFIX}HOST or --host.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InvalidPersonalSetting(
                f"port {port} of {host} is in use by another program. Stop it, or choose another with --port."
            ) from None
        raise InvalidPersonalSetting(f"cannot listen on {host} port {port}: {error.strerror}") from None


def stop_in_order() -> None:
    """SIGTERM and SIGINT unwind the program like an exit, also before and after uvicorn has these signals."""

    def leave(number: int, frame: object) -> None:
        del number, frame
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def serve(settings: PersonalSettings, at: socket.socket) -> None:
    """Serves on a listening socket until SIGINT or SIGTERM; requests under way are finished first."""
    config = uvicorn.Config(
        create_app(settings),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    uvicorn.Server(config).run(sockets=[at])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
