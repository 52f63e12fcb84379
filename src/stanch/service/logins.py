"""`POST /v1/logins/assess` and `/outcome`: asked by the shop before it checks a password, told after."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.keys import ApiKey
from stanch.cases.resets import list_resets
from stanch.findings import format_time
from stanch.guard.attempts import Answer, Reason
from stanch.service.attempts import AttemptBody, decode_attempt, read_attempt
from stanch.service.bodies import decode_json, read_body
from stanch.service.express import Exchange
from stanch.service.judge import explain, hash_account, is_allowed, is_leaked, judge, recognise
from stanch.service.operations import Content, Keyed, Operation, Parameter
from stanch.service.problems import ProblemError
from stanch.service.state import Service, find_service

_JSON: Final = "application/json"
_MOST_RESETS: Final = 1_000
#: What a stranger typed may be long, and is cut; a shop that passes on more should not have read it.
_MAX_BYTES: Final = 1 << 20
_CURSOR: Final = {"type": "string", "pattern": "^[0-9]{0,18}$"}


class AssessAnswer(Struct, frozen=True, omit_defaults=True):
    """What to do about an attempt."""

    id: Annotated[str, Meta(description="Comes back with the outcome, within an hour.")]
    action: Literal["allow", "challenge", "deny"]
    score: Annotated[float, Meta(ge=0, le=1, description="Probability that it is part of an attack.")]
    reasons: tuple[Reason, ...]
    simulated: Annotated[
        bool, Meta(description="The action is what would be done: its rule is not switched on, let it pass.")
    ]
    challenge: Annotated[str, Meta(description="How to challenge, as the settings say.")] = ""


class OutcomeBody(Struct, frozen=True):
    """How an attempt ended."""

    id: Annotated[str, Meta(max_length=8_192)]
    outcome: Literal["success", "failure", "unknown_account", "challenged", "denied", "unknown"]


class OutcomeAnswer(Struct, frozen=True, omit_defaults=True):
    """What to do now."""

    id: str
    action: Annotated[
        Literal["allow", "reset"],
        Meta(
            description="reset: end the session, and have a new password set by another way than this login."
        ),
    ]
    score: Annotated[float, Meta(ge=0, le=1)]
    reasons: tuple[Reason, ...]
    simulated: bool
    device: Annotated[
        str, Meta(description="After a good login: set it as a cookie, and send it with the next attempt.")
    ] = ""


class LateReset(Struct, frozen=True):
    """A login that was let in and turned out to be an attack's."""

    account: str
    login: Annotated[str, Meta(description="When it was let in (RFC 3339).")]
    found: Annotated[str, Meta(description="When that was seen (RFC 3339).")]
    score: Annotated[float, Meta(ge=0, le=1)]
    why: str
    simulated: Annotated[bool, Meta(description="The rule `reset` is not switched on.")]


class LateResets(Struct, frozen=True):
    """The next of them."""

    resets: Annotated[list[LateReset], Meta(max_length=_MOST_RESETS)]
    next: Annotated[str, Meta(description="To be sent as `since` next time.")]


_ENCODER: Final = msgspec.json.Encoder()
_OUTCOMES: Final = msgspec.json.Decoder(OutcomeBody)


async def assess_login(service: Service, body: bytes) -> bytes:
    """What to do about an attempt before its password is checked."""
    now_us = service.now_us()
    sent = decode_attempt(body)
    attempt = recognise(service, read_attempt(sent, now_us, service.settings.zone))
    if sent.credential_hash is not None:
        attempt = msgspec.structs.replace(attempt, leaked=is_leaked(service, sent.credential_hash))
    answer, context = await judge(service, attempt, "assess", sent.passed or "")
    told = AssessAnswer(
        service.ids.make(context, now_us),
        answer.action,  # type: ignore[arg-type]
        answer.score,
        answer.reasons,
        answer.simulated and answer.action != "allow",
        find_challenge(service, answer),
    )
    return _ENCODER.encode(told)


async def note_outcome(service: Service, body: bytes) -> bytes:
    """How an attempt ended; what to do if it was let in and looks like an attack's."""
    sent = decode_json(_OUTCOMES, body, "bad_outcome")
    now_us = service.now_us()
    context = service.ids.read(sent.id, now_us)
    answer = service.guard.settle(context, sent.outcome)
    if answer.action == "reset" and is_allowed(service, context.ip, context.account):
        answer = Answer("allow", answer.score, (explain(service, "allow_list"),), simulated=False)
    service.metrics.guard.count_outcome(sent.outcome, answer)
    if sent.outcome != "unknown":
        service.ends.note_told()
    device = ""
    is_good = answer.action != "reset" or answer.simulated
    if sent.outcome == "success" and context.account and is_good:
        device = service.cookies.issue(hash_account(service.account_keys[0], context.account), now_us)
    told = OutcomeAnswer(
        sent.id,
        "reset" if answer.action == "reset" else "allow",
        answer.score,
        answer.reasons,
        answer.simulated and answer.action == "reset",
        device,
    )
    return _ENCODER.encode(told)


EXCHANGES: Final[dict[str, Exchange]] = {
    "/v1/logins/assess": assess_login,
    "/v1/logins/outcome": note_outcome,
}


def _go_long_way(exchange: Exchange) -> Keyed:
    async def answer(request: Request, _key: ApiKey) -> Response:
        body = await read_body(request, _MAX_BYTES)
        return Response(await exchange(find_service(request), body), media_type=_JSON)

    return answer


async def tell_resets(request: Request, _key: ApiKey) -> Response:
    """Logins that have to be revoked although they were let in, found since the caller asked last."""
    service = find_service(request)
    given = request.query_params.get("since", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 18) and given:
        raise ProblemError(400, "bad_since", "since is the `next` of an earlier answer.")
    since = int(given or 0)
    found = await service.database.ask_soon(lambda c: list_resets(c, since, _MOST_RESETS))
    resets = [
        LateReset(
            r.account,
            format_time(r.login_us),
            format_time(r.found_us),
            r.score,
            r.why,
            r.simulated,
        )
        for _, r in found
    ]
    last = found[-1][0] if found else since
    return Response(_ENCODER.encode(LateResets(resets, str(last))), media_type=_JSON)


def find_challenge(service: Service, answer: Answer) -> str:
    """How to challenge; empty where nobody is challenged."""
    return service.guard.settings.challenge if answer.action == "challenge" else ""


LOGINS: Final = (
    Operation(
        "POST",
        "/v1/logins/assess",
        "assess_login",
        "What to do about a login before its password is checked.",
        _go_long_way(assess_login),
        {200: Content({_JSON: AssessAnswer})},
        scope="shop",
        body=Content({_JSON: AttemptBody}, "A row of `logins` without its outcome."),
        problems=(400, 401, 403, 413, 429),
    ),
    Operation(
        "POST",
        "/v1/logins/outcome",
        "note_outcome",
        "How a login ended.",
        _go_long_way(note_outcome),
        {200: Content({_JSON: OutcomeAnswer})},
        scope="shop",
        body=Content({_JSON: OutcomeBody}),
        problems=(400, 401, 403, 404, 413, 429),
    ),
    Operation(
        "GET",
        "/v1/resets",
        "list_resets",
        "Logins to be revoked that were let in before the attack was seen.",
        tell_resets,
        {200: Content({_JSON: LateResets})},
        scope="shop",
        parameters=(
            Parameter("since", "query", "The `next` of the answer before; left out: all kept.", _CURSOR),
        ),
        problems=(400, 401, 403, 429),
    ),
)
