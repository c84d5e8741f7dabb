"""Takes the address and serves there until told to stop. Plain HTTP is for this machine alone."""

from __future__ import annotations

import errno
import gc
import signal
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn

from toktra.server.app import create_app
from toktra.server.settings import AddressNotAvailable, InvalidSetting, ServerSettings

STOP_WITHIN_S = 10
LOOK_AFTER_EVERY_S = 5
KEEP_ALIVE_S = 75
"""Devices report every few seconds; a shorter time would cost them a TLS handshake for every batch."""


def check_reach(settings: ServerSettings) -> None:
    """Raises InvalidSetting when others could reach us without encryption, or the certificate cannot be used."""
    if settings.certificate is None or settings.key is None:
        if not is_loopback(settings.host):
            raise InvalidSetting(
                f"TOKTRA_HOST: others can reach {settings.host}, so it is served with a certificate only. Give "
                "--certificate and --key (PEM files), or listen on 127.0.0.1 behind a load balancer that has them."
            )
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
    except ssl.SSLError as error:
        raise InvalidSetting(
            f"TOKTRA_CERTIFICATE and TOKTRA_KEY: {settings.certificate} and {settings.key} are not a certificate and "
            f"its own key in PEM form ({error.reason or error})"
        ) from None
    except OSError as error:
        raise InvalidSetting(
            f"TOKTRA_CERTIFICATE and TOKTRA_KEY: {settings.certificate} or {settings.key} cannot be read: "
            f"{error.strerror}"
        ) from None


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises AddressNotAvailable with the remedy for what went wrong."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except socket.gaierror:
        raise AddressNotAvailable(f"{host} is no address of this machine. Set TOKTRA_HOST or --host.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressNotAvailable(
                f"port {port} of {host} is in use by another program. Stop it, or choose another with --port."
            ) from None
        if error.errno == errno.EACCES:
            raise AddressNotAvailable(f"port {port} is reserved for root. Choose one above 1023 with --port.") from None
        raise AddressNotAvailable(f"cannot listen on {host} port {port}: {error.strerror}") from None


def stop_in_order() -> None:
    """SIGTERM and SIGINT unwind the program like an exit, whatever it is doing, so that the database is stopped too.

    While it serves, uvicorn has these signals; when it has finished it raises them again, and they come here.
    """

    def leave(number: int, frame: object) -> None:
        del number, frame
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def serve(settings: ServerSettings, at: socket.socket, look_after: Callable[[], None] | None = None) -> None:
    """Serves on a listening socket until SIGINT or SIGTERM; requests under way are finished first.

    `look_after` is called every LOOK_AFTER_EVERY_S, for what runs beside the server.
    """

    async def look() -> None:
        if look_after is not None:
            look_after()

    secure = (
        {}
        if settings.certificate is None
        else {
            "ssl_certfile": str(settings.certificate),
            "ssl_keyfile": str(settings.key),
        }
    )
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
        callback_notify=look,
        timeout_notify=LOOK_AFTER_EVERY_S,
        **secure,  # type: ignore[arg-type]
    )
    _leave_start_to_itself()
    uvicorn.Server(config).run(sockets=[at])


def _leave_start_to_itself() -> None:
    """What starting made stays while the server runs, so the collector need not go through it again and again.

    A batch of 500 events makes enough objects to set it off, and while it goes through everything nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
