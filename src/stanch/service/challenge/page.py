"""`/challenge`: the page, and what becomes of its answer. With `Accept: application/json` without a page.

A shop shows the same path under its own name (a proxy passes `/challenge` on), so that the pass can be a
cookie of the shop's. Scripts are files of ours; where none runs, waiting and pressing a button passes, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.guard.proof_of_work import N_PARTS, PASS_VALID_US, PUZZLE_VALID_US, Puzzle
from stanch.reporting.catalogue import Lang
from stanch.service.challenge.passes import COOKIE, Passes
from stanch.service.clients import find_network
from stanch.service.forms.pages import SCRIPTED, choose_language, load_asset, render_page
from stanch.service.forms.taking import FORM_TYPE, RefusedFormError, read_form
from stanch.service.operations import Content, Operation, Parameter
from stanch.service.problems import ProblemError
from stanch.service.state import Service, find_service

PATH: Final = "/challenge"
#: A path of this site: not `//elsewhere`, nor with a backslash, which browsers take for a slash.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}")
#: Of those of whom nothing is known.
_SCORE: Final = 0.5
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}
_JSON: Final = "application/json"
_HTML: Final = "text/html"
_ASSETS: Final = {
    "challenge.js": "text/javascript",
    "challenge-worker.js": "text/javascript",
    "forms.css": "text/css",
    "mark.svg": "image/svg+xml",
}


class PuzzleAnswer(Struct, frozen=True):
    """A puzzle for a page of the shop's own."""

    puzzle: Annotated[str, Meta(description="Comes back with the solution.")]
    seed: Annotated[str, Meta(description="16 bytes in hexadecimal.")]
    parts: Annotated[int, Meta(description="For each part from 0 a number is to be found.")]
    part_bits: Annotated[
        int,
        Meta(
            description="Zero bits that SHA-256 of seed, part and number (4 bytes each, big-endian) begins"
            " with."
        ),
    ]
    expires: Annotated[str, Meta(description="RFC 3339.")]


class PassAnswer(Struct, frozen=True):
    """A passed challenge."""

    passed: Annotated[str, Meta(description="Goes into `passed` of /v1/logins/assess.")]


async def show(request: Request) -> Response:
    """A puzzle, on its page or as JSON."""
    service = find_service(request)
    passes, settings = service.passes, service.settings.challenge
    now_us = service.now_us()
    ip, score = _find_attempt(request, service)
    puzzle = passes.ask(ip, score, now_us, settings)
    if _wants_json(request):
        return _answer_json(_describe(passes, puzzle))
    after = choose_next(request.query_params.get("next", ""))
    return _render(request, passes, puzzle, choose_language(request), after)


async def take(request: Request) -> Response:
    """The answer to a puzzle: back to where the visitor came from with a pass, or the page again."""
    service = find_service(request)
    passes, settings = service.passes, service.settings.challenge
    now_us = service.now_us()
    try:
        typed = await read_form(request)
    except RefusedFormError as error:
        raise ProblemError(error.status, "no_answer", f"Send {FORM_TYPE} with puzzle and solution.") from None
    puzzle = passes.open(typed["puzzle"], now_us)
    passed, alert = None, "old"
    if puzzle is not None and typed["solution"]:
        passed, alert = await passes.check_work(puzzle, typed["solution"], now_us), "wrong"
    elif puzzle is not None:
        passed = await passes.check_wait(puzzle, now_us, settings)
        alert = "soon" if passes.may_wait(now_us, settings) else "no_wait"
    service.metrics.challenges.labels(_tell_result(passed, typed["solution"])).inc()
    if passed is not None:
        return _let_pass(request, service, passed, choose_next(typed["next"]))
    if _wants_json(request):
        raise ProblemError(422, f"challenge_{alert}", "Not solved, used before or too old: ask for another.")
    # Whoever pressed the button too soon goes on waiting for the same puzzle.
    if puzzle is None or alert != "soon":
        ip, score = _find_attempt(request, service)
        puzzle = passes.ask(ip, score, now_us, settings) if puzzle is None else passes.renew(puzzle, now_us)
    lang = choose_language(request, typed["lang"])
    return _render(request, passes, puzzle, lang, choose_next(typed["next"]), alert=alert)


def choose_next(given: str) -> str:
    """Where to go on: a path of this site, else its front page."""
    return given if _PATH.fullmatch(given) else "/"


def _find_attempt(request: Request, service: Service) -> tuple[str, float]:
    """Address and score of the attempt that was challenged; of whoever asks, if no id is given."""
    given = request.query_params.get("id", "")
    if given:
        try:
            context = service.ids.read(given, service.now_us())
        except ProblemError:
            pass  # too old, or made up: whoever asks is challenged as anybody
        else:
            return context.ip, context.score
    return find_network(request, service.settings), _SCORE


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return _JSON in accept and _HTML not in accept


def _describe(passes: Passes, puzzle: Puzzle) -> PuzzleAnswer:
    expires = datetime.fromtimestamp((puzzle.made_us + PUZZLE_VALID_US) / 1e6, UTC)
    return PuzzleAnswer(
        passes.sign(puzzle), puzzle.seed.hex(), N_PARTS, puzzle.part_bits, expires.isoformat()
    )


def _tell_result(passed: str | None, solution: str) -> str:
    if passed is None:
        return "failed"
    return "solved" if solution else "waited"


def _answer_json(answer: Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type=_JSON)


def _let_pass(request: Request, service: Service, passed: str, after: str) -> Response:
    if _wants_json(request):
        return _answer_json(PassAnswer(passed))
    response = RedirectResponse(after, 303)
    response.set_cookie(
        COOKIE, passed, max_age=PASS_VALID_US // 1_000_000, path="/", secure=service.settings.is_https,
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def _render(
    request: Request, passes: Passes, puzzle: Puzzle, lang: Lang, after: str, *, alert: str = ""
) -> Response:
    service = find_service(request)
    now_us = service.now_us()
    values: Mapping[str, Any] = {
        "action": PATH,
        "assets": PATH,
        "puzzle": passes.sign(puzzle),
        "seed": puzzle.seed.hex(),
        "part_bits": puzzle.part_bits,
        "parts": N_PARTS,
        "after": after,
        "alert": alert,
        "may_wait": passes.may_wait(now_us, service.settings.challenge),
        "left_s": max(puzzle.wait_s - (now_us - puzzle.made_us) // 1_000_000, 1),
    }
    return render_page(
        "challenge.html.j2",
        lang,
        f"{PATH}?{urlencode({'next': after})}&",
        service.settings,
        status=422 if alert else 200,
        headers=SCRIPTED,
        **values,
    )


def _make_asset(name: str, media_type: str) -> Operation:
    content = load_asset(name)

    async def give(_request: Request) -> Response:
        return Response(content, headers=_CACHED, media_type=media_type)

    path = f"{PATH}/{name}"
    operation = f"challenge_{name}"
    return Operation(
        "GET", path, operation, "Part of the challenge.", give, {200: Content({media_type: None})}
    )


_NEXT: Final = Parameter("next", "query", "Path of the shop to go on to.")
_LANG: Final = Parameter("lang", "query", "Language of the page.", {"type": "string", "enum": ["en", "zh"]})
CHALLENGE: Final = (
    Operation(
        "GET",
        PATH,
        "show_challenge",
        "A proof of work for the visitor's device: a page, or JSON for a page of the shop's own.",
        show,
        {200: Content({_HTML: None, _JSON: PuzzleAnswer})},
        parameters=(Parameter("id", "query", "Of the attempt that was challenged."), _NEXT, _LANG),
    ),
    Operation(
        "POST",
        PATH,
        "pass_challenge",
        "Hand in the solution, or the puzzle alone after having waited.",
        take,
        {
            200: Content({_JSON: PassAnswer}),
            303: Content({}, f"Passed; leads to `next` with the pass in the cookie {COOKIE}."),
            422: Content({_HTML: None}, "The page again, and why."),
        },
        body=Content(
            {
                FORM_TYPE: {
                    "type": "object",
                    "required": ["puzzle"],
                    "properties": {
                        name: {"type": "string"} for name in ("puzzle", "solution", "next", "lang")
                    },
                }
            }
        ),
        parameters=(_LANG,),
        problems=(400, 413, 415, 422),
    ),
    *(_make_asset(name, media_type) for name, media_type in _ASSETS.items()),
)
