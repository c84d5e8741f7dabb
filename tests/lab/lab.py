"""A network of two hosts in namespaces of this machine: clients on one, real TLS servers on the other.

Needs root. Nothing leaves the two namespaces; leaving the `with` block removes them and everything that ran in them.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

import trustme
from tests.lab.quic_server import CountingQuicServer
from tests.lab.server import TlsServer

CLIENT_4, SERVER_4 = "10.99.0.1", "10.99.0.2"
CLIENT_6, SERVER_6 = "fd99::1", "fd99::2"
SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""For clients, because an interpreter in a home directory cannot be run by another account."""
_FAST_OPEN_WITHOUT_COOKIES: Final = 0x207
IPPROTO_MPTCP: Final = 262
_CLONE_NEWNET: Final = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def why_not() -> str | None:
    """Why the lab cannot be set up here; None when it can."""
    if os.geteuid() != 0:
        return "the lab's network namespaces need root"
    for tool in ("ip", "nsenter", "setpriv", "curl"):
        if shutil.which(tool) is None:
            return f"the lab needs {tool}"
    return None


class Lab:
    """The two hosts, a certificate authority clients trust, and what runs on them."""

    def __enter__(self) -> Lab:
        name = f"toktra-{secrets.token_hex(4)}"
        self.client, self.server = f"{name}-c", f"{name}-s"
        self.authority = trustme.CA()
        self._exit = ExitStack()
        try:
            self._set_up()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _set_up(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="toktra-lab-"))
        self._exit.callback(shutil.rmtree, self.directory)
        self.directory.chmod(0o755)
        self.ca_file = self.directory / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        for namespace in (self.client, self.server):
            _ip("netns", "add", namespace)
            self._exit.callback(_ip, "netns", "delete", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
            self.in_namespace(namespace, _allow_fast_open)
        _ip("link", "add", "out", "netns", self.client, "type", "veth", "peer", "name", "in", "netns", self.server)
        for namespace, link, four, six in (
            (self.client, "out", CLIENT_4, CLIENT_6),
            (self.server, "in", SERVER_4, SERVER_6),
        ):
            _ip("-n", namespace, "address", "add", f"{four}/24", "dev", link)
            _ip("-n", namespace, "address", "add", f"{six}/64", "dev", link, "nodad")
            _ip("-n", namespace, "link", "set", link, "up")

    # Servers

    def serve(
        self, *hosts: str, port: int = 443, address: str = SERVER_4, alpn: Sequence[str] = ("h2", "http/1.1")
    ) -> TlsServer:
        """A TLS server for these names on the server's side; it counts the bytes of every connection."""
        listener = self.listen(address, port)
        server = TlsServer(listener, self.authority, hosts, alpn=alpn)
        self._exit.callback(server.close)
        return server

    def serve_quic(
        self, host: str, *, port: int = 443, address: str = SERVER_4, version: int = 1
    ) -> CountingQuicServer:
        """An HTTP/3 server on the server's side."""
        certificate = self.authority.issue_cert(host)
        chain, key = self.directory / "chain.pem", self.directory / "key.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        key.write_bytes(certificate.private_key_pem.bytes())
        return CountingQuicServer(
            self.in_namespace(self.server, lambda: bind_udp(address, port)), chain, key, version=version
        )

    def listen(self, address: str, port: int, *, fast_open: bool = False) -> socket.socket:
        """A listening socket on the server's side."""
        return self.in_namespace(self.server, lambda: listen(address, port, fast_open=fast_open))

    def in_namespace(self, namespace: str, function: Callable[[], T]) -> T:
        """What `function` returns when run inside a namespace; sockets it opens stay there."""
        results: list[T] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                _enter(namespace)
                results.append(function())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    # Clients

    def start(self, *command: str, uid: int = 0, namespace: str | None = None) -> subprocess.Popen[bytes]:
        """A process on the client's side (or in another namespace) under an account, ended with the lab."""
        account = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{namespace or self.client}", "--", *account, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        self._exit.callback(_end, process)
        return process

    def run(self, *command: str, uid: int = 0, timeout_s: float = 30) -> bytes:
        """The output of a client's command that has to succeed."""
        process = self.start(*command, uid=uid)
        out, err = process.communicate(timeout=timeout_s)
        assert process.returncode == 0, f"{command[0]} ended with {process.returncode}: {err.decode()}"
        return out

    def curl(self, *urls_and_options: str, uid: int = 0, address: str = SERVER_4, timeout_s: float = 30) -> bytes:
        """curl, which finds every name of the internet on the lab's server."""
        return self.run(
            *("curl", "-sS", "--noproxy", "*", "--cacert", str(self.ca_file)),
            *("--connect-to", f"::{f'[{address}]' if ':' in address else address}:"),
            *urls_and_options,
            uid=uid,
            timeout_s=timeout_s,
        )

    def program(
        self,
        name: str,
        *arguments: str,
        uid: int = 0,
        python: str = SYSTEM_PYTHON,
        inside: Sequence[str] = (),
        timeout_s: float = 30,
    ) -> bytes:
        """One of tests/lab/programs, perhaps run by another command; the authority's file is its first argument.

        The text is passed on, because another account may not read this checkout.
        """
        script = (Path(__file__).parent / "programs" / f"{name}.py").read_text("utf-8")
        command = [*inside, python, "-I", "-c", script, str(self.ca_file), *arguments]
        return self.run(*command, uid=uid, timeout_s=timeout_s)

    def node(self, name: str, *arguments: str, uid: int = 0, timeout_s: float = 30) -> bytes:
        """One of tests/lab/programs for Node, which trusts the authority."""
        script = (Path(__file__).parent / "programs" / f"{name}.mjs").read_text("utf-8")
        node = ["env", f"NODE_EXTRA_CA_CERTS={self.ca_file}", "node", "--input-type=module", "-e", script, "--"]
        return self.run(*node, *arguments, uid=uid, timeout_s=timeout_s)

    @contextmanager
    def recorded(self, *, filter_: str = "") -> Iterator[Path]:
        """A capture file of what passes the client's link while the block runs; complete when it ends."""
        path = self.directory / f"{secrets.token_hex(4)}.pcap"
        process = self.start(
            *("tcpdump", "-i", "out", "--immediate-mode", "-U", "-B", "65536", "-s", "0", "-w", str(path)),
            *([filter_] if filter_ else []),
        )
        assert process.stderr
        for line in process.stderr:  # it says "listening on" once it misses nothing
            if b"listening on" in line:
                break
        yield path
        settle(path)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert b"0 packets dropped by kernel" in err, err.decode()


def settle(path: Path, *, quiet_s: float = 0.3) -> None:
    """Waits until a file that another process writes has not grown for a while."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < quiet_s:
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        threading.Event().wait(0.02)


def listen(address: str, port: int, *, fast_open: bool = False, multipath: bool = False) -> socket.socket:
    """A listening socket in the namespace of the calling thread."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP if multipath else 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    if fast_open:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    listener.listen(1024)
    return listener


def bind_udp(address: str, port: int) -> socket.socket:
    """A UDP socket in the namespace of the calling thread."""
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((address, port))
    return bound


def _allow_fast_open() -> None:
    """Both ends, and without the cookie that a first connection would have to fetch."""
    Path("/proc/sys/net/ipv4/tcp_fastopen").write_text(str(_FAST_OPEN_WITHOUT_COOKIES), "ascii")


def _enter(namespace: str) -> None:
    """Moves the calling thread."""
    with open(f"/run/netns/{namespace}", "rb") as handle:  # noqa: PTH123 - not a file
        if _libc.setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
