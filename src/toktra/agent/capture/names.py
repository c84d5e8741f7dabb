"""Which host a connection names: the readers of TLS and QUIC hellos, and the answers they give.

A reader takes what the client sent, piece by piece, and answers a `Hello`, a `Refusal`, or None for "not yet".
Nothing here does I/O.
"""

from toktra.agent.capture.hello import Hello, NoName, OuterEch, Refusal, parse_hello
from toktra.agent.capture.quic import QuicReader
from toktra.agent.capture.tls import TlsReader

__all__ = ["Hello", "NoName", "OuterEch", "QuicReader", "Refusal", "TlsReader", "parse_hello"]
