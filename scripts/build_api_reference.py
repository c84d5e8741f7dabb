"""Writes docs/engineer/api-reference.md from the OpenAPI document; a test fails when the page is out of date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from toktra.server.api.app import PREFIX, api_app, document

PAGE = Path(__file__).parent.parent / "docs/engineer/api-reference.md"

INTRODUCTION = """\
# Every operation of the public API

Printed from the program by `scripts/build_api_reference.py`. [The public API](api.md) says how to get in and what
holds for all operations. Every operation can also be refused with 401, 403, 429 and 503.
"""
_OF_ALL = {"401", "403", "429", "503"}


def type_of(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to what has a section of its own."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(type_of(one) for one in schema[choice]))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "&#124;") for cell in cells) + " |\n"


def operation(method: str, path: str, said: dict[str, Any]) -> str:
    """One operation: what it does, what it takes, what it answers."""
    scopes = sorted({scope for one in said.get("security", []) for names in one.values() for scope in names})
    text = f"\n## `{method.upper()} {PREFIX}{path}`\n\n**{said['summary']}.** {said.get('description', '')}\n"
    text += f"\nScope: {', '.join(f'`{scope}`' for scope in scopes)}.\n" if scopes else ""
    if parameters := said.get("parameters"):
        text += "\n| Parameter | In | Type | Meaning |\n|---|---|---|---|\n"
        for one in parameters:
            name = f"`{one['name']}`" + (" (required)" if one.get("required") and one["in"] != "path" else "")
            text += row(name, one["in"], type_of(one["schema"]), one.get("description", ""))
    for media_type, content in said.get("requestBody", {}).get("content", {}).items():
        text += f"\nBody (`{media_type}`): {type_of(content['schema'])}.\n"
    text += "\n| Answer | | |\n|---|---|---|\n"
    for status, answer in said["responses"].items():
        if status in _OF_ALL:
            continue
        kinds = {media_type: type_of(one.get("schema", {})) for media_type, one in answer.get("content", {}).items()}
        bodies = ", ".join(dict.fromkeys(kinds.values()))
        text += row(status, answer["description"], bodies)
    return text


def section(name: str, schema: dict[str, Any], example: object) -> str:
    """One kind of body, member by member."""
    text = f"\n### {name}\n\n{schema.get('description', '')}\n"
    if "enum" in schema:
        return text + f"\n{type_of(schema)}\n"
    text += "\n| Member | Type | Meaning |\n|---|---|---|\n"
    for member, said in schema.get("properties", {}).items():
        needed = " (required)" if name.startswith("New") and member in schema.get("required", []) else ""
        text += row(f"`{member}`{needed}", type_of(said), said.get("description", ""))
    if example is not None:
        text += f"\n```json\n{json.dumps(example, indent=2)}\n```\n"
    return text


def page() -> str:
    """The whole page."""
    made = document(api_app(None))
    operations = [
        operation(method, path, said) for path, methods in made["paths"].items() for method, said in methods.items()
    ]
    sections = [
        section(name, schema, (schema.get("examples") or [None])[0])
        for name, schema in sorted(made["components"]["schemas"].items())
    ]
    return INTRODUCTION + "".join(operations) + "\n## Bodies\n" + "".join(sections)


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    if parser.parse_args().check:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(run())
