"""The dialects that are not plain chat completions: OpenAI's own two, Anthropic's and Google's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from bench.tokens.generator.formats import Format, Message, _data, chat_body, compact, compatible, identifier

PADDING_STEP = 16


def _openai_chunk(random: random.Random, model: str, kind: str) -> Any:
    """Chat completions as api.openai.com streams them: every delta padded so that its length says little."""
    head = {"id": identifier(random, "chatcmpl-", 29), "object": kind, "created": 1750000000, "model": model}
    head |= {"service_tier": "default", "system_fingerprint": identifier(random, "fp_", 10)}

    def chunk(text: str | None) -> Any:
        delta = {"content": text} if text is not None else {}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None if text is not None else "stop"}
        return {**head, "choices": [choice], "usage": None, "obfuscation": _padding(random, text)}

    return chunk


def _padding(random: random.Random, text: str | None) -> str:
    length = PADDING_STEP - len(text or "") % PADDING_STEP
    return identifier(random, "", length)


def _event(name: str, value: Any) -> str:
    return f"event: {name}\n{_data(value)}"


def _responses_body(model: str, messages: Sequence[Message], stream: bool, tools: Sequence[Any]) -> Any:
    """https://platform.openai.com/docs/api-reference/responses/create"""
    body: dict[str, Any] = {"model": model, "input": list(messages)}
    if tools:
        body["tools"] = [{"type": "function", **tool} for tool in tools]
    return body | ({"stream": True} if stream else {})


def _response(random: random.Random, model: str, output: list[Any], tokens_in: int, tokens_out: int) -> dict[str, Any]:
    return {
        "id": identifier(random, "resp_", 48),
        "object": "response",
        "created_at": 1750000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": tokens_in,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens_in + tokens_out,
        },
        "user": None,
        "metadata": {},
    }


def _message(random: random.Random, text: str) -> dict[str, Any]:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {
        "id": identifier(random, "msg_", 48),
        "type": "message",
        "status": "completed",
        "content": [part],
        "role": "assistant",
    }


def _responses_events(
    random: random.Random, model: str, texts: Sequence[str], tokens_in: int, tokens_out: int
) -> list[str]:
    item = _message(random, "".join(texts))
    begun = _response(random, model, [], tokens_in, tokens_out)
    numbered: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}),
    ]
    for text in texts:
        delta = {"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": text, "logprobs": []}
        numbered.append(("response.output_text.delta", {**delta, "obfuscation": _padding(random, text)}))
    numbered += [
        ("response.output_text.done", {"item_id": item["id"], "output_index": 0, "text": "".join(texts)}),
        ("response.content_part.done", {"item_id": item["id"], "output_index": 0, "part": item["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": _response(random, model, [item], tokens_in, tokens_out)}),
    ]
    return [
        _event(name, {"type": name, "sequence_number": place, **value}) for place, (name, value) in enumerate(numbered)
    ]


def _anthropic_body(model: str, messages: Sequence[Message], stream: bool, tools: Sequence[Any]) -> Any:
    """https://docs.anthropic.com/en/api/messages"""
    spoken = [message for message in messages if message["role"] != "system"]
    system = [message["content"] for message in messages if message["role"] == "system"]
    body: dict[str, Any] = {"max_tokens": 4096, "messages": spoken, "model": model}
    if system:
        body["system"] = "\n".join(system)
    if tools:
        body["tools"] = [
            {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
            for tool in tools
        ]
    return body | ({"stream": True} if stream else {})


def _anthropic_events(
    random: random.Random, model: str, texts: Sequence[str], tokens_in: int, tokens_out: int
) -> list[str]:
    def padded(name: str, value: Any) -> str:
        inner = compact(value)
        return f"event: {name}\ndata: {inner[:-1]}{' ' * random.randrange(PADDING_STEP)}}}\n\n"

    start = _anthropic_whole(random, model, "", tokens_in, 1) | {"content": [], "stop_reason": None}
    events = [
        padded("message_start", {"type": "message_start", "message": start}),
        padded(
            "content_block_start",
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        ),
        padded("ping", {"type": "ping"}),
    ]
    for text in texts:
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        events.append(padded("content_block_delta", delta))
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        *events,
        padded("content_block_stop", {"type": "content_block_stop", "index": 0}),
        padded("message_delta", {"type": "message_delta", "delta": stop, "usage": {"output_tokens": tokens_out}}),
        padded("message_stop", {"type": "message_stop"}),
    ]


def _anthropic_whole(random: random.Random, model: str, text: str, tokens_in: int, tokens_out: int) -> Any:
    return {
        "id": identifier(random, "msg_", 24),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens_in,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens_out,
            "service_tier": "standard",
        },
    }


def _google_body(model: str, messages: Sequence[Message], stream: bool, tools: Sequence[Any]) -> Any:
    """https://ai.google.dev/api/generate-content"""
    del model, stream
    roles = {"user": "user", "assistant": "model"}
    body: dict[str, Any] = {
        "contents": [
            {"role": roles[message["role"]], "parts": [{"text": message["content"]}]}
            for message in messages
            if message["role"] in roles
        ]
    }
    system = [message["content"] for message in messages if message["role"] == "system"]
    if system:
        body["systemInstruction"] = {"parts": [{"text": "\n".join(system)}]}
    if tools:
        body["tools"] = [{"functionDeclarations": list(tools)}]
    return body


def _google_whole(random: random.Random, model: str, text: str, tokens_in: int, tokens_out: int) -> Any:
    return {
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": tokens_in,
            "candidatesTokenCount": tokens_out,
            "totalTokenCount": tokens_in + tokens_out,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens_in}],
        },
        "modelVersion": model,
        "responseId": identifier(random, "", 22),
    }


def _google_events(
    random: random.Random, model: str, texts: Sequence[str], tokens_in: int, tokens_out: int
) -> list[str]:
    return [_data(_google_whole(random, model, text, tokens_in, tokens_out)) for text in texts]


def _responses_whole(random: random.Random, model: str, text: str, tokens_in: int, tokens_out: int) -> Any:
    return _response(random, model, [_message(random, text)], tokens_in, tokens_out)


SEALED_BYTES_PER_TOKEN = 3
"""How much of a signature a hidden token leaves; as recorded answers of Google's have it, within a factor of two."""


def _responses_sealed(random: random.Random, hidden: int) -> tuple[list[str], Any]:
    """A reasoning item without content: OpenAI keeps what it holds."""
    del hidden
    item = {"id": identifier(random, "rs_", 48), "type": "reasoning", "summary": []}
    events = [
        _event(name, {"type": name, "sequence_number": 3, "output_index": 0, "item": item})
        for name in ("response.output_item.added", "response.output_item.done")
    ]
    return events, item


def _anthropic_sealed(random: random.Random, hidden: int) -> tuple[list[str], Any]:
    """A thinking block with its signature; its text is left out, as newer models do."""
    signature = identifier(random, "", SEALED_BYTES_PER_TOKEN * hidden)
    block = {"type": "thinking", "thinking": "", "signature": ""}
    delta = {"type": "signature_delta", "signature": signature}
    events = [
        _event("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
        _event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        _event("content_block_stop", {"type": "content_block_stop", "index": 0}),
    ]
    return events, block | {"signature": signature}


def _google_sealed(random: random.Random, hidden: int) -> tuple[list[str], Any]:
    """A part that is only a signature of the thoughts."""
    part = {"text": "", "thoughtSignature": identifier(random, "", SEALED_BYTES_PER_TOKEN * hidden)}
    return [_data({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]})], part


OPENAI_CHAT = compatible("openai.chat", "/v1/chat/completions", _openai_chunk)
OPENAI_RESPONSES = Format(
    "openai.responses", "/v1/responses", _responses_body, _responses_events, _responses_whole, _responses_sealed
)
ANTHROPIC = Format(
    "anthropic.messages", "/v1/messages", _anthropic_body, _anthropic_events, _anthropic_whole, _anthropic_sealed
)
GOOGLE = Format(
    "google.generate",
    "/v1beta/models/gemini-2.5-flash:generateContent",
    _google_body,
    _google_events,
    _google_whole,
    _google_sealed,
)
__all__ = ["ANTHROPIC", "GOOGLE", "OPENAI_CHAT", "OPENAI_RESPONSES", "chat_body"]
