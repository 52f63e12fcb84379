"""What both forms do with what was sent: read it within bounds, and store a report once."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from stanch.evidence.tables import COMPLAINTS
from stanch.service.bodies import read_body
from stanch.service.events import store_rows
from stanch.service.forms.report import MAX_BYTES, Judged, Typed, parse_form
from stanch.service.forms.tokens import FormToken
from stanch.service.problems import ProblemError
from stanch.service.state import Service

FORM_TYPE = "application/x-www-form-urlencoded"


class RefusedFormError(Exception):
    """A form that cannot be read at all; `key` names the text that says why."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status = status
        self.key = key


async def read_form(request: Request) -> Typed:
    """The form that was sent.

    Raises:
        RefusedFormError: it brings attachments, is too long, or is no form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM_TYPE:
        raise RefusedFormError(415, "attachment" if media_type == "multipart/form-data" else "no_form")
    try:
        return parse_form(await read_body(request, MAX_BYTES))
    except ProblemError as error:
        raise RefusedFormError(error.status, "too_long") from None
    except ValueError:
        raise RefusedFormError(400, "no_form") from None


async def store_report(service: Service, source: str, token: FormToken, judged: Judged) -> bool:
    """Store a report; False if this very form brought it before.

    Raises:
        KeyReusedError: the form brought another report before.
    """
    row = dict(judged.row)
    body = msgspec.json.encode(row)
    del row["received"]  # differs when the form is sent twice
    same = msgspec.json.encode(row)
    key = token.nonce.hex()
    _, is_new = await store_rows(service, COMPLAINTS, source, body, idempotency_key=key, same=same)
    return is_new
