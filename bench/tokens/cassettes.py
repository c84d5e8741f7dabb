"""Measured exchanges from recorded test cassettes: numbers only, no text is kept.

    python -m bench.tokens.cassettes COLLECTION CHECKOUT >> cassettes.jsonl

Reads every VCR cassette (YAML) below a checkout and writes a line for each plain exchange with a model, with the
tokens the provider billed as truth. What the wire carried is put together again from the bodies: most cassettes keep
bodies decompressed and leave headers out, so headers are filled up to a usual size where the request id is missing,
and a streamed event counts as one TLS record and one packet. A body that was kept compressed counts as it is. More
tokens billed than bytes sent are marked as input that the server added. Left out: pictures, sound and files, tools that
run at the provider, context kept by the server, reasoning that is shown or sealed into the answer, embeddings, token
counting, and errors. An organisation's own host names are made anonymous.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped, import-not-found, unused-ignore]

SEGMENT_BYTES: Final = 1448
RECORD_BYTES: Final = 22
"""What TLS 1.3 adds to a record."""
REQUEST_HEAD_BYTES: Final = 800
"""Request line and headers of a Python SDK, its key included."""
MISSING_HEAD_BYTES: Final = {"openai": 550, "anthropic": 650, "google": 250}
"""Response headers that cassettes leave out: rate limits, request ids, cookies."""
OTHER_MISSING_HEAD_BYTES: Final = 350
UNKNOWABLE: Final = re.compile(
    r'"(image|image_url|input_image|input_audio|audio|inlineData|fileData|inline_data|file_data|file|input_file|'
    r"document|document_url|file_id|previous_response_id|conversation|container|cachedContent|server_tool_use|"
    r"mcp_servers|googleSearch|google_search|codeExecution|code_execution|urlContext|fileSearch|encrypted_content|"
    r'thoughtSignature|thinking|reasoning_content|redacted_thinking|prediction|background)"\s*:'
    r'(?!\s*(null|false|""|\[\s*\]|\{\s*\}))'
    r'|"type"\s*:\s*"(image|web_search[^"]*|code_interpreter|mcp|file_search|image_generation|document|'
    r'code_execution[^"]*|web_fetch[^"]*|advisor[^"]*|memory[^"]*|tool_search[^"]*|compaction|shell|computer[^"]*)"'
    r"|@ai-inlined|base64"
)
OWN_LABEL: Final = re.compile(r"^[^.]+\.(?=[^.]*\.azure\.|snowflakecomputing\.|cloud\.databricks\.)")
MODEL_CALLS: Final = re.compile(
    r"/(chat/completions|responses|messages|v2/chat)$|:(stream)?generateContent$", re.IGNORECASE
)


@dataclass(frozen=True)
class Usage:
    """What was billed: input, visible output, hidden output."""

    input_tokens: int
    output_tokens: int
    hidden_tokens: int


def usage_of(found: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer or of one of its events, in whichever provider's words."""
    usage = found.get("usage") or found.get("usageMetadata") or {}
    for nested in ("response", "message", "delta"):
        inner = found.get(nested)
        if not usage and isinstance(inner, dict):
            usage = inner.get("usage") or {}
    if not isinstance(usage, dict):
        return None
    if "promptTokenCount" in usage:
        thoughts = usage.get("thoughtsTokenCount") or 0
        return Usage(usage["promptTokenCount"], usage.get("candidatesTokenCount") or 0, thoughts)
    if "prompt_tokens" in usage:
        hidden = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        return Usage(usage["prompt_tokens"], (usage.get("completion_tokens") or 0) - hidden, hidden)
    if "output_tokens" in usage:
        hidden = (usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0
        cached = (usage.get("cache_creation_input_tokens") or 0) + (usage.get("cache_read_input_tokens") or 0)
        return Usage((usage.get("input_tokens") or 0) + cached, usage["output_tokens"] - hidden, hidden)
    return None


def events_of(text: str) -> list[str]:
    """The events of a stream, each with the blank line that ends it."""
    parts = re.split(r"(?<=\n)\r?\n", text)
    return [part + "\n" for part in parts if part.strip()]


def usage_of_stream(events: list[str]) -> Usage | None:
    """The largest of each count: providers repeat them, and some begin with a placeholder."""
    seen = []
    for event in events:
        data = "".join(line[5:].strip() for line in event.splitlines() if line.startswith("data:"))
        try:
            value = json.loads(data)
        except ValueError:
            continue
        usage = usage_of(value) if isinstance(value, dict) else None
        if usage:
            seen.append(usage)
    if not seen:
        return None
    return Usage(*(max(getattr(one, name) for one in seen) for name in Usage.__dataclass_fields__))


def segments(size: int) -> int:
    return -(-size // SEGMENT_BYTES)


def _length(message: Mapping[str, Any], body: str) -> int:
    """Length of a body: as its header says, where the body was kept parsed."""
    stated = _headers(message).get("content-length", ["0"])[0]
    if "parsed_body" in message and stated.isdigit() and int(stated) > 0:
        return int(stated)
    return len(body.encode())


def _body(message: Mapping[str, Any]) -> tuple[str, int]:
    """A message's text, and how many bytes of compression it came in (0: none)."""
    if "parsed_body" in message:
        return json.dumps(message["parsed_body"], separators=(",", ":"), ensure_ascii=False), 0
    body = message.get("body") or ""
    if isinstance(body, dict):
        body = body.get("string") or ""
    if not isinstance(body, bytes):
        return str(body), 0
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body).decode("utf-8", "replace"), len(body)
    return body.decode("utf-8", "replace"), 0


def _head(headers: Mapping[str, Sequence[str]], host: str) -> int:
    """Bytes of an answer's status line and headers, filled up where most were left out."""
    listed = 17 + sum(len(name) + len(value) + 4 for name, values in headers.items() for value in values)
    if "cf-ray" in headers or "x-request-id" in headers:
        return listed
    missing = next((size for key, size in MISSING_HEAD_BYTES.items() if key in host), OTHER_MISSING_HEAD_BYTES)
    return listed + missing


def _headers(message: Mapping[str, Any]) -> dict[str, list[str]]:
    """Headers by lower-case name; cassettes of some libraries keep one value instead of a list."""
    found = message.get("headers") or {}
    if not isinstance(found, dict):
        return {}
    return {
        name.lower(): [str(one) for one in (kept if isinstance(kept, list) else [kept])] for name, kept in found.items()
    }


def measured(interaction: Mapping[str, Any], collection: str, conversation: str) -> dict[str, Any] | None:
    """One exchange as a line of the data files, or None when it is not a plain one."""
    request, response = interaction.get("request"), interaction.get("response")
    if not request or not response:
        return None
    address = urlsplit(request["uri"])
    if response["status"]["code"] != 200 or not MODEL_CALLS.search(address.path):
        return None
    (asked, _), (answered, compressed) = _body(request), _body(response)
    if UNKNOWABLE.search(asked) or UNKNOWABLE.search(answered):
        return None
    headers, host = _headers(response), address.hostname or ""
    streamed = "event-stream" in headers.get("content-type", [""])[0]
    if address.scheme != "https" or (streamed and compressed):
        return None
    head = _head(headers, host)
    if streamed:
        events = events_of(answered)
        usage = usage_of_stream(events)
        packets = [head, *(len(event.encode()) + len(f"{len(event.encode()):x}") + 4 for event in events), 5]
    else:
        try:
            usage = usage_of(json.loads(answered))
        except ValueError:
            return None
        packets = [head, compressed or _length(response, answered)]
    if usage is None or usage.output_tokens <= 0 or usage.input_tokens <= 0:
        return None
    sent = [REQUEST_HEAD_BYTES + len(address.path) + len(host), _length(request, asked)]
    out, into = ([size + RECORD_BYTES for size in part] for part in (sent, packets))
    return {
        "source": "recorded",
        "collection": collection,
        "conversation": conversation,
        "provider_host": OWN_LABEL.sub("tenant.", host),
        "format": "real",
        "client": "py_sdk",
        "http": "h1",
        "streamed": streamed,
        "content_encoding": "gzip" if compressed else None,
        "first_on_connection": False,
        "request_bytes": sum(out),
        "response_bytes": sum(into),
        "segments_out": sum(map(segments, out)),
        "segments_in": sum(map(segments, into)),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "hidden_output_tokens": usage.hidden_tokens,
        "has_image": False,
        "server_side_input": usage.input_tokens > sum(out),
    }


def cassettes(checkout: Path) -> Iterator[tuple[Path, Any]]:
    """Every cassette that can be read, with its path below the checkout."""
    for path in sorted(checkout.rglob("*.y*ml")):
        if not any("cassettes" in part for part in path.parts):
            continue
        try:
            loaded = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        if isinstance(loaded, dict) and isinstance(loaded.get("interactions"), list):
            yield path.relative_to(checkout), loaded["interactions"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("collection", help="a name for where the cassettes are from")
    arguments.add_argument("checkout", type=Path)
    chosen = arguments.parse_args()
    for path, interactions in cassettes(chosen.checkout):
        conversation = hashlib.blake2b(f"{chosen.collection}/{path}".encode(), digest_size=4).hexdigest()
        for interaction in interactions:
            row = measured(interaction, chosen.collection, conversation)
            if row is not None:
                print(json.dumps(row, separators=(",", ":")))


if __name__ == "__main__":
    main()
