"""`POST /v1/leaked/check`: whether the operator's list of leaked credentials holds one, by its keyed hash."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.keys import ApiKey
from stanch.service.attempts import CredentialHash
from stanch.service.bodies import read_body
from stanch.service.judge import is_leaked
from stanch.service.operations import Content, Operation
from stanch.service.problems import ProblemError
from stanch.service.state import find_service

_JSON: Final = "application/json"
_MAX_BYTES: Final = 4_096


class LeakedBody(Struct, frozen=True):
    """One credential. There is no way to send a password."""

    credential_hash: CredentialHash


class LeakedAnswer(Struct, frozen=True):
    """What the list says."""

    leaked: Annotated[bool, Meta(description="Wrongly true once in 65,536.")]


async def check_leaked(request: Request, _key: ApiKey) -> Response:
    """Ask the list."""
    body = await read_body(request, _MAX_BYTES)
    try:
        sent = msgspec.json.decode(body, type=LeakedBody)
    except (ValueError, RecursionError):
        # What was sent may be a password after all: it is not repeated.
        raise ProblemError(
            400, "bad_hash", "Send credential_hash: a keyed hash of 16 hexadecimal digits."
        ) from None
    leaked = is_leaked(find_service(request), sent.credential_hash)
    if leaked is None:
        raise ProblemError(404, "no_list", "There is no list of leaked credentials: set service.leaked.")
    return Response(msgspec.json.encode(LeakedAnswer(leaked)), media_type=_JSON)


LEAKED: Final = Operation(
    "POST",
    "/v1/leaked/check",
    "check_leaked",
    "Whether the operator's list of leaked credentials holds one.",
    check_leaked,
    {200: Content({_JSON: LeakedAnswer})},
    scope="shop",
    body=Content({_JSON: LeakedBody}),
    problems=(400, 401, 403, 404, 413, 429),
)
