"""OpenAPI: the description of the HTTP API, version 3.1, generated from the endpoints and their types."""

from __future__ import annotations

import re
from typing import Any

from handlers.docs.endpoint import Endpoint
from handlers.docs.endpoints import ENDPOINTS, JSON
from handlers.docs.error_codes import API_ERRORS
from handlers.docs.schemas import Schemas
from handlers.docs.webhooks import DATA_TYPES, webhook_schemas, webhooks
from handlers.errors import ErrorAnswer
from settings import Settings

API_VERSION = "0.1.0"

CODES_KEY = "x-error-codes"
"""A key of a response: the error codes that it may have."""

_DESCRIPTION = (
    "Who is available, busy or offline, and who is on a call. The sockets are described in `/asyncapi.json`. Any URL "
    "may answer with 500 `SERVER_ERROR`, and with 405 `METHOD_NOT_ALLOWED` to a method that is not listed."
)

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The id of this request, which is also in the server's log.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
}

_SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "serviceKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rk_…",
        "description": "A service key, which `python server.py key add` makes for the app's own backend.",
    },
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A unique key for this call. Repeating the request with the same key does not start another call.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}


def openapi(settings: Settings) -> dict[str, Any]:
    """The complete description."""
    schemas = Schemas(_types(), settings)
    for endpoint in ENDPOINTS.values():
        if endpoint.body is not None:
            schemas.describe_body(endpoint.body, endpoint.least_fields)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), endpoint in ENDPOINTS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rollcall",
            "version": API_VERSION,
            "summary": "Presence and calls",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": {**schemas.components, **webhook_schemas()},
            "headers": _HEADERS,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _types() -> list[Any]:
    """The types of all endpoints."""
    used: list[Any] = [ErrorAnswer]
    for each in ENDPOINTS.values():
        used += [each.body, each.query, each.path, None if isinstance(each.answer, str) else each.answer]
    return [each for each in [*used, *DATA_TYPES] if each is not None]


def _operation(method: str, path: str, endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [endpoint.tag],
        "operationId": "_".join([method.lower(), *(re.findall(r"[a-z]+", path) or ["home"])]),
        "summary": endpoint.summary,
        **_scope(endpoint),
        "security": _security(endpoint),
        "parameters": _parameters(endpoint, path, schemas),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": bool(schemas.required(endpoint.body) or endpoint.least_fields),
            "content": {JSON: {"schema": schemas.of(endpoint.body)}},
        }
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.scope is not None:
        return [{"serviceKey": []}]
    if not endpoint.wants_token:
        return []
    return [{"token": []}, {"serviceKey": []}] if endpoint.takes_keys else [{"token": []}]


def _scope(endpoint: Endpoint) -> dict[str, str]:
    """In OpenAPI, bearer tokens have no scopes, so the description says which one is needed."""
    return {} if endpoint.scope is None else {"description": f"Needs a service key with the scope `{endpoint.scope}`."}


def _parameters(endpoint: Endpoint, path: str, schemas: Schemas) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if endpoint.path is not None:
        name = path.partition("{")[2].partition("}")[0]
        parameters.append({"name": name, "in": "path", "required": True, "schema": schemas.of(endpoint.path)})
    if endpoint.query is not None:
        required = schemas.required(endpoint.query)
        for name, schema in schemas.properties(endpoint.query).items():
            parameters.append({"name": name, "in": "query", "required": name in required, "schema": schema})
    if endpoint.header is not None:
        parameters.append(_IDEMPOTENCY_KEY)
    return parameters


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in endpoint.all_errors():
        by_status.setdefault(API_ERRORS[code][0], []).append(code)
    statuses = [each for each in (endpoint.status, endpoint.other_status) if each is not None]
    responses = {str(status): _answer(endpoint, schemas) for status in statuses}
    return responses | {str(status): _refusal(status, codes, schemas) for status, codes in sorted(by_status.items())}


def _answer(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    described = {"description": endpoint.summary, "headers": _headers("X-Request-Id")}
    if endpoint.answer is None:
        return described
    named = isinstance(endpoint.answer, str)
    return described | {"content": {endpoint.answer: {}} if named else {JSON: {"schema": schemas.of(endpoint.answer)}}}


def _refusal(status: int, codes: list[str], schemas: Schemas) -> dict[str, Any]:
    """The codes stand outside the schema, because generators would make a class of each combination of codes."""
    extra = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    return {
        "description": "; ".join(f"`{code}`: {API_ERRORS[code][1]}" for code in codes),
        "headers": _headers("X-Request-Id", *([extra] if extra else [])),
        "content": {JSON: {"schema": schemas.of(ErrorAnswer)}},
        CODES_KEY: codes,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
