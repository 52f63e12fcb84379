"""`POST /v1/events/{logins,accesses,orders,complaints}`: what log shippers call."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Final, Literal

import anyio
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.keys import ApiKey
from stanch.cases.segments import KeyReusedError, Segment, add_segment
from stanch.evidence.tables import TABLES, Column, Kind, Table
from stanch.service.bodies import read_body, unpack_body
from stanch.service.intake import IntakeAnswer, Taken, take_rows
from stanch.service.operations import Content, Operation, Parameter
from stanch.service.problems import ProblemError
from stanch.service.settings import ServiceSettings
from stanch.service.state import Service, find_service

JSON_TYPES: Final = ("application/json", "application/x-ndjson", "application/ndjson", "application/jsonl")
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
#: Checking rows takes a whole core, so more at once would only take more memory.
_CHECKERS: Final = anyio.CapacityLimiter(max(os.cpu_count() or 1, 1))


async def store_rows(
    service: Service,
    table: Table,
    source: str,
    body: bytes,
    *,
    idempotency_key: str | None,
    same: bytes | None = None,
) -> tuple[bytes, bool]:
    """Check and store the rows of `body`; what to answer, and whether it was stored just now.

    A repeated request is told by `same`, where the body itself differs each time.

    Raises:
        KeyReusedError: the idempotency key came before with another body.
    """
    taken: Taken = await anyio.to_thread.run_sync(
        take_rows, table, body, service.settings.zone, service.people, limiter=_CHECKERS
    )
    segment = Segment(
        table=table.name,
        source=source,
        idempotency_key=idempotency_key,
        fingerprint=service.secrets.fingerprint(body if same is None else same),
        answer=msgspec.json.encode(taken.answer),
        received_us=service.now_us(),
        n_rows=taken.answer.accepted,
        rows=taken.rows,
    )
    answer = await service.database.write_soon(lambda connection: add_segment(connection, segment))
    is_new = answer is segment.answer
    if is_new:
        service.metrics.rows.labels(table.name, "accepted").inc(taken.answer.accepted)
        service.metrics.rows.labels(table.name, "rejected").inc(taken.answer.rejected)
    else:
        service.metrics.repeats.labels(table.name).inc()
    return answer, is_new


def make_operation(table: Table) -> Operation:
    """The operation that takes rows of one table."""

    async def take_events(request: Request, key: ApiKey) -> Response:
        service = find_service(request)
        idempotency_key = _read_idempotency_key(request)
        _check_type(request)
        try:
            # Those who wait here have not been read yet, so that they take no memory.
            async with service.batches:
                body = await _read_batch(request, service.settings)
                answer, _ = await store_rows(service, table, key.id, body, idempotency_key=idempotency_key)
        except KeyReusedError:
            raise ProblemError(
                422, "idempotency_key_reused", "This Idempotency-Key came before with another body."
            ) from None
        return Response(answer, media_type="application/json")

    row = describe_row(table)
    return Operation(
        method="POST",
        path=f"/v1/events/{table.name}",
        name=f"add_{table.name}",
        summary=f"Hand in {table.name}: {table.grain}.",
        handler=take_events,
        scope="ingest",
        body=Content(
            {"application/json": row, "application/x-ndjson": None},
            "One row, or one row a line; plain, gzip or zstd. Further members are ignored and not kept.",
        ),
        parameters=(
            Parameter(
                "Idempotency-Key",
                "header",
                "Chosen by the sender for each batch: the same batch sent again is stored once and gets the"
                " same answer.",
                {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
            ),
        ),
        answers={200: Content({"application/json": IntakeAnswer}, "Stored, but for the rows named.")},
        problems=(400, 401, 403, 413, 415, 422),
    )


async def _read_batch(request: Request, settings: ServiceSettings) -> bytes:
    packed = await read_body(request, settings.max_body_mb << 20)
    coding = request.headers.get("content-encoding", "").strip().lower()
    limit = settings.max_unpacked_mb << 20
    if coding in ("", "identity"):
        return unpack_body(packed, coding, limit)
    return await anyio.to_thread.run_sync(unpack_body, packed, coding, limit, limiter=_CHECKERS)


def describe_row(table: Table) -> type[msgspec.Struct]:
    """The type of a row as it is sent, out of the definition of the table."""
    required = [
        (c.name, _describe_cell(c))
        for c in table.columns
        if c.required and c.name not in ("account", "actor")
    ]
    optional: list[Any] = [
        (c.name, _describe_cell(c) | None, None)
        for c in table.columns
        if not c.required or c.name in ("account", "actor")
    ]
    name = table.name.removesuffix("es" if table.name == "accesses" else "s").capitalize()
    return msgspec.defstruct(name, [*required, *optional], kw_only=True, namespace={"__doc__": table.grain})


def _describe_cell(column: Column) -> Any:
    meaning = Meta(description=column.meaning)
    match column.kind:
        case Kind.TIME:
            return Annotated[str | float, Meta(description=f"{column.meaning} (RFC 3339, or Unix seconds)")]
        case Kind.AMOUNT:
            return Annotated[str | float, meaning]
        case Kind.WORD:
            return Annotated[Literal.__getitem__(column.words), meaning]
        case Kind.WORDS:
            return Annotated[str | list[Literal.__getitem__(column.words)], meaning]  # type: ignore[misc]
        case _:
            return Annotated[str, meaning]


def _read_idempotency_key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(given):
        raise ProblemError(400, "idempotency_key", "An Idempotency-Key has 1 to 255 printable characters.")
    return given


def _check_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("", *JSON_TYPES):
        raise ProblemError(
            415,
            "media_type",
            "Send application/json, or application/x-ndjson with one row a line.",
            {"Accept-Post": ", ".join(JSON_TYPES[:2])},
        )


EVENTS: Final = tuple(make_operation(table) for table in TABLES.values())
