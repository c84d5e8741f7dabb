"""A provider's usage API on loopback, speaking the documented shapes over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ADMIN_KEY = "sk-admin-of-north-0123456789abcdef"
ORGANISATION = "org-north"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Provider:
    """What the invented provider knows, how it pages, and what it is to do instead of answering."""

    usage: dict[date, tuple[int, int, int]] = field(default_factory=dict)
    """Input, output and requests of each day."""
    days_a_page: int = 7
    organisation: str = ORGANISATION
    instead: list[Callable[[Asked], Answer | None]] = field(default_factory=list)
    """Taken one after the other before an answer is made; None answers as usual."""
    asked: list[Asked] = field(default_factory=list)
    address: str = ""

    def fill(self, first: date, days: int, each: tuple[int, int, int] = (1_000_000, 50_000, 400)) -> None:
        self.usage.update({first + timedelta(days=place): each for place in range(days)})

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.instead and (other := self.instead.pop(0)(asked)):
            return other
        if asked.path == "/v1/organization/usage/completions":
            return self._openai(asked)
        if asked.path == "/v1/organizations/usage_report/messages":
            return self._anthropic(asked)
        return 404, {}, b"{}"

    def _openai(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {ADMIN_KEY}":
            fault = {
                "message": "Incorrect API key provided",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
            return 401, {}, json.dumps({"error": fault}).encode()
        start, end = (
            datetime.fromtimestamp(int(asked.query[name][0]), UTC).date() for name in ("start_time", "end_time")
        )
        days, next_page = self._page(start, end, asked)
        data = [
            {
                "object": "bucket",
                "start_time": int(_midnight(day).timestamp()),
                "end_time": int(_midnight(day + timedelta(days=1)).timestamp()),
                "results": [_openai_result(*self.usage[day])] if day in self.usage else [],
            }
            for day in days
        ]
        body = {"object": "page", "data": data, "has_more": next_page is not None, "next_page": next_page}
        return 200, {"openai-organization": self.organisation}, json.dumps(body).encode()

    def _anthropic(self, asked: Asked) -> Answer:
        if asked.headers.get("x-api-key") != ADMIN_KEY or "anthropic-version" not in asked.headers:
            fault = {"type": "authentication_error", "message": "invalid x-api-key"}
            return 401, {}, json.dumps({"type": "error", "error": fault}).encode()
        start, end = (datetime.fromisoformat(asked.query[name][0]).date() for name in ("starting_at", "ending_at"))
        days, next_page = self._page(start, end, asked)
        data = [
            {
                "starting_at": f"{day}T00:00:00Z",
                "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
                "results": [_anthropic_result(*self.usage[day][:2])] if day in self.usage else [],
            }
            for day in days
        ]
        body = {"data": data, "has_more": next_page is not None, "next_page": next_page}
        return 200, {"anthropic-organization-id": self.organisation}, json.dumps(body).encode()

    def _page(self, start: date, end: date, asked: Asked) -> tuple[list[date], str | None]:
        assert asked.query["bucket_width"] == ["1d"]
        size = min(self.days_a_page, int(asked.query["limit"][0]), 31)
        cursor = asked.query.get("page", ["page_0"])[0]
        place = int(cursor.removeprefix("page_"))
        days = [start + timedelta(days=at) for at in range((end - start).days)]
        next_place = place + size
        return days[place:next_place], f"page_{next_place}" if next_place < len(days) else None


def _openai_result(tokens_in: int, tokens_out: int, requests: int) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "input_cached_tokens": tokens_in // 2,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": requests,
        "project_id": None,
        "user_id": None,
        "api_key_id": None,
        "model": None,
        "batch": None,
        "service_tier": None,
    }


def _anthropic_result(tokens_in: int, tokens_out: int) -> dict[str, Any]:
    return {
        "uncached_input_tokens": tokens_in - 30,
        "cache_read_input_tokens": 12,
        "cache_creation": {"ephemeral_1h_input_tokens": 10, "ephemeral_5m_input_tokens": 8},
        "output_tokens": tokens_out,
        "server_tool_use": {"web_search_requests": 0},
        "api_key_id": None,
        "workspace_id": None,
        "model": None,
        "service_tier": None,
        "context_window": None,
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A running provider without any usage."""
    known = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, body = known.answer(Asked(parts.path, parse_qs(parts.query), headers))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), "content-type": "application/json", **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Says nothing: tests read what was asked from `Provider.asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        known.address = f"http://127.0.0.1:{server.server_port}"
        yield known
        server.shutdown()
        thread.join()
