"""Documented wire formats of AI providers: the request body, the streamed events and the whole answer."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, str]
JSON_HEADERS = ",", ":"


def identifier(
    random: random.Random, prefix: str, length: int, alphabet: str = string.ascii_letters + string.digits
) -> str:
    return prefix + "".join(random.choices(alphabet, k=length))


def uuid(random: random.Random) -> str:
    parts = [identifier(random, "", length, "0123456789abcdef") for length in (8, 4, 4, 4, 12)]
    return "-".join(parts)


def compact(value: Any) -> str:
    """JSON as API servers and most SDKs write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Format:
    """One provider's dialect. `events` is given the pieces of each event; `whole` the full text.

    `sealed` is what hidden reasoning leaves on the wire, as events before the first and as the value of a key of the
    whole answer; None where it leaves nothing but its count.
    """

    name: str
    path: str
    body: Callable[[str, Sequence[Message], bool, Sequence[Any]], Any]
    events: Callable[[random.Random, str, Sequence[str], int, int], list[str]]
    whole: Callable[[random.Random, str, str, int, int], Any]
    sealed: Callable[[random.Random, int], tuple[list[str], Any]] | None = None


def _data(value: Any) -> str:
    return f"data: {compact(value)}\n\n"


def chat_body(model: str, messages: Sequence[Message], stream: bool, tools: Sequence[Any]) -> Any:
    """OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat/create"""
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in tools]
    return body


def compatible(name: str, path: str, chunk: Callable[[random.Random, str, str], Callable[[str | None], Any]]) -> Format:
    """A dialect of chat completions that differs in the envelope of each streamed chunk."""

    def events(random: random.Random, model: str, texts: Sequence[str], tokens_in: int, tokens_out: int) -> list[str]:
        envelope = chunk(random, model, "chat.completion.chunk")
        usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
        last = envelope(None)
        last["usage"] = usage
        return [_data(envelope(""))] + [_data(envelope(text)) for text in texts] + [_data(last), "data: [DONE]\n\n"]

    def whole(random: random.Random, model: str, text: str, tokens_in: int, tokens_out: int) -> Any:
        return {
            "id": identifier(random, "chatcmpl-", 29),
            "object": "chat.completion",
            "created": 1750000000,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
            "system_fingerprint": identifier(random, "fp_", 10),
        }

    return Format(name, path, chat_body, events, whole)


def _choice(text: str | None, **more: Any) -> dict[str, Any]:
    delta = {"content": text} if text is not None else {}
    return {"index": 0, "delta": delta, **more, "finish_reason": None if text is not None else "stop"}


def deepseek(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """https://api-docs.deepseek.com/api/create-chat-completion"""
    head = {"id": uuid(random), "object": kind, "created": 1750000000, "model": model}
    head["system_fingerprint"] = identifier(random, "fp_", 10) + "_prod0820_fp8_kvcache"
    return lambda text: {**head, "choices": [_choice(text, logprobs=None)]}


def groq(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """https://console.groq.com/docs/api-reference"""
    head = {"id": "chatcmpl-" + uuid(random), "object": kind, "created": 1750000000, "model": model}
    head["system_fingerprint"] = identifier(random, "fp_", 10)
    return lambda text: {**head, "choices": [_choice(text, logprobs=None)]}


def together(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """https://docs.together.ai/docs/openai-api-compatibility"""
    head = {"id": identifier(random, "", 15) + "-" + identifier(random, "", 16), "object": kind, "created": 1750000000}

    def chunk(text: str | None) -> Any:
        delta = {
            "token_id": random.randrange(100, 120000),
            "role": "assistant",
            "content": text or "",
            "tool_calls": None,
        }
        choice = {"index": 0, "text": text or "", "logprobs": None, "finish_reason": None, "seed": None, "delta": delta}
        return {**head, "choices": [choice], "model": model, "usage": None}

    return chunk


def openrouter(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """https://openrouter.ai/docs/api/reference/overview"""
    head = {"id": "gen-1750000000-" + identifier(random, "", 20), "provider": "DeepInfra", "model": model}
    head |= {"object": kind, "created": 1750000000}  # type: ignore[dict-item]

    def chunk(text: str | None) -> Any:
        choice = {"index": 0, "delta": {"role": "assistant", "content": text or ""}, "finish_reason": None}
        return {**head, "choices": [{**choice, "native_finish_reason": None, "logprobs": None}]}

    return chunk


def xai(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """https://docs.x.ai/docs/api-reference"""
    head = {"id": uuid(random), "object": kind, "created": 1750000000, "model": model}
    mark = identifier(random, "fp_", 10)

    def chunk(text: str | None) -> Any:
        choice = {"index": 0, "delta": {"content": text or "", "role": "assistant"}}
        return {**head, "choices": [choice], "system_fingerprint": mark}

    return chunk


def plain(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """What self-hosted servers with this interface send."""
    head = {"id": identifier(random, "chatcmpl-", 32, "0123456789abcdef"), "object": kind, "created": 1750000000}
    return lambda text: {**head, "model": model, "choices": [_choice(text, logprobs=None)]}


def terse(random: random.Random, model: str, kind: str) -> Callable[[str | None], Any]:
    """Mistral's envelope: https://docs.mistral.ai/api"""
    head = {"id": identifier(random, "", 32, "0123456789abcdef"), "object": kind, "created": 1750000000, "model": model}
    return lambda text: {**head, "choices": [_choice(text)]}
