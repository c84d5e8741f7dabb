"""Writes the generated half of clients/python from the OpenAPI document; a test fails when it is out of date."""

from __future__ import annotations

import argparse
import builtins
import keyword
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

from toktra.server.api.app import api_app, document

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "clients/python/src/toktra_client"
WIDTH: Final = 110
MADE: Final = "Made from the OpenAPI document by scripts/build_client.py; change it there."

RENAMED: Final = {
    "toktra__catalogue__providers__Kind": "ProviderKind",
    "toktra__server__rights__kinds__Kind": "RightsRequestKind",
}
"""Two rooms call something Kind; a reader of the client sees no rooms."""
NOT_FOR_CALLERS: Final = {"AccessToken", "Body_fetch_token", "TokenRefused", "ProblemDetails", "FieldError"}
"""What the connection itself reads and writes."""
_FORMATS: Final = {"date": "date", "date-time": "datetime", "uuid": "UUID"}
_TYPES: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}


def class_name(name: str) -> str:
    """What a schema is called in the client."""
    if "__" in name and name not in RENAMED:
        raise SystemExit(f"{name}: two schemas have one name. Say in RENAMED what the client calls each.")
    return RENAMED.get(name, name)


def type_of(schema: dict[str, Any], of_module: str = "") -> str:
    """A schema as a Python type; `of_module` stands before classes of ours."""
    if "$ref" in schema:
        return of_module + class_name(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one, of_module) for one in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
    kind = schema.get("type")
    if kind == "null":
        return "None"
    if kind == "array":
        return f"list[{type_of(schema['items'], of_module)}]"
    return _FORMATS.get(schema.get("format", "")) or _TYPES[str(kind)]


def optional(kind: str) -> str:
    """What may be left open."""
    return kind if "None" in kind.split(" | ") else f"{kind} | None"


def prose(text: str, indent: str) -> str:
    """Paragraphs in lines of a docstring."""
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n") if part.strip()]
    return "\n\n".join(
        textwrap.fill(part, WIDTH - len(indent), subsequent_indent=indent, break_on_hyphens=False) for part in parts
    ).replace("\n\n", f"\n\n{indent}")


def docstring(text: str, indent: str) -> str:
    said = prose(text.replace("\\", "\\\\"), indent)
    return f'{indent}"""{said}\n{indent}"""\n' if "\n" in said else f'{indent}"""{said}"""\n'


def model(name: str, schema: dict[str, Any]) -> str:
    """One body as a class, or one list of words as a type."""
    if "enum" in schema:
        return f"{class_name(name)}: TypeAlias = {type_of(schema)}\n" + docstring(schema.get("description", name), "")
    needed = set(schema.get("required", ()))
    members = sorted(schema["properties"].items(), key=lambda one: one[0] not in needed)
    text = "@dataclass(frozen=True, slots=True, kw_only=True)\n"
    text += f"class {class_name(name)}:\n" + docstring(schema.get("description", name), "    ") + "\n"
    for member, said in members:
        kind = type_of(said)
        text += f"    {member}: {kind if member in needed else optional(kind) + ' = None'}\n"
        words = said.get("description", "")
        if "default" in said and said["default"] not in (None, ""):
            words = f"{words.rstrip('.')}. Without it: {said['default']}.".lstrip(". ")
        text += docstring(words, "    ") if words else ""
    return text


def models(schemas: dict[str, Any]) -> str:
    """models.py."""
    told = {name: one for name, one in schemas.items() if name not in NOT_FOR_CALLERS}
    in_order = sorted(told.items(), key=lambda one: ("enum" not in one[1], class_name(one[0])))
    text = "\n\n".join(model(name, one) for name, one in in_order)
    head = (
        f'"""What the API takes and answers. {MADE}\n\nToken and money ranges are 90 % intervals. '
        'What was left open (None) in a body is decided by the server."""\n\n'
        "from __future__ import annotations\n\nfrom dataclasses import dataclass\nfrom datetime import date, datetime\n"
        "from typing import Any, Literal, TypeAlias\nfrom uuid import UUID\n\n"
    )
    return head + text


def python_name(name: str) -> str:
    name = name.lower().replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) or hasattr(builtins, name) else name


def operation(method: str, path: str, said: dict[str, Any], schemas: dict[str, Any]) -> str:
    """One operation as a method."""
    parameters = said.get("parameters", [])
    in_path = [one for one in parameters if one["in"] == "path"]
    in_query = [one for one in parameters if one["in"] == "query" and one["name"] != "cursor"]
    is_keyed = any(one["name"] == "Idempotency-Key" for one in parameters)
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    good = next(answer for status, answer in said["responses"].items() if status.startswith("2"))
    answer = good["content"].get("application/json", {}).get("schema")
    item = _item_of(answer, schemas) if any(one["name"] == "cursor" for one in parameters) else None

    takes = [f"{python_name(one['name'])}: {type_of(one['schema'], 'models.')}" for one in in_path]
    takes += [f"new: {type_of(body, 'models.')}"] if body else []
    named = [_named(one) for one in sorted(in_query, key=lambda one: not one.get("required"))]
    named += ["idempotency_key: str | None = None"] if is_keyed else []
    named += ["into: BinaryIO"] if answer is None else []
    at = re.sub(r"\{(\w+)\}", lambda found: "{_segment(" + python_name(found[1]) + ")}", path.lstrip("/"))
    at = f'f"{at}"' if "{" in at else f'"{at}"'
    query = "{" + ", ".join(f'"{one["name"]}": {python_name(one["name"])}' for one in in_query) + "}"

    if item is not None:
        kind, call = f"Iterator[{item}]", f"self._each({item}, {at}, {query})"
    elif answer is None:
        kind, call = "int", f"self._save({at}, {query}, into)"
    elif method == "get":
        kind = type_of(answer, "models.")
        call = f"self._get({kind}, {at}, {query})"
    else:
        kind = type_of(answer, "models.")
        given = ["new" if body else "None", *(["idempotency_key"] if is_keyed else [])]
        call = f"self._post({kind}, {at}, {', '.join(given)}, is_keyed={is_keyed})"
    stars = ["*", *named] if named else []
    text = f"    def {said['operationId']}({', '.join(['self', *takes, *stars])}) -> {kind}:\n"
    return text + docstring(_words(said, in_query, answer), "        ") + f"        return {call}\n"


def _named(one: dict[str, Any]) -> str:
    kind = type_of(one["schema"], "models.")
    name = python_name(one["name"])
    return f"{name}: {kind}" if one.get("required") else f"{name}: {optional(kind)} = None"


def _item_of(answer: dict[str, Any], schemas: dict[str, Any]) -> str:
    page = schemas[answer["$ref"].rpartition("/")[2]]
    return type_of(page["properties"]["items"]["items"], "models.")


def _words(said: dict[str, Any], in_query: list[dict[str, Any]], answer: dict[str, Any] | None) -> str:
    scopes = sorted({scope for one in said.get("security", []) for names in one.values() for scope in names})
    text = f"{said['summary']}. {said.get('description', '')}\n\n"
    if answer is None:
        text += "Written into a file opened for bytes; answers how many they are.\n\n"
    for one in in_query:
        if words := one.get("description"):
            default = one["schema"].get("default")
            text += f"`{python_name(one['name'])}`: {words}" + (f"; usually {default}" if default else "") + ".\n\n"
    return text + f"Needs {' and '.join(scopes)}."


def client(made: dict[str, Any]) -> str:
    """client.py."""
    schemas = made["components"]["schemas"]
    operations = [
        operation(method, path, said, schemas)
        for path, methods in made["paths"].items()
        for method, said in methods.items()
        if said["operationId"] != "fetch_token"
    ]
    return (
        f'"""Every operation of the API as a method.\n\n{MADE}\n"""\n\nfrom __future__ import annotations\n\n'
        "from collections.abc import Iterator\nfrom datetime import date\nfrom typing import BinaryIO\n"
        "from urllib.parse import quote\nfrom uuid import UUID\n\nfrom toktra_client import models\n"
        "from toktra_client.connection import Connection\n\n\n"
        "class Client(Connection):\n"
        '    """The API of one server, for one program. Every method raises ApiError.\n\n'
        "    Lists are read page by page as they are walked through. Writes take an idempotency key, or get one.\n"
        '    """\n\n' + "\n".join(operations) + "\n\ndef _segment(value: object) -> str:\n"
        '    """One part of an address, whatever is in it."""\n    return quote(str(value), safe="")\n'
    )


def formatted(name: str, text: str) -> str:
    """As the linter writes it."""
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PACKAGE / name), "-"]
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def files() -> dict[Path, str]:
    """Everything that is generated."""
    made = document(api_app(None))
    texts = {"models.py": models(made["components"]["schemas"]), "client.py": client(made)}
    return {PACKAGE / name: formatted(name, text) for name, text in texts.items()}


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the client is up to date")
    only_checks = parser.parse_args().check
    stale = {path: text for path, text in files().items() if not path.is_file() or path.read_text() != text}
    if only_checks:
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(run())
