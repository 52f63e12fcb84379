"""The OpenAPI 3.1 document, out of the list of operations and the types of what they take and give.

Schemas come from msgspec, which writes JSON Schema 2020-12, the dialect of OpenAPI 3.1
(https://spec.openapis.org/oas/v3.1.1.html#schema-object).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from stanch import __version__
from stanch.service.operations import Content, Operation
from stanch.service.problems import MEDIA_TYPE, Problem

#: What any operation may answer: too slow, and the two ways of not being able.
_ALWAYS: Final = (408, 500, 503)
_SECURITY: Final = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def describe_service(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document."""
    types = [Problem, *_list_types(operations)]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schema_of)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Stanch",
            "version": __version__,
            "summary": "Hand in evidence, report scam contacts, ask for health.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _list_types(operations: Sequence[Operation]) -> list[Any]:
    contents = [c for o in operations for c in (o.body, *o.answers.values()) if c is not None]
    found = [kind for content in contents for kind in content.media.values() if kind is not None]
    return list(dict.fromkeys(kind for kind in found if not isinstance(kind, Mapping)))


def _describe(operation: Operation, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.scope is not None:
        told["security"] = [{name: []} for name in _SECURITY]
    if operation.parameters:
        told["parameters"] = [
            {"name": p.name, "in": p.where, "description": p.description, "schema": dict(p.schema)}
            | ({"required": True} if p.where == "path" else {})
            for p in operation.parameters
        ]
    if operation.body is not None:
        told["requestBody"] = {"required": True, **_describe_content(operation.body, schema_of)}
    answers = {str(status): _describe_answer(status, c, schema_of) for status, c in operation.answers.items()}
    problems = {*operation.problems, *_ALWAYS}.difference(operation.answers)
    problem = Content({MEDIA_TYPE: Problem})
    told["responses"] = answers | {str(s): _describe_answer(s, problem, schema_of) for s in sorted(problems)}
    return told


def _describe_answer(status: int, content: Content, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase} | _describe_content(content, schema_of)


def _describe_content(content: Content, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": content.description} if content.description else {}
    if content.media:
        told["content"] = {
            media: {"schema": _find_schema(kind, schema_of)} for media, kind in content.media.items()
        }
    return told


def _find_schema(kind: Any, schema_of: Mapping[Any, Any]) -> Any:
    if kind is None:
        return {"type": "string"}
    return kind if isinstance(kind, Mapping) else schema_of[kind]
