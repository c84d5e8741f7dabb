"""/scim/v2: the protocol of RFC 7644 over users and groups. Every refusal is a SCIM error that names the attribute."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    ListResponse,
    NotFoundException,
    Resource,
    SCIMException,
)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toktra.server import problems
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.request_body import read_body
from toktra.server.scim import finding, patching
from toktra.server.scim.groups import Groups
from toktra.server.scim.resources import CONFIG, LENIENT, RESOURCE_TYPES, Group, WorkingUser, schemas
from toktra.server.scim.served import PREFIX
from toktra.server.scim.tokens import tenant_of
from toktra.server.scim.users import Users
from toktra.server.tenants.service import Tenant
from toktra.server.web.rate_limit import FailureLimit

MAX_BYTES: Final = 4 << 20
"""A group of ten thousand members is half a megabyte."""
MEDIA_TYPE: Final = "application/scim+json"

Handler = Callable[[Request, Tenant], Awaitable[Response]]
Store = Users | Groups


def scim_app(database: Database) -> Starlette:
    """An application of its own, because it refuses in its own form."""
    guard = _Guard(database, FailureLimit(failures=20, window_s=60))
    users = _Endpoint(database, "Users", WorkingUser, Users)
    groups = _Endpoint(database, "Groups", Group, Groups)
    routes = [
        Route("/ServiceProviderConfig", guard.answering(_config), methods=["GET"]),
        Route("/ResourceTypes", guard.answering(_resource_types), methods=["GET"]),
        Route("/ResourceTypes/{name}", guard.answering(_resource_type), methods=["GET"]),
        Route("/Schemas", guard.answering(_schemas), methods=["GET"]),
        Route("/Schemas/{urn}", guard.answering(_schema), methods=["GET"]),
    ]
    routes.append(Route("/.search", guard.answering(_Everything(database).search), methods=["POST"]))
    for endpoint in (users, groups):
        one = f"/{endpoint.name}/{{id}}"
        routes += [
            Route(f"/{endpoint.name}", guard.answering(endpoint.list), methods=["GET"]),
            Route(f"/{endpoint.name}", guard.answering(endpoint.create), methods=["POST"]),
            Route(f"/{endpoint.name}/.search", guard.answering(endpoint.search), methods=["POST"]),
            Route(one, guard.answering(endpoint.show), methods=["GET"]),
            Route(one, guard.answering(endpoint.replace), methods=["PUT"]),
            Route(one, guard.answering(endpoint.patch), methods=["PATCH"]),
            Route(one, guard.answering(endpoint.delete), methods=["DELETE"]),
        ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _broken})


class _Guard:
    """Lets in who brings a token, and puts every refusal into SCIM's words."""

    def __init__(self, database: Database, limit: FailureLimit) -> None:
        self._database = database
        self._limit = limit

    def answering(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                tenant = await self._tenant(request)
                if isinstance(tenant, Response):
                    return tenant
                with LENIENT:
                    return await handler(request, tenant)
            except ValidationError as error:
                return _error(Error.from_validation_errors(error)[0])
            except SCIMException as error:
                return _error(error.to_error())
            except problems.Problem as problem:
                return _say(problem.status, problem.detail)
            except (psycopg.OperationalError, DatabaseBusy):
                return _say(503, "the database does not answer; nothing was changed. Try again.")

        return answer

    async def _tenant(self, request: Request) -> Tenant | Response:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        tenant = await tenant_of(self._database, text.strip()) if scheme.lower() == "bearer" else None
        if tenant is None:
            source = request.client.host if request.client else ""
            wait_s = self._limit.retry_after_s(source)
            self._limit.count_failure(source)
            if wait_s:
                return _say(429, f"too many tries with a token that does not work; wait {wait_s} seconds")
            return _say(401, "send a token that an administrator made: Authorization: Bearer TOKEN")
        if not tenant.active:
            return _say(403, "this organisation is suspended; nothing is changed until it is active again")
        return tenant


class _Endpoint:
    """What can be asked of one kind of resource."""

    def __init__(
        self, database: Database, name: str, model: type[Resource[Any]], store: Callable[[Any, Any, str], Store]
    ) -> None:
        self.name = name
        self._database = database
        self._model = model
        self._store = store

    async def list(self, request: Request, tenant: Tenant) -> Response:
        return await self._answer(request, tenant, request.query_params)

    async def search(self, request: Request, tenant: Tenant) -> Response:
        return await self._answer(request, tenant, await _body(request))

    async def _answer(self, request: Request, tenant: Tenant, said: Mapping[str, Any]) -> Response:
        asked = finding.read(said, self._model)
        async with self._opened(request, tenant) as store:
            found = await store.find_all(asked.found_by)
        page, total, start = asked.page(found)
        answer = ListResponse[self._model](  # type: ignore[name-defined]
            total_results=total, start_index=start, items_per_page=len(page), resources=page
        )
        return _json(200, answer, Context.RESOURCE_QUERY_RESPONSE, asked.request)

    async def create(self, request: Request, tenant: Tenant) -> Response:
        sent = self._model.model_validate(await _body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        async with self._opened(request, tenant) as store:
            made: Any = await store.create(sent)
        location = str(made.meta.location)
        return _json(201, made, Context.RESOURCE_CREATION_RESPONSE, headers={"location": location})

    async def show(self, request: Request, tenant: Tenant) -> Response:
        asked = finding.read(_shaping(request), self._model)
        async with self._opened(request, tenant) as store:
            return _json(200, await store.find(_id(request)), Context.RESOURCE_QUERY_RESPONSE, asked.request)

    async def replace(self, request: Request, tenant: Tenant) -> Response:
        sent = self._model.model_validate(await _body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        async with self._opened(request, tenant) as store:
            original: Any = await store.find(_id(request))
            sent.replace(original)
            return _json(200, await store.replace(_id(request), sent), Context.RESOURCE_REPLACEMENT_RESPONSE)

    async def patch(self, request: Request, tenant: Tenant) -> Response:
        steps = patching.read(await _body(request), self._model)
        asked = finding.read(_shaping(request), self._model)
        async with self._opened(request, tenant) as store:
            patched: Any = await store.find(_id(request))
            patching.apply(steps, patched)
            changed = await store.replace(_id(request), patched)
        return _json(200, changed, Context.RESOURCE_PATCH_RESPONSE, asked.request)

    async def delete(self, request: Request, tenant: Tenant) -> Response:
        async with self._opened(request, tenant) as store:
            await store.delete(_id(request))
        return Response(status_code=204)

    @asynccontextmanager
    async def _opened(self, request: Request, tenant: Tenant) -> Any:
        async with self._database.tenant(tenant.tenant_id) as connection:
            yield self._store(connection, tenant.tenant_id, _base(request))


class _Everything:
    """A search among users and groups at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(self, request: Request, tenant: Tenant) -> Response:
        asked = finding.read(await _body(request), WorkingUser | Group)
        async with self._database.tenant(tenant.tenant_id) as connection:
            of = (connection, tenant.tenant_id, _base(request))
            found = [*await Users(*of).find_all({}), *await Groups(*of).find_all({})]
        page, total, start = asked.page(found)
        answer = ListResponse[WorkingUser | Group](
            total_results=total, start_index=start, items_per_page=len(page), resources=page
        )
        return _json(200, answer, Context.RESOURCE_QUERY_RESPONSE, asked.request)


async def _config(request: Request, tenant: Tenant) -> Response:
    del request, tenant
    return _json(200, CONFIG, Context.RESOURCE_QUERY_RESPONSE)


async def _resource_types(request: Request, tenant: Tenant) -> Response:
    del tenant
    return _list_of(request, list(RESOURCE_TYPES))


async def _resource_type(request: Request, tenant: Tenant) -> Response:
    del tenant
    return _one_of(request.path_params["name"], {str(one.id): one for one in RESOURCE_TYPES})


async def _schemas(request: Request, tenant: Tenant) -> Response:
    del tenant
    return _list_of(request, schemas())


async def _schema(request: Request, tenant: Tenant) -> Response:
    del tenant
    return _one_of(request.path_params["urn"], {str(one.id): one for one in schemas()})


def _list_of(request: Request, found: list[Any]) -> Response:
    if "filter" in request.query_params:  # RFC 7644, section 4
        return _say(403, "these lists are not filtered")
    answer = ListResponse.__class_getitem__(type(found[0]))(
        total_results=len(found), start_index=1, items_per_page=len(found), resources=found
    )
    return _json(200, answer, Context.RESOURCE_QUERY_RESPONSE)


def _one_of(name: str, known: Mapping[str, Resource[Any]]) -> Response:
    if name not in known:
        raise NotFoundException(detail=f"there is no {name}")
    return _json(200, known[name], Context.RESOURCE_QUERY_RESPONSE)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object a request brings, with what directories leave out put in. Raises InvalidSyntaxException."""
    try:
        sent = json.loads(await read_body(request, MAX_BYTES))
    except (ValueError, RecursionError):
        raise InvalidSyntaxException(detail="the body is not JSON in UTF-8") from None
    if not isinstance(sent, dict):
        raise InvalidSyntaxException(detail="the body is not a JSON object")
    if _holds_nul(sent):
        raise InvalidSyntaxException(detail="the body holds the character NUL, which no value may have")
    names = {str(name).casefold(): name for name in sent}
    if "username" in names:
        if "active" not in names:
            sent["active"] = True
        if "displayname" not in names:
            sent["displayName"] = _name_in(sent.get(names.get("name", "name"))) or sent[names["username"]]
    return sent


def _name_in(said: object) -> str:
    """A display name from the attribute "name"."""
    if not isinstance(said, dict):
        return ""
    parts = {str(key).casefold(): str(value) for key, value in said.items() if value}
    return parts.get("formatted") or " ".join(filter(None, (parts.get("givenname"), parts.get("familyname"))))


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def _shaping(request: Request) -> dict[str, str]:
    """Which attributes the answer is to have; a query on one resource has no filter."""
    return {name: value for name, value in request.query_params.items() if name in {"attributes", "excludedAttributes"}}


def _base(request: Request) -> str:
    """The address before /scim/v2."""
    return str(request.base_url).split(PREFIX)[0].rstrip("/")


def _id(request: Request) -> Any:
    found = finding.an_id(request.path_params["id"])
    if found is None:
        raise NotFoundException(detail=f"there is no resource {request.path_params['id']}")
    return found


def _json(
    status: int,
    content: Any,
    context: Context,
    shaped: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = content.model_dump_json(scim_ctx=context, response_parameters=shaped)
    return Response(body, status, headers, media_type=MEDIA_TYPE)


def _error(error: Error) -> Response:
    return Response(error.model_dump_json(), error.status or 400, media_type=MEDIA_TYPE)


def _say(status: int, detail: str) -> Response:
    answer = _error(Error(status=status, detail=detail))
    if status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


async def _refused(request: Request, error: Exception) -> Response:
    del request
    status = error.status_code if isinstance(error, HTTPException) else 500
    answer = _say(status, "there is no such resource" if status == 404 else str(getattr(error, "detail", "refused")))
    for name, value in (getattr(error, "headers", None) or {}).items():
        answer.headers[name] = value
    return answer


async def _broken(request: Request, error: Exception) -> Response:
    del request, error
    return _say(500, "the server failed; nothing was changed")
