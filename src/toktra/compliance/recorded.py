"""The table "what is recorded", printed from the wire's own schema: it cannot list less or more than is kept."""

from __future__ import annotations

from typing import Final

import msgspec

from toktra.compliance.marking import Marked, escaped
from toktra.wire.events import UsageEvent

_SENTENCES: Final = {
    "en": {
        "provider_host": ("Provider host", "the name of the AI service, as the connection shows it unencrypted"),
        "request_bytes": ("Request bytes", "how many bytes were sent, counted while encrypted"),
        "response_bytes": ("Response bytes", "how many bytes came back, counted while encrypted"),
        "estimated_input_tokens": ("Estimated tokens, in", "an estimate the device makes from the bytes"),
        "estimated_output_tokens": ("Estimated tokens, out", "an estimate the device makes from the bytes"),
        "at": ("Time", "when the exchange began, to the second, in UTC"),
        "device": ("Device", "the number the device was given when it was enrolled"),
        "user": ("User", "the account of the device that used the service"),
        "sequence": ("Sequence", "numbers a device's records, so that none is lost or counted twice"),
    },
    "de": {
        "provider_host": ("Anbieter", "der Name des KI-Dienstes, wie ihn die Verbindung unverschlüsselt zeigt"),
        "request_bytes": ("Gesendete Bytes", "wie viele Bytes gesendet wurden, verschlüsselt gezählt"),
        "response_bytes": ("Empfangene Bytes", "wie viele Bytes zurückkamen, verschlüsselt gezählt"),
        "estimated_input_tokens": ("Token, hinein", "eine Schätzung des Geräts aus den Bytes"),
        "estimated_output_tokens": ("Token, heraus", "eine Schätzung des Geräts aus den Bytes"),
        "at": ("Zeit", "wann der Austausch begann, auf die Sekunde, in UTC"),
        "device": ("Gerät", "die Nummer, die das Gerät bei der Anmeldung erhielt"),
        "user": ("Konto", "das Konto des Geräts, das den Dienst benutzt hat"),
        "sequence": ("Laufende Nummer", "zählt die Datensätze eines Geräts, damit keiner fehlt oder doppelt zählt"),
    },
}  # fmt: skip
_HEADER: Final = {"en": ("Fact", "What it is", "Field"), "de": ("Angabe", "Was das ist", "Feld")}


class FieldNotDescribed(LookupError):
    """The schema has a field that the notices do not explain, or the reverse. The message names it."""


def recorded_table(language: str, fields: tuple[str, ...] = ()) -> Marked:
    """A Markdown table with one line for each field. Raises FieldNotDescribed when texts and schema differ."""
    sentences = _SENTENCES[language]
    kept = fields or tuple(field.name for field in msgspec.structs.fields(UsageEvent))
    if differing := set(kept) ^ set(sentences):
        raise FieldNotDescribed(f"{sorted(differing)[0]}: in the schema or in the notices, and not in both")
    lines = [_HEADER[language], ("---",) * 3]
    lines += [(escaped(sentences[name][0]), escaped(sentences[name][1]), escaped(name)) for name in sentences]
    return Marked("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
