"""The device API as an OpenAPI document, made from the very structs that the routes decode and encode.

Rules between fields, such as consecutive sequences, are not in it: they are refused with 400 in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from toktra.wire.claims import ClaimAsked, ClaimOffered
from toktra.wire.enrolment import Enrolled, EnrolmentRequest, KeyChange, KeyChanged
from toktra.wire.events import Batch, BatchAccepted, OutOfSequence
from toktra.wire.personal import Allowance, AllowanceAsked
from toktra.wire.portal import WeeksAnswer, WeeksQuestion
from toktra.wire.signatures import COVERED

VERSION: Final = "1.0"
SERVER: Final = "/ingest/v1"
DESCRIPTION: Final = f"""\
What the agent and the browser extension send. Every request is a POST with JSON, signed with the device's Ed25519 key
by HTTP Message Signatures (RFC 9421, label and tag `toktra`) over {", ".join(f"`{part}`" for part in COVERED)}, with
`Content-Digest` (RFC 9530). The key id is the one that enrolment answered. A refusal is a problem document (RFC 9457).
Messages are closed: an unknown field is refused.
"""
_REFUSALS: Final = {
    "308": "The organisation is served in another region, at the address in Location. Nothing was stored.",
    "400": "The message breaks the contract; `field` names the part. Sending it again cannot help.",
    "401": "The request is not signed by the key it names, or nobody here knows that key.",
    "403": "Known, but not allowed: a person has to act.",
    "413": "The message is too large.",
    "429": "Too many wrong codes came from this address. Try again after Retry-After.",
    "503": "Nothing was stored. Send the same again after Retry-After.",
}
_PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "A refusal: `type` is for programs, `detail` for people.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:toktra:problem:[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One route: what it is for, what is sent and what is answered."""

    path: str
    summary: str
    description: str
    asked: type[msgspec.Struct]
    answered: type[msgspec.Struct]
    conflict: type[msgspec.Struct] | None = None


EXCHANGES: Final = (
    Exchange(
        "/enrol",
        "Enrol a device",
        "Signed with the key that the message brings; a device has no key id yet, so any name will do.",
        EnrolmentRequest,
        Enrolled,
    ),
    Exchange(
        "/key",
        "Change the device's key",
        "Signed with the present key. When the answer was lost, send the same signed with the new one.",
        KeyChange,
        KeyChanged,
    ),
    Exchange(
        "/batches",
        "Report uses of AI",
        "At most 500 events and 1 MiB. 409 says where to go on. A batch sent twice is taken once.",
        Batch,
        BatchAccepted,
        OutOfSequence,
    ),
    Exchange(
        "/claims",
        "Ask for a code that says whose an account is",
        "The person at the device confirms the code in the portal.",
        ClaimAsked,
        ClaimOffered,
    ),
    Exchange(
        "/weeks",
        "Ask for the owners' Privacy Hours",
        "Always 4096 bytes: `filling` makes up the rest, so that sizes tell nothing. The answer has a fixed size too.",
        WeeksQuestion,
        WeeksAnswer,
    ),
    Exchange(
        "/perks",
        "Ask how an account stands with Token Perks",
        "With blinded elements, tickets are issued that name nobody.",
        AllowanceAsked,
        Allowance,
    ),
)


def document() -> dict[str, Any]:
    """The whole document."""
    structs = [struct for one in EXCHANGES for struct in (one.asked, one.answered, one.conflict) if struct is not None]
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Toktra, device API", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": SERVER}],
        "paths": {one.path: {"post": _operation(one)} for one in EXCHANGES},
        "components": {
            "schemas": {**{name: _portable(schema) for name, schema in schemas.items()}, "Problem": _PROBLEM}
        },
    }


def _operation(one: Exchange) -> dict[str, Any]:
    answers = {"200": _body("Done.", "application/json", one.answered.__name__)}
    if one.conflict is not None:
        answers["409"] = _body("What came before is missing here.", "application/json", one.conflict.__name__)
    refusals = {status: _body(said, "application/problem+json", "Problem") for status, said in _REFUSALS.items()}
    return {
        "operationId": one.path.strip("/"),
        "summary": one.summary,
        "description": one.description,
        "requestBody": {"required": True, **_content("application/json", one.asked.__name__)},
        "responses": dict(sorted((answers | refusals).items())),
    }


def _body(description: str, media_type: str, schema: str) -> dict[str, Any]:
    return {"description": description, **_content(media_type, schema)}


def _content(media_type: str, schema: str) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _portable(schema: Any) -> Any:
    """Python's end of text is `\\\\Z`; in JSON Schema it is `$`."""
    if isinstance(schema, dict):
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" and isinstance(value, str) else _portable(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [_portable(value) for value in schema]
    return " ".join(schema.split()) if isinstance(schema, str) else schema
