"""Files of evidence on their way in: raw pieces, one after another, laid onto the disk as they come."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.database import Connection
from stanch.cases.incidents import find_incident
from stanch.cases.investigations import EvidenceFile, add_evidence_file
from stanch.cases.people import Person
from stanch.console.access import ROOT, TOKEN_HEADER, admit, is_ours, read_cookie
from stanch.console.evidence import find_folder
from stanch.console.fields import JSON, gather, list_parameters, read_struct
from stanch.console.investigating import EVIDENCE, sum_bytes
from stanch.console.pages import INVESTIGATORS, MissingError, MistakeError
from stanch.console.recognising import Seen, recognise
from stanch.console.serving import answer_failure, note
from stanch.errors import StoreError
from stanch.readers import ReadRequest
from stanch.service.bodies import read_body
from stanch.service.operations import Content, Operation
from stanch.service.problems import ProblemError
from stanch.service.state import Service, find_service

_MEDIA_TYPE: Final = "application/octet-stream"
#: Bytes of one piece at most: it has to arrive within the time for a request.
_MAX_PIECE: Final = 8 << 20
#: A file of which no piece has come for so long will not be finished.
_ABANDONED_S: Final = 86_400
_PATH: Final = "/incidents/{number}/evidence"


class Piece(Struct, frozen=True):
    """Which piece of which file; all pieces of one file bear the same `upload`."""

    number: int
    upload: Annotated[
        str, Meta(description="A name of the sender's own for this file.", pattern="^[0-9a-f]{16,32}$")
    ]
    name: Annotated[str, Meta(description="Name of the file.", min_length=1, max_length=200)]
    size: Annotated[int, Meta(description="Bytes of the whole file.", ge=0)]
    offset: Annotated[int, Meta(description="Bytes before this piece.", ge=0)] = 0


class Received(Struct, frozen=True):
    """How much of the file is there; with its last piece, its number and what it seems to be."""

    n_bytes: int
    file: int | None = None
    seen: Seen | None = None


async def take_piece(request: Request) -> Response:
    """One piece of a file; the last one has it recognised."""
    service = find_service(request)
    session = read_cookie(request, service)
    try:
        person, piece, n_other = await service.database.ask_soon(lambda c: _read_order(c, request, service))
    except MistakeError as error:
        raise ProblemError(400, "bad_query", f"{error.field}: this cannot be understood.") from None
    except (LookupError, StoreError) as error:
        return answer_failure(error)
    if not is_ours(request, service, session, request.headers.get(TOKEN_HEADER, "")):
        raise ProblemError(403, "other_site", "The file was not sent from a page of this session.")
    limit = service.settings.max_evidence_mb << 20
    if piece.size + n_other > limit:
        raise ProblemError(413, "too_large", f"More than {limit >> 20} MiB for one incident.")
    body = await read_body(request, min(_MAX_PIECE, piece.size - min(piece.offset, piece.size)))
    folder = find_folder(service, piece.number) / EVIDENCE
    draft = folder / f"{piece.upload}.part"
    n_bytes = await asyncio.to_thread(_append, draft, piece.offset, body)
    if n_bytes < piece.size:
        return _answer(Received(n_bytes))
    asked = ReadRequest(paths={}, zone=service.settings.zone)
    seen = await asyncio.to_thread(recognise, draft, asked)
    file = EvidenceFile(
        0, piece.number, person.id, service.now_us(), clean_name(piece.name), n_bytes, seen.table,
        msgspec.json.encode(seen),
    )  # fmt: skip
    added = await service.database.write_soon(lambda c: _keep(c, service, person, file))
    await asyncio.to_thread(_settle, draft, folder / str(added) / file.name)
    return _answer(Received(n_bytes, added, seen))


def clean_name(name: str) -> str:
    """A file's name without what could lead elsewhere or steer a terminal."""
    plain = re.sub(r"[^\w.+ -]", "_", Path(name.replace("\\", "/")).name).strip(". ")
    return plain[-120:] or "file"


def _read_order(connection: Connection, request: Request, service: Service) -> tuple[Person, Piece, int]:
    person, _ = admit(connection, read_cookie(request, service), INVESTIGATORS, service.now_us())
    asked = gather(request.query_params.multi_items(), Piece)
    piece: Piece = read_struct(Piece, {**asked, **request.path_params})
    if find_incident(connection, piece.number) is None:
        raise MissingError
    return person, piece, sum_bytes(connection, piece.number)


def _append(draft: Path, offset: int, body: bytes) -> int:
    """Lay a piece onto the disk; how many bytes are there.

    Raises:
        ProblemError: 409, it does not follow what is there; 507, there is no room.
    """
    try:
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if offset == 0:
            _forget_abandoned(draft.parent)
        there = draft.stat().st_size if draft.exists() else 0
        if offset not in (0, there):
            raise ProblemError(409, "gap", f"{there} bytes are there.")
        with draft.open("wb" if offset == 0 else "ab") as file:
            file.write(body)
        return offset + len(body)
    except OSError as error:
        raise ProblemError(507, "no_room", f"The file cannot be stored: {error.strerror}.") from error


def _forget_abandoned(folder: Path) -> None:
    """Drop files whose sender has gone."""
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > _ABANDONED_S:
            part.unlink(missing_ok=True)


def _settle(draft: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.move(draft, path)


def _keep(connection: Connection, service: Service, person: Person, file: EvidenceFile) -> int:
    added = add_evidence_file(connection, file)
    note(
        connection, service, person.id, "incident.hand_in", f"incident:{file.incident_id}",
        details=f"file:{added} {file.table_name} {file.n_bytes}",
    )  # fmt: skip
    return added


def _answer(received: Received) -> Response:
    return Response(msgspec.json.encode(received), media_type=JSON)


OPERATIONS: Final = (
    Operation(
        "POST",
        ROOT + _PATH,
        "console_hand_in",
        "A piece of a file of evidence.",
        take_piece,
        {200: Content({JSON: Received})},
        body=Content({_MEDIA_TYPE: None}, "The piece as it is."),
        parameters=list_parameters(Piece, _PATH),
        problems=(400, 401, 403, 404, 409, 413, 507),
    ),
)
ROLES: Final = {("POST", ROOT + _PATH): INVESTIGATORS}
