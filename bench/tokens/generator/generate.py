"""Generates measured exchanges: conversations in documented wire formats over real TLS, counted with real tokenizers.

    python -m bench.tokens.generator.generate --conversations 600 --only compatible > data/compatible.jsonl

Needs the Python packages of requirements.lock and, in this directory, `npm ci` for the tokenizers.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import mistral_common  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.generator import dialects, formats
from bench.tokens.generator.clients import CLIENTS, Client, Http1, Http2, encoded, request_headers, response_headers
from bench.tokens.generator.connection import Endpoints
from bench.tokens.generator.text import passage
from mistral_common.tokens.tokenizers.tekken import Tekkenizer  # type: ignore[import-not-found, unused-ignore]

TEKKEN: Final = "tekken"
"""Mistral's tokenizer, which comes with a Python package; the others come with packages of Node's."""
REASONS: Final = 0.2
"""Share of conversations with a model that reasons where nobody sees it."""
HERE: Final = Path(__file__).parent
MESSAGE_TOKENS: Final = 4
"""What chat templates add to each message."""
SHORT_TURNS, LONG_TURNS = (1, 1, 2, 3, 5), (6, 10)


@dataclass(frozen=True)
class Provider:
    """A provider to generate for. `per_event` are the mean tokens of a streamed event; one is drawn a conversation."""

    host: str
    model: str
    tokenizer: str
    format: formats.Format
    per_event: tuple[float, ...]
    compatible: bool = True


def _like_openai(host: str, model: str, tokenizer: str, chunk: Any, per_event: tuple[float, ...]) -> Provider:
    return Provider(
        host, model, tokenizer, formats.compatible("openai.compatible", "/v1/chat/completions", chunk), per_event
    )


PROVIDERS: Final = (
    _like_openai("api.deepseek.com", "deepseek-chat", "deepseek_v3", formats.deepseek, (1, 1, 1.3)),
    _like_openai("api.groq.com", "llama-3.3-70b-versatile", "llama3_1", formats.groq, (1, 1, 2)),
    _like_openai("api.together.xyz", "Qwen/Qwen3-235B-A22B-Instruct", "qwen3", formats.together, (1, 1, 1.5)),
    _like_openai("openrouter.ai", "qwen/qwen3-235b-a22b", "qwen3", formats.openrouter, (1, 1, 1.5, 2.5)),
    _like_openai("api.x.ai", "grok-4-0709", "gpt4o", formats.xai, (1,)),
    _like_openai("inference.example.net", "llama-3.1-8b", "llama3_1", formats.plain, (1, 1, 1.2)),
    _like_openai("api.fireworks.ai", "accounts/fireworks/models/deepseek-v3", "deepseek_v3", formats.terse, (1, 2, 4)),
    Provider("api.openai.com", "gpt-4o-2024-08-06", "gpt4o", dialects.OPENAI_CHAT, (1,), compatible=False),
    Provider("api.openai.com", "gpt-4o-2024-08-06", "gpt4o", dialects.OPENAI_RESPONSES, (1,), compatible=False),
    Provider("api.anthropic.com", "claude-sonnet-4", "claude", dialects.ANTHROPIC, (1, 3, 5), compatible=False),
    Provider(
        "generativelanguage.googleapis.com", "gemini-2.5-flash", "gemini", dialects.GOOGLE, (8, 20), compatible=False
    ),
    replace(
        _like_openai("api.mistral.ai", "mistral-medium-latest", TEKKEN, formats.terse, (1, 1, 2, 3)), compatible=False
    ),
)


class Tokenizers:
    """The Node process that holds the tokenizers."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[str]] = {}
        self._process = subprocess.Popen(
            ["node", str(HERE / "tokenize.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tekken = tekken()

    def pieces(self, tokenizer: str, texts: list[str]) -> list[list[str]]:
        """The pieces of each text; a text that came before, as a conversation's history does, is not asked again."""
        new = [text for text in dict.fromkeys(texts) if (tokenizer, text) not in self._known]
        if new:
            for text, pieces in zip(new, self._ask(tokenizer, new), strict=True):
                self._known[tokenizer, text] = pieces
        return [self._known[tokenizer, text] for text in texts]

    def forget(self) -> None:
        """Drops what a finished conversation left behind."""
        self._known.clear()

    def _ask(self, tokenizer: str, texts: list[str]) -> list[list[str]]:
        if tokenizer == TEKKEN:
            ids = [self._tekken.encode(text, bos=False, eos=False) for text in texts]
            return [[self._tekken.decode([one]) for one in of_text] for of_text in ids]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"tokenizer": tokenizer, "texts": texts}) + "\n")
        self._process.stdin.flush()
        answer: list[list[str]] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def tekken() -> Any:
    """The newest vocabulary that the package holds."""
    data = Path(mistral_common.__file__).parent / "data"
    return Tekkenizer.from_file(max(data.glob("tekken_*.json")))


def events_of(random: random.Random, pieces: list[str], per_event: float) -> list[str]:
    """Pieces grouped into events of about `per_event` tokens."""
    events: list[str] = []
    place = 0
    while place < len(pieces):
        length = max(1, round(random.gauss(per_event, per_event / 4))) if per_event > 1 else 1
        events.append("".join(pieces[place : place + length]))
        place += length
    return events


def packets_of(random: random.Random, parts: list[bytes], merging: float) -> list[bytes]:
    """Parts as packets: now and then a server's next event is ready before the last one left."""
    packets: list[bytes] = []
    for part in parts:
        if packets and random.random() < merging:
            packets[-1] += part
        else:
            packets.append(part)
    return packets


def tools_of(random: random.Random, count: int) -> list[Any]:
    """Tool declarations such as agents send with every request."""
    return [
        {
            "name": f"tool_{number}",
            "description": passage(random, random.randrange(80, 600), code=False),
            "parameters": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "description": passage(random, 60, code=False)}
                    for name in random.sample(["path", "query", "text", "start", "end", "mode", "limit"], 3)
                },
                "required": ["path"],
            },
        }
        for number in range(count)
    ]


def conversation(
    name: str, random: random.Random, provider: Provider, client: Client, tokenizers: Tokenizers, endpoints: Endpoints
) -> Iterator[dict[str, Any]]:
    """Every exchange of one conversation, measured."""
    coding = random.random() < 0.4
    agent = coding and random.random() < 0.25
    turns = random.choice(LONG_TURNS if agent else SHORT_TURNS)
    streamed = random.random() < 0.8
    per_event, merging = random.choice(provider.per_event), random.choice((0.0, 0.05, 0.15, 0.3))
    image = not agent and random.random() < 0.03
    reasons = random.random() < REASONS
    tools = tools_of(random, random.randrange(8, 25)) if agent else tools_of(random, random.choice((0, 0, 0, 3)))
    key_bytes, more_bytes = random.choice((40, 56, 108, 164)), random.randrange(0, 500)
    connection = endpoints.connect("h2" if client.protocol == "h2" else "http/1.1")
    http = (Http2 if client.protocol == "h2" else Http1)(connection, provider.host)
    system = passage(random, int(random.lognormvariate(9 if agent else 5.5, 0.9)), code=False)
    messages: list[formats.Message] = [{"role": "system", "content": system}] if random.random() < 0.8 else []
    for turn in range(turns):
        size = int(random.lognormvariate(8 if agent else 5.3, 1.3))
        messages.append({"role": "user", "content": passage(random, max(4, size), coding and random.random() < 0.7)})
        answer = passage(random, max(8, int(random.lognormvariate(6.4, 1.1))), coding and random.random() < 0.5)
        said = [message["content"] for message in messages] + [formats.compact(tool) for tool in tools]
        *asked, pieces = tokenizers.pieces(provider.tokenizer, [*said, answer])
        input_tokens = sum(map(len, asked)) + MESSAGE_TOKENS * len(messages)
        body = provider.format.body(provider.model, messages, streamed, tools)
        hidden = int(random.lognormvariate(5.8, 1.0)) if reasons else 0
        before, sealed = provider.format.sealed(random, hidden) if hidden and provider.format.sealed else ([], None)
        separators = (", ", ": ") if client.spaced_json else (",", ":")
        request = json.dumps(body, separators=separators, ensure_ascii=client.spaced_json).encode()
        if image:
            request += b" " * random.randrange(
                60_000, 400_000
            )  # the size of a base64 picture; its content is no matter
        offered = [encoding for encoding in client.encodings if not streamed or random.random() < 0.05]
        encoding = offered[0] if offered else None
        if streamed:
            texts = events_of(random, pieces, per_event)
            parts = [
                event.encode()
                for event in [
                    *before,
                    *provider.format.events(random, provider.model, texts, input_tokens, len(pieces) + hidden),
                ]
            ]
            parts = packets_of(random, parts, merging)
        else:
            whole = provider.format.whole(random, provider.model, answer, input_tokens, len(pieces) + hidden)
            if sealed is not None:
                whole["reasoning_part"] = sealed
            parts = [formats.compact(whole).encode()]
        http.exchange(
            provider.format.path,
            request_headers(client, random, key_bytes),
            request,
            response_headers(random, streamed, encoding, more_bytes),
            list(encoded(parts, encoding)),
            client.joins,
        )
        out, into = connection.take_counts()
        yield {
            "source": "generated",
            "conversation": name,
            "provider_host": provider.host,
            "format": provider.format.name,
            "client": client.name,
            "http": "h2" if client.protocol == "h2" else "h1",
            "streamed": streamed,
            "content_encoding": encoding,
            "first_on_connection": turn == 0,
            "request_bytes": out.payload_bytes,
            "response_bytes": into.payload_bytes,
            "segments_out": out.segments,
            "segments_in": into.segments,
            "input_tokens": input_tokens,
            "output_tokens": len(pieces),
            "hidden_output_tokens": hidden,
            "has_image": image,
            "server_side_input": False,
        }
        image = False
        messages.append({"role": "assistant", "content": answer})
    connection.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conversations", type=int, default=600)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=("all", "compatible", "others"), default="all")
    chosen = arguments.parse_args()
    wanted = {"all": (True, False), "compatible": (True,), "others": (False,)}[chosen.only]
    providers = [provider for provider in PROVIDERS if provider.compatible in wanted]
    endpoints: dict[str, Endpoints] = {}
    tokenizers = Tokenizers()
    for number in range(chosen.conversations):
        chance = random.Random(chosen.seed * 1_000_003 + number)
        provider, client = providers[number % len(providers)], chance.choice(CLIENTS)
        if provider.host not in endpoints:
            endpoints[provider.host] = Endpoints(provider.host, chance.randrange(20, 70))
        name = f"w{chosen.seed}-{number}"
        for row in conversation(name, chance, provider, client, tokenizers, endpoints[provider.host]):
            sys.stdout.write(json.dumps(row, separators=(",", ":")) + "\n")
        tokenizers.forget()
    tokenizers.close()


if __name__ == "__main__":
    main()
