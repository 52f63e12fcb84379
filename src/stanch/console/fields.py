"""What is sent with a request, as the structs that pages and actions declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.requests import Request

from stanch.console.access import TOKEN_HEADER
from stanch.console.pages import MistakeError
from stanch.service.bodies import read_body
from stanch.service.forms.taking import FORM_TYPE
from stanch.service.operations import Parameter
from stanch.service.problems import ProblemError

JSON: Final = "application/json"
_MAX_BYTES: Final = 256 << 10
_MAX_FIELDS: Final = 200
_NUMBER: Final = "^[0-9]{1,15}$"
#: What stands in paths beside numbers: pseudonyms.
_IN_PATH: Final = {"ref": "^[0-9a-f]{24}$"}
_LISTS: Final = (msgspec.inspect.ListType, msgspec.inspect.VarTupleType, msgspec.inspect.SetType)


def read_media_type(request: Request) -> str:
    """What a body says that it is."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_sent(request: Request) -> tuple[Mapping[str, Any], str]:
    """The fields that were sent, as a form or as JSON, and the token.

    Raises:
        ProblemError: 413, 415 or 400, it is too long or neither of them.
    """
    body = await read_body(request, _MAX_BYTES)
    header = request.headers.get(TOKEN_HEADER, "")
    if read_media_type(request) == JSON:
        try:
            return msgspec.json.decode(body or b"{}", type=dict[str, Any]), header
        except (msgspec.DecodeError, RecursionError):
            raise ProblemError(400, "no_json", "The body is no JSON object.") from None
    if read_media_type(request) != FORM_TYPE:
        raise ProblemError(415, "no_form", "Send a form, or JSON.")
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ProblemError(400, "no_form", "More fields than any form has.") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
    return given, given.pop("token", [header])[0]


def read_struct(kind: type[Struct], given: Mapping[str, Any]) -> Any:
    """What was sent as the struct that it should be; what is empty counts as not sent.

    Raises:
        MistakeError: it is none; names the field.
    """
    wanted = {f.encode_name: f for f in _fields(kind)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in wanted:
            continue
        is_list = isinstance(wanted[name].type, _LISTS)
        one = value if is_list or not isinstance(value, list) else value[0]
        if one == "" and not wanted[name].required:
            continue
        values[name] = one
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("`$.")[2].partition("`")[0].partition("[")[0]
        missing = next((n for n, f in wanted.items() if f.required and values.get(n) in (None, "")), None)
        raise MistakeError(missing or field, "needed" if missing else "invalid") from None


def gather(pairs: Sequence[tuple[str, str]], kind: type[Struct]) -> dict[str, Any]:
    """Fields that may come several times as lists, the others as their first value."""
    lists = {f.encode_name for f in _fields(kind) if isinstance(f.type, _LISTS)}
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values.setdefault(name, value)
    return values


def list_parameters(kind: type[Struct] | None, path: str) -> tuple[Parameter, ...]:
    """What OpenAPI says of a path and a query."""
    in_path = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    found = [
        Parameter(name, "path", f"Which {name}.", {"type": "string", "pattern": _IN_PATH.get(name, _NUMBER)})
        for name in in_path
    ]
    if kind is None:
        return tuple(found)
    schemas, components = msgspec.json.schema_components([kind])
    properties = components[kind.__name__]["properties"] if components else schemas[0]["properties"]
    for name, described in properties.items():
        if name not in in_path:
            told = {key: value for key, value in described.items() if key != "description"}
            found.append(Parameter(name, "query", described.get("description", name), told))
    return tuple(found)


def _fields(kind: type[Struct]) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return info.fields
