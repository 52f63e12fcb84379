"""Errors as RFC 9457 has them, and never a word of the inside in one of the 5xx."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"


#: A page in place of a problem, by its status and the number under which the log tells more; None where
#: whoever asks wants none.
Telling = Callable[[Request, int, str], Awaitable[Response | None]]


class Problem(Struct, frozen=True, omit_defaults=True):
    """Problem details for HTTP APIs (RFC 9457)."""

    title: Annotated[str, Meta(description="The status in words.")]
    status: Annotated[int, Meta(description="The HTTP status.", ge=400, le=599)]
    detail: Annotated[str, Meta(description="What went wrong here, and what to do about it.")] = ""
    code: Annotated[str, Meta(description="The same for programs; never changes its meaning.")] = ""
    type: Annotated[str, Meta(description="Always about:blank: `code` tells problems apart.")] = "about:blank"


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def answer_problem(
    status: int, detail: str = "", code: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The response that tells of a problem."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return Response(msgspec.json.encode(problem), status, headers, media_type=MEDIA_TYPE)


async def answer_error(_request: Request, error: Exception) -> Response:
    """Handler of `ProblemError`."""
    assert isinstance(error, ProblemError)
    return answer_problem(error.status, error.detail, error.code, error.headers)
