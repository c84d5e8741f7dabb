"""`toktra replay`, as an engineer runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from toktra.agent.capture.commands import replay


def run(*arguments: object) -> Result:
    return CliRunner().invoke(replay, [str(argument) for argument in arguments])


def test_connections_as_json_have_exactly_the_documented_fields(captures: Path) -> None:
    result = run(captures / "o20_ech_real.pcap", "--connections", "--json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {
        "transport": "tcp",
        "client": "10.77.0.1:37400",
        "server": "10.77.0.32:443",
        "host": "public.ech.example",
        "request_bytes": 11448,
        "response_bytes": 40126,
        "exchanges": 3,
        "hidden": "ech",
    }
    assert [line["hidden"] for line in lines] == ["ech", "ech", None]


def test_a_connection_that_began_before_the_file_is_marked(captures: Path) -> None:
    result = run(captures / "o22_midstream.pcap", "--connections", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("opened_before") for line in sorted(lines, key=lambda line: line["host"] or "")] == [True, None]
    assert run(captures / "o22_midstream.pcap", "--connections").stdout.count("yes") == 1


def test_events_are_those_of_known_providers(captures: Path) -> None:
    result = run(captures / "o03_httpx_keepalive.pcap", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    by_host: dict[str, list[dict[str, int]]] = {}
    for event in events:
        by_host.setdefault(event["provider_host"], []).append(event)
    assert {host: len(found) for host, found in by_host.items()} == {
        "api.openai.com": 5,
        "generativelanguage.googleapis.com": 4,
    }
    assert sum(event["request_bytes"] for event in by_host["api.openai.com"]) == 16355
    assert sum(event["response_bytes"] for event in by_host["api.openai.com"]) == 28030
    assert all(event["estimated_output_tokens"] > 0 for event in events)
    assert events[0]["at"] == "2026-11-22T08:10:14Z"
    assert not {"device", "user", "sequence"} & events[0].keys()


def test_ports_choose_what_is_watched(captures: Path) -> None:
    proxied = captures / "o17_connect_proxy.pcap"
    assert run(proxied, "--json").stdout == ""
    hosts = [json.loads(line)["provider_host"] for line in run(proxied, "--json", "--port", 3128).stdout.splitlines()]
    assert sorted(hosts) == ["api.anthropic.com", "api.openai.com"]


def test_tables_are_for_reading(captures: Path) -> None:
    lines = run(captures / "o01_curl_h1.pcap", "--connections").stdout.splitlines()
    assert lines[0].split("  ")[0] == "transport"
    assert "api.openai.com" in lines[1] + lines[2]
    assert "49,711" in lines[1] + lines[2]
    assert run(captures / "o18_ssh_443.pcap").stdout == "Nothing found.\n"


@pytest.mark.parametrize("options", [[], ["--json"], ["--connections"], ["--connections", "--json"]])
def test_what_cannot_be_read_is_said_in_one_sentence(options: list[str], tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no capture")
    for file, sentence in (
        (notes, "is neither pcap nor pcapng"),
        (tmp_path / "gone.pcap", "cannot be read: No such file"),
    ):
        result = run(file, *options)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith(f"Error: {file}")
        assert sentence in result.stderr


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_cut_file_shows_what_is_whole_and_fails(options: list[str], captures: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((captures / "o01_curl_h1.pcap").read_bytes()[:-100])
    result = run(cut, "--connections", *options)
    assert result.exit_code == 1
    assert "api.openai.com" in result.stdout
    assert "ends inside packet 172" in result.stderr
