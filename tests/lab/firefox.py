"""Firefox driven over its own remote protocol (Marionette): messages of a length, a colon and JSON on a socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

STARTS_WITHIN_S: Final = 60.0
QUIET: Final[Mapping[str, object]] = {
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.http.http3.enable": False,
    "network.stricttransportsecurity.preloadlist": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Refused(Exception):
    """Firefox answered with an error."""


class Firefox:
    """One running Firefox."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._buffer = b""
        self._number = 0
        self._read()  # it greets
        self.do("WebDriver:NewSession", acceptInsecureCerts=True)

    def do(self, command: str, **parameters: object) -> Any:
        """The answer to a command. Raises Refused."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        if error:
            raise Refused(f"{error['error']}: {error['message']}")
        return result.get("value") if isinstance(result, dict) else result

    def go(self, url: str) -> None:
        """Opens a page."""
        self.do("WebDriver:Navigate", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """What a promise of the page resolves to; the script is the body of an async function."""
        body = (
            "const done = arguments[arguments.length - 1];"
            f" (async (...args) => {{{script}}})(...arguments).then(done, (error) => done(String(error)))"
        )
        return self.do("WebDriver:ExecuteAsyncScript", script=body, args=list(arguments), scriptTimeout=20_000)

    def install(self, directory: Path) -> None:
        """An extension, until Firefox ends."""
        self.do("Addon:Install", path=str(directory), temporary=True)

    def trust(self, authority: bytes) -> None:
        """Takes the word of a certificate authority (PEM): over QUIC, Firefox takes no certificate without one."""
        text = "".join(authority.decode("ascii").split("-----")[2].split())
        self.do("Marionette:SetContext", value="chrome")
        self.do(
            "WebDriver:ExecuteScript",
            script=(
                'Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)'
                '.addCertFromBase64(arguments[0], "CTu,CTu,CTu")'
            ),
            args=[text],
        )
        self.do("Marionette:SetContext", value="content")

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def _read(self) -> Any:
        while b":" not in self._buffer:
            self._buffer += self._more()
        length, _, rest = self._buffer.partition(b":")
        while len(rest) < int(length):
            rest += self._more()
        message, self._buffer = rest[: int(length)], rest[int(length) :]
        return json.loads(message)

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionAbortedError("Firefox hung up")
        return data


@contextmanager
def firefox(
    program: str,
    home: Path,
    *,
    tls_to: int,
    of_host: Mapping[str, int] | None = None,
    quic_to: Mapping[str, int] | None = None,
) -> Iterator[Firefox]:
    """A headless Firefox with a home of its own; its TLS connections, to whatever name, lead to one local port.

    Those to the hosts in `of_host` lead to another. To those in `quic_to` it speaks HTTP/3, from the first request on.
    """
    profile = home / "profile"
    profile.mkdir(parents=True)
    with _everything_to(tls_to, of_host or {}) as proxy:
        prefs = {
            **QUIET,
            "network.proxy.type": 1,
            "network.proxy.ssl": "127.0.0.1",
            "network.proxy.ssl_port": proxy,
            **(_over_quic(quic_to) if quic_to else {}),
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in prefs.items()]
        (profile / "user.js").write_text("".join(lines))
        running = subprocess.Popen(
            [
                program,
                "-headless",
                "-marionette",
                "-remote-allow-system-access",
                "-no-remote",
                "-profile",
                str(profile),
            ],
            env={**os.environ, "HOME": str(home), "MOZ_HEADLESS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            browser = Firefox(_port_in(profile, running))
            yield browser
            with suppress(Refused, OSError):
                browser.do("Marionette:Quit", flags=["eForceQuit"])
            browser.close()
        finally:
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _over_quic(ports: Mapping[str, int]) -> dict[str, object]:
    """A proxy carries no UDP, so these hosts are asked directly, on this machine."""
    return {
        "network.http.http3.enable": True,
        "network.http.http3.alt-svc-mapping-for-testing": ",".join(f"{host};h3=:{ports[host]}" for host in ports),
        "network.http.http3.force-use-alt-svc-mapping-for-testing": True,
        "network.http.http3.disable_when_third_party_roots_found": False,
        "network.dns.localDomains": ",".join(ports),
        "network.proxy.no_proxies_on": ",".join(ports),
    }


def _port_in(profile: Path, running: subprocess.Popen[bytes]) -> int:
    named = profile / "MarionetteActivePort"
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not named.exists() or not named.read_text().strip():
        assert running.poll() is None, "Firefox ended"
        assert time.monotonic() < deadline, "Firefox did not start"
        time.sleep(0.05)
    return int(named.read_text())


@contextmanager
def _everything_to(port: int, of_host: Mapping[str, int]) -> Iterator[int]:
    """A proxy that takes every CONNECT and leads it to one port, or to that of its host."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, of_host), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, of_host: Mapping[str, int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_connect, args=(client, port, of_host), daemon=True).start()


def _connect(client: socket.socket, port: int, of_host: Mapping[str, int]) -> None:
    with client, suppress(OSError):
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = client.recv(4096)
            if not more:
                return
            asked += more
        if not asked.startswith(b"CONNECT "):
            return
        host = asked.split(b" ")[1].rpartition(b":")[0].decode("ascii")
        with socket.create_connection(("127.0.0.1", of_host.get(host, port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
