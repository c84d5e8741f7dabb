"""Patches, operation by operation, so that a refusal names the one at fault and the attribute it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from scim2_models import Context, Error, InvalidSyntaxException, PatchOp, Resource, SCIMException

Step = tuple[str, Any]
"""How an operation is called in a refusal, and the operation as a patch of its own."""


def read(body: dict[str, Any], model: type[Resource[Any]]) -> list[Step]:
    """The operations of a PatchOp message. Raises a SCIMException or ValidationError for the first that cannot be."""
    named = {str(name).casefold(): value for name, value in body.items()}
    operations = named.get("operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntaxException(detail="Operations: give a list of one or more operations")
    steps = []
    for place, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise InvalidSyntaxException(detail=f"Operations[{place}]: must be an object")
        name = _name(place, operation)
        with _naming(name):
            message = {"schemas": named.get("schemas"), "Operations": [operation]}
            patch = PatchOp.__class_getitem__(model).model_validate(message, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
            steps.append((name, patch))
    return steps


def apply(steps: Sequence[Step], resource: Resource[Any]) -> None:
    """Changes the resource. Raises a SCIMException that names the operation; the resource is of no use then."""
    for name, patch in steps:
        with _naming(name):
            patch.patch(resource)


def _name(place: int, operation: dict[str, Any]) -> str:
    path = next((str(value) for key, value in operation.items() if str(key).casefold() == "path" and value), "")
    return f"Operations[{place}], path {path[:200]}" if path else f"Operations[{place}], without a path"


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = Error.from_validation_errors(error)[0]
        raise SCIMException.from_error(
            Error(status=first.status, scim_type=first.scim_type, detail=f"{name}: {first.detail}")
        ) from None
    except SCIMException as error:
        first = error.to_error()
        raise SCIMException.from_error(
            Error(status=first.status, scim_type=first.scim_type, detail=f"{name}: {first.detail}")
        ) from None
