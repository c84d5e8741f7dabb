"""Carries one signed request to the server and its answer back. It decides nothing; see `uplink` and `enrol`."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - looked up with the first host name, when nothing can be imported any more
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import toktra
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.wire.signatures import sign

CONNECT_TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 64 << 10


class Unreachable(AgentError):
    """No answer came: the request may have arrived or not."""


class CertificateAuthorityNotUsable(AgentError):
    """The file given with --ca holds no certificate."""

    exit_code = EXIT_NEEDS_YOU


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    """The header Retry-After as it came."""


Post = Callable[[str, bytes, float], Answer]
"""Posts a JSON body to a path of the server, for at most so many seconds. Raises Unreachable."""


class Transport:
    """Signed requests to one server. For one thread at a time."""

    def __init__(
        self, *, server: str, key_id: str, private_key: Ed25519PrivateKey, ca_file: Path | None = None
    ) -> None:
        """`ca_file` replaces the system's certificate authorities. Raises CertificateAuthorityNotUsable."""
        self._server = server
        self._key_id = key_id
        self._private_key = private_key
        # Redirects are not followed: a signed batch goes to the server it was meant for, or nowhere.
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, ssl_context=tls_context(server, ca_file)
        )

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        """See `Post`."""
        url = self._server + path
        headers = {"Content-Type": "application/json", "User-Agent": f"toktra-agent/{toktra.__version__}"}
        sign(
            method="POST",
            url=url,
            headers=headers,
            body=body,
            key_id=self._key_id,
            private_key=self._private_key,
        )
        timeout = urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, timeout_s), total=timeout_s)
        try:
            response = self._pool.request(
                "POST",
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            answer = response.read(MAX_ANSWER_BYTES)
            if len(answer) < MAX_ANSWER_BYTES:
                response.release_conn()
            else:
                response.close()  # the rest is of no interest, and the connection cannot be used again without it
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(_why(self._server, error)) from None
        return Answer(status=response.status, body=answer, retry_after=response.headers.get("Retry-After"))

    def close(self) -> None:
        """Closes the kept connection."""
        self._pool.clear()


def tls_context(server: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """Verifies names and chains always. None for plain HTTP. Raises CertificateAuthorityNotUsable."""
    if not server.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateAuthorityNotUsable(
            f"{ca_file} holds no certificate that can be used ({error.strerror or error}). Give a PEM file with --ca."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _why(server: str, error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    if isinstance(cause, urllib3.exceptions.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return (
            f"The certificate of {server} is not one this device trusts ({cause}). Give its authority with --ca, or"
            " check the address."
        )
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return f"{server} cannot be reached ({cause.__cause__ or cause}). Check the address and the network."
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return f"{server} did not answer in time. Check the address and the network."
    return f"{server} cannot be reached ({cause}). Check the address and the network."
