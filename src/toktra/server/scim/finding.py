"""Lists as SCIM asks for them: a filter, a page. What directories ask all day is looked up, the rest gone through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from scim2_models import InvalidValueException, Resource, ScimFilter, SearchRequest
from scim2_models.path.expressions import CompareOperator, Comparison

from toktra.server.scim.resources import MOST_RESULTS

_LOOKED_UP: Final[Mapping[str, str]] = {
    "username": "user_name",
    "externalid": "external_id",
    "displayname": "display_name",
    "emails.value": "email",
    "id": "id",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query on a list."""

    request: SearchRequest[Any]
    found_by: Mapping[str, str | UUID]
    """Names and values of an exact look-up that the filter includes; empty for all."""

    def page(self, found: Sequence[Resource[Any]]) -> tuple[list[Resource[Any]], int, int]:
        """The resources of the page that match, how many match in all, and the page's first place from 1."""
        wanted: ScimFilter[Any] | None = self.request.filter
        matching = [one for one in found if wanted is None or wanted.match(one)]
        start = max(1, self.request.start_index or 1)
        count = MOST_RESULTS if self.request.count is None else min(max(0, self.request.count), MOST_RESULTS)
        return matching[start - 1 : start - 1 + count], len(matching), start


def read(parameters: Mapping[str, Any], model: Any) -> Asked:
    """A query on a list of one model, or of a union of them.

    Raises pydantic.ValidationError or a SCIMException that names what cannot be.
    """
    request = SearchRequest[model].model_validate(dict(parameters))
    return Asked(request, _exact(request.filter) if request.filter else {})


def an_id(text: str) -> UUID | None:
    """None for what cannot be an id of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _exact(wanted: ScimFilter[Any]) -> Mapping[str, str | UUID]:
    node = wanted.ast
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or not isinstance(node.value, str):
        return {}
    name = _LOOKED_UP.get(str(node.attr_path).casefold())
    if name is None:
        return {}
    if "\0" in node.value:
        raise InvalidValueException(detail="filter: a value may not hold the character NUL")
    if name == "id":
        found = an_id(node.value)
        return {"id": found} if found else {}
    return {name: node.value}
