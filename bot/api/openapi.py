"""The HTTP API as an OpenAPI document, made of a table of operations."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeAlias

from pydantic import BaseModel

Schema: TypeAlias = Mapping[str, Any]

ERRORS = {
    400: "The request cannot be read, or a parameter is wrong.",
    401: "There is no valid token.",
    403: "The token does not allow this, or there is no token and the request does not come from this machine.",
    404: "There is no such thing.",
    406: "What the header Accept names is not offered.",
    408: "The body did not come in time.",
    409: "No model is loaded, a training is under way, or the thing exists already.",
    412: "It has another version than `If-Match` says.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A field is missing or wrong.",
    426: "Ask for a WebSocket.",
    428: "`If-Match` is missing.",
    501: "It is not offered, or not installed.",
    503: "The server is overloaded, too slow, or cannot use its store.",
}
ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["version", "status", "message", "reason", "details", "help", "code"],
    "properties": {
        "version": {"type": "string"},
        "status": {"const": "failure"},
        "message": {"type": "string"},
        "reason": {"type": "string"},
        "details": {"type": "object"},
        "help": {"type": "null"},
        "code": {"type": "integer"},
    },
}
SECURITY = {
    "token": {"type": "apiKey", "in": "query", "name": "token"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
SESSION = {"session": {"type": "apiKey", "in": "cookie", "name": "kefu_pages"}}
OBJECT: Schema = {"type": "object"}
TEXT: Schema = {"type": "string"}
JSON, HTML = "application/json", "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the query, or a header."""

    name: str
    schema: Schema
    place: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        body: What is sent as JSON; also a schema by content type. None for nothing.
        answers: By status, the schema by content type; empty for no body.
        errors: The statuses of its errors besides those that every guarded operation has.
        open: Whether anyone may call it.
        page: Whether it is for people: a session opens it, and what is wrong it says in a page.
    """

    method: str
    path: str
    summary: str
    body: type[BaseModel] | Mapping[str, Schema] | None = None
    body_required: bool = True
    parameters: Sequence[Parameter] = ()
    answers: Mapping[int, Mapping[str, Schema]] = field(default_factory=lambda: {200: {JSON: OBJECT}})
    errors: Sequence[int] = ()
    open: bool = False
    page: bool = False


def openapi_document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kefu", "version": version("kefu"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"securitySchemes": {**SECURITY, **SESSION}, "schemas": {"Error": ERROR_SCHEMA}},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    errors = {*operation.errors, *(() if operation.open else (401, 403))}
    if operation.body is not None:
        errors |= {400, 408, 413, 415, 422}
    answers = {str(status): _answer(content) for status, content in operation.answers.items()}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": answers | {str(status): _error(status, operation) for status in sorted(errors)},
        "security": [] if operation.open else [{name: []} for name in (SESSION if operation.page else SECURITY)],
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body is not None:
        schemas = operation.body if isinstance(operation.body, Mapping) else {JSON: _schema(operation.body)}
        content = {kind: {"schema": schema} for kind, schema in schemas.items()}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": one.name, "in": one.place, "required": one.required, "schema": one.schema}
        for one in operation.parameters
    ]
    in_path = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return [*found, *({"name": name, **in_path} for name in re.findall(r"{(\w+)}", operation.path))]


def _schema(model: type[BaseModel]) -> Schema:
    """A model's schema with its parts written out, so that it stands alone."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return dict(_resolved(schema, parts))


def _resolved(value: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _resolved(parts[value["$ref"].rpartition("/")[2]], parts)
        return {key: _resolved(item, parts) for key, item in value.items() if key != "title"}
    return [_resolved(item, parts) for item in value] if isinstance(value, list) else value


def _answer(content: Mapping[str, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "Done."}
    return described | ({"content": {kind: {"schema": schema} for kind, schema in content.items()}} if content else {})


def _error(status: int, operation: Operation) -> dict[str, Any]:
    said = {HTML: {"schema": TEXT}} if operation.page else {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": ERRORS[status], "content": said}
