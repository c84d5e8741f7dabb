"""The measured exchanges everything here is fitted on and judged by: byte and segment counts beside true tokens."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toktra.catalogue.estimate import Observation

DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One exchange, what capture saw of it, and the tokens it really carried."""

    observation: Observation
    input_tokens: int
    output_tokens: int
    """Visible output only."""
    hidden_output_tokens: int
    source: str
    """"recorded" from a real provider, with billed usage as truth; otherwise generated: "simulated" by the first study,
    "generated" by the generator beside this file."""
    collection: str
    """Where it is from: "study" for the first study, "workshop" for the generator, else whose test recordings."""
    conversation: str
    client: str
    format: str
    streamed: bool
    encoding: str
    has_image: bool
    server_side_input: bool
    """The server added context that never crossed the wire, so the input cannot be known."""

    @property
    def recorded(self) -> bool:
        """Whether a real provider answered."""
        return self.source == "recorded"

    @property
    def of_study(self) -> bool:
        """Whether it is one of the first study's recordings, which the others are kept apart from in every table."""
        return self.recorded and self.collection == "study"


def parse(line: str) -> Measured:
    """One line of the data files."""
    row = json.loads(line)
    collection = row.get("collection") or ("workshop" if row["source"] == "generated" else "study")
    return Measured(
        observation=Observation(
            provider_host=row["provider_host"],
            request_bytes=row["request_bytes"],
            response_bytes=row["response_bytes"],
            segments_out=row["segments_out"],
            segments_in=row["segments_in"],
            first_on_connection=row["first_on_connection"],
        ),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        hidden_output_tokens=row["hidden_output_tokens"],
        source=row["source"],
        collection=collection,
        conversation=f"{collection}:{row['source']}:{row['conversation']}",
        client=row["client"],
        format=row["format"],
        streamed=row["streamed"],
        encoding=row["content_encoding"] or "none",
        has_image=row["has_image"],
        server_side_input=row["server_side_input"],
    )


def load(paths: Iterable[Path]) -> list[Measured]:
    """Every exchange of the given files, .jsonl or .jsonl.gz."""
    rows: list[Measured] = []
    for path in paths:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        rows += [parse(line) for line in text.decode().splitlines()]
    return rows


def load_all() -> list[Measured]:
    """Everything in the data directory, recorded first."""
    return load(sorted(DATA.glob("*.jsonl.gz")))


def without_images(rows: Sequence[Measured]) -> list[Measured]:
    """Rows whose tokens can be known from the wire in principle."""
    return [row for row in rows if not row.has_image and not row.server_side_input]
