"""`toktra replay`: what a capture file holds, for the engineer who checks the agent against another tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import msgspec

from toktra.agent.capture.pcap import CaptureError
from toktra.agent.capture.replay import DEFAULT_PORTS, SeenConnection, connections, exchanges
from toktra.wire.events import UsageEvent


class ReplayedEvent(msgspec.Struct, frozen=True):
    """A usage event as far as a file can tell it: which device and user is not in a capture."""

    at: str
    """UTC, whole seconds."""
    provider_host: str
    request_bytes: int
    response_bytes: int
    estimated_input_tokens: int
    estimated_output_tokens: int


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--connections",
    "all_connections",
    is_flag=True,
    help="Every TCP connection and QUIC flow, on every port, to every host, instead of usage events.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line instead of a table.")
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="Server or proxy port to watch for usage events; may be repeated. Default: 443.",
)
def replay(file: Path, *, all_connections: bool, as_json: bool, ports: tuple[int, ...]) -> None:
    """Read FILE (pcap or pcapng) as the agent would, and show the usage events it would send.

    Nothing is stored and nothing is sent.
    """
    found: Iterator[msgspec.Struct]
    found = _connections(file) if all_connections else _events(file, frozenset(ports) or DEFAULT_PORTS)
    shown: type[msgspec.Struct] = SeenConnection if all_connections else ReplayedEvent
    try:
        if as_json:
            _print_json(found)
        else:
            _print_table(shown.__struct_fields__, found)
    except CaptureError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}.") from None


def _connections(file: Path) -> Iterator[SeenConnection]:
    from toktra.catalogue import load_catalogue  # noqa: PLC0415 (only this command pays for it)

    return connections(file, load_catalogue().find)


def _events(file: Path, ports: frozenset[int]) -> Iterator[ReplayedEvent]:
    """The same path as that of a running agent, up to the spool."""
    from toktra.agent.accounts import Accounts  # noqa: PLC0415
    from toktra.agent.recorder import Recorder  # noqa: PLC0415
    from toktra.catalogue import load_catalogue  # noqa: PLC0415

    recorder = Recorder(accounts=Accounts(), device="")
    for exchange in exchanges(file, load_catalogue().find, ports):
        for event in recorder.events([exchange]):
            yield _replayed(event)


def _replayed(event: UsageEvent) -> ReplayedEvent:
    return ReplayedEvent(
        at=event.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        provider_host=event.provider_host,
        request_bytes=event.request_bytes,
        response_bytes=event.response_bytes,
        estimated_input_tokens=event.estimated_input_tokens,
        estimated_output_tokens=event.estimated_output_tokens,
    )


def _print_json(found: Iterable[msgspec.Struct]) -> None:
    encode = msgspec.json.Encoder().encode
    for one in found:
        click.echo(encode(one))


def _print_table(names: Sequence[str], found: Iterable[msgspec.Struct]) -> None:
    rows: list[tuple[object, ...]] = []
    try:
        rows.extend(msgspec.structs.astuple(one) for one in found)
    except CaptureError:
        if rows:  # what is whole in a file that breaks off
            _print_rows(names, rows)
        raise
    if rows:
        _print_rows(names, rows)
    else:
        click.echo("Nothing found.")


def _print_rows(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Columns as wide as their widest cell, numbers to the right."""
    cells = [[name.replace("_", " ") for name in names], *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [all(type(value) is int for value in column) for column in zip(*rows, strict=True)]
    for line in cells:
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None or value is False:
        return "–"
    if value is True:
        return "yes"
    return f"{value:,}" if isinstance(value, int) else str(value)
