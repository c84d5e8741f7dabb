"""How the API refuses: problem details (RFC 9457), always with what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toktra.server import problems
from toktra.server.problems import Problem

MEDIA_TYPE: Final = "application/problem+json"


class FieldError(BaseModel):
    """One part of a request that cannot be used."""

    field: Annotated[str, Field(description="The parameter or member of the body", examples=["from"])]
    detail: Annotated[str, Field(examples=["The period begins after it ends. Exchange the two dates."])]


class ProblemDetails(BaseModel):
    """Why the answer is not the one asked for (RFC 9457). Nothing was changed."""

    type: Annotated[str, Field(description="A stable word for programs", examples=["urn:toktra:problem:not-found"])]
    title: Annotated[str, Field(examples=["There is no such thing"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="For people, in the language of Accept-Language")]
    field: Annotated[str | None, Field(description="The part of the request it is about")] = None
    errors: Annotated[list[FieldError] | None, Field(description="Every part that cannot be used")] = None


def not_authenticated() -> Problem:
    return Problem(
        401,
        "not-authenticated",
        "A key is needed",
        "Send an API key or an access token that works: Authorization: Bearer TOKEN. An administrator makes keys.",
    )


def not_allowed(missing: Sequence[str]) -> Problem:
    return Problem(
        403,
        "not-allowed",
        "The key may not do this",
        f"This needs the scope {' and '.join(missing)}. The key does not have it, or the role of the person it acts "
        "for does not allow it.",
    )


def suspended() -> Problem:
    return Problem(
        403, "suspended", "The organisation is suspended", "Nothing of it is read or changed until it is active again."
    )


def slow_down(reset_s: int) -> Problem:
    return Problem(
        429,
        "too-many-requests",
        "Too many requests",
        f"The quota of this minute is used up. Go on in {reset_s} seconds.",
        retry_after_s=reset_s,
    )


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", "There is no such thing", f"There is no such {what} in this organisation.")


def conflict(detail: str) -> Problem:
    """409: it was so, and is not any more."""
    return Problem(409, "conflict", "It is not in the state for this", detail)


def unusable(field: str, detail: str) -> Problem:
    """422: well-formed, and cannot be done; the text says what can."""
    return Problem(422, "invalid-request", "The request cannot be used", detail, field=field)


async def on_problem(request: Request, error: Exception) -> Response:
    """Problems, and whatever else the framework raises, in one form."""
    if isinstance(error, RequestValidationError):
        return _not_valid(error.errors())
    if isinstance(error, HTTPException):
        return problems.respond(request, _of(error, request))
    response = problems.respond(request, error)
    if response.status_code == 401:
        response.headers["www-authenticate"] = 'Bearer realm="toktra"'
    if isinstance(error, Problem) and error.kind == "not-allowed":
        response.headers["www-authenticate"] = 'Bearer realm="toktra", error="insufficient_scope"'
    return response


async def on_busy(request: Request, error: Exception) -> Response:
    """The database does not answer, or no connection came free."""
    del request, error
    return problems.busy().response()


def _of(error: HTTPException, request: Request) -> Exception:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        if methods := _methods_at(request):
            headers["allow"] = ", ".join(sorted(methods))
        problem = Problem(405, "method-not-allowed", error.detail, "This address does not take this method.")
    elif error.status_code == 404:
        problem = Problem(404, "not-found", error.detail, "There is nothing at this address.")
    else:
        problem = Problem(error.status_code, "invalid-request", error.detail, str(error.detail))
    return _WithHeaders(problem, headers) if headers else problem


def _methods_at(request: Request) -> set[str]:
    """All that this address takes: the framework has a route for each, and names those of the first."""
    path = getattr(request.scope.get("route"), "path", "")
    return {method.upper() for method in request.app.openapi()["paths"].get(path, ())}


class _WithHeaders(Problem):
    """A problem that came with headers, such as Allow."""

    def __init__(self, problem: Problem, headers: dict[str, str]) -> None:
        super().__init__(problem.status, problem.kind, problem.title, problem.detail)
        self.headers = headers

    def response(self) -> Response:
        response = super().response()
        response.headers.update(self.headers)
        return response


def _not_valid(errors: Sequence[Any]) -> Response:
    """Every part that breaks the contract, by name."""
    found = [FieldError(field=_name(error["loc"]), detail=str(error["msg"])) for error in errors]
    body = ProblemDetails(
        type="urn:toktra:problem:invalid-request",
        title="The request cannot be used",
        status=422,
        detail="; ".join(f"{one.field}: {one.detail}" for one in found) + ". Nothing was changed.",
        field=found[0].field,
        errors=found,
    )
    return JSONResponse(body.model_dump(exclude_none=True), 422, media_type=MEDIA_TYPE)


def _name(location: Sequence[Any]) -> str:
    """The part of the request without the word for where it stood, except where nothing else is left."""
    return ".".join(str(part) for part in (location[1:] or location))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: what an operation can be refused with, besides what all can."""
    said = {
        400: "The body cannot be read",
        408: "The body did not arrive in time",
        401: "No key, or one that does not work",
        403: "The key may not do this",
        404: "There is no such thing",
        409: "It is not in the state for this",
        413: "The body is too large",
        422: "The request cannot be used",
        429: "The quota of this minute is used up; Retry-After says when to go on",
        503: "The database does not answer; Retry-After says when to try again",
    }
    with_a_body = {400, 408} if 413 in statuses else set()
    wanted = sorted({401, 403, 422, 429, 503, *with_a_body, *statuses})
    problem = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    return {status: {"description": said[status], "content": {MEDIA_TYPE: problem}} for status in wanted}
