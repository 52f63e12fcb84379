"""Outputs that leave the console: to officers alone, each time with an entry of the audit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, Literal

import polars as pl
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from stanch.cases.database import Connection
from stanch.cases.incidents import find_incident
from stanch.console.access import ROOT, admit, is_ours, read_cookie
from stanch.console.evidence import OUT, TABLES, find_folder, is_investigated
from stanch.console.fields import list_parameters, read_sent, read_struct
from stanch.console.keeping import NAMES
from stanch.console.pages import OFFICERS, MissingError, MistakeError, Number
from stanch.console.serving import answer_failure, note
from stanch.errors import StoreError
from stanch.reporting.cells import neutralise_cells
from stanch.service.forms.taking import FORM_TYPE
from stanch.service.operations import Content, Operation
from stanch.service.problems import ProblemError
from stanch.service.state import Service, find_service

_PATH: Final = "/incidents/{number}/hand-out"
#: Files that somebody has to act on: pseudonyms in these columns become names again.
_NAMED: Final = {"reset.csv": ("account",), "warn.csv": ("account", "order")}
_TYPES: Final = {".csv": "text/csv", ".html": "text/html", ".txt": "text/plain", ".json": "application/json"}


class HandOutForm(Struct, frozen=True):
    """Which file."""

    number: Number
    file: Literal[
        "report.html", "reset.csv", "warn.csv", "blocklist.txt", "challenge.txt", "sources.csv",
        "findings.json",
    ]  # fmt: skip


async def hand_out(request: Request) -> Response:
    """One file of an incident's answer."""
    service = find_service(request)
    session = read_cookie(request, service)
    given, token = await read_sent(request)
    try:
        form = await service.database.ask_soon(lambda c: _check(c, request, service, given))
        if not is_ours(request, service, session, token):
            raise ProblemError(403, "other_site", "The form was not sent from a page of this session.")
        path = find_folder(service, form.number) / OUT / form.file
        if not is_investigated(service, form.number) or not path.exists():
            raise MissingError
        await service.database.write_soon(lambda c: _note(c, service, session, form))
    except MistakeError as error:
        raise ProblemError(422, "unusable", f"{error.field}: this cannot be used.") from None
    except (LookupError, StoreError) as error:
        return answer_failure(error)
    name = f"incident-{form.number}-{form.file}"
    if form.file not in _NAMED:
        return FileResponse(path, media_type=_TYPES[path.suffix], filename=name)
    content = await asyncio.to_thread(_name_people, path, _NAMED[form.file])
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_TYPES[path.suffix], headers=attached)


def _check(connection: Connection, request: Request, service: Service, given: object) -> HandOutForm:
    admit(connection, read_cookie(request, service), OFFICERS, service.now_us())
    form: HandOutForm = read_struct(HandOutForm, {**dict(given), **request.path_params})  # type: ignore[call-overload]
    if find_incident(connection, form.number) is None:
        raise MissingError
    return form


def _note(connection: Connection, service: Service, session: str, form: HandOutForm) -> None:
    person, _ = admit(connection, session, OFFICERS, service.now_us())
    note(connection, service, person.id, "incident.hand_out", f"incident:{form.number}", details=form.file)


def _name_people(path: Path, columns: tuple[str, ...]) -> bytes:
    """The table with names in the place of pseudonyms; what is no pseudonym of ours stays."""
    names = pl.read_parquet(path.parent.parent / TABLES / NAMES).select("ref", "name").unique("ref")
    frame = pl.read_csv(path, infer_schema=False)
    known = dict(names.iter_rows())
    named = frame.with_columns(pl.col(column).replace(known) for column in columns)
    return neutralise_cells(named).write_csv().encode()


OPERATIONS: Final = (
    Operation(
        "POST",
        ROOT + _PATH,
        "console_hand_out",
        "A file of an incident's answer.",
        hand_out,
        {200: Content(dict.fromkeys(_TYPES.values()), "The file.")},
        body=Content({FORM_TYPE: HandOutForm}),
        parameters=list_parameters(None, _PATH),
        problems=(400, 401, 403, 404, 413, 415, 422),
    ),
)
ROLES: Final = {("POST", ROOT + _PATH): OFFICERS}
