"""The CrowdSec Local API, as far as bouncers use it: decisions about one address, and the stream of changes.

Field names, status codes and notation are CrowdSec's, not ours (https://docs.crowdsec.net/docs/next/local_api/bouncers).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.bouncers import Bouncer
from stanch.cases.decisions import KeptDecision, Network, read_network
from stanch.cases.keys import ApiKey
from stanch.errors import UsageError
from stanch.evidence.addresses import canonical_address
from stanch.service.bodies import read_body
from stanch.service.clients import find_network
from stanch.service.operations import Content, Operation, Parameter
from stanch.service.problems import ProblemError
from stanch.service.state import Service, find_service

#: Decisions written at a time, so that the event loop is held up for milliseconds only.
_SLICE: Final = 500
_JSON: Final = "application/json"
_DEFAULT_SCOPES: Final = "ip,range"
#: Reads a network as its first address, so it is given every address of one.
_ONE_BY_ONE: Final = "crowdsec-firewall-bouncer"
_SMALL_BITS: Final = 8
_METRICS_BYTES: Final = 1 << 20
_Filter = Callable[[KeptDecision], bool]


class BouncerDecision(Struct, frozen=True):
    """One decision as bouncers read it."""

    id: int
    origin: Annotated[str, Meta(description="Who decided: stanch or manual.")]
    type: Annotated[str, Meta(description="ban or captcha.")]
    scope: Annotated[str, Meta(description="Ip or Range.")]
    value: str
    duration: Annotated[str, Meta(description="Time left, whole seconds in Go's notation.")]
    scenario: Annotated[str, Meta(description="The rule that led to it.")]


class DecisionStream(Struct, frozen=True):
    """What changed since the same bouncer asked last."""

    new: list[BouncerDecision]
    deleted: list[BouncerDecision]


async def tell_decisions(request: Request, _key: ApiKey) -> Response:
    """Decisions about one address or network, or all."""
    service = find_service(request)
    service.decisions.expire(now_us := service.now_us())
    query = request.query_params
    found: Iterable[KeptDecision]
    if given := query.get("ip"):
        address = canonical_address(given)
        if address is None:
            raise ProblemError(400, "not_an_address", "ip is no IP address.")
        found = service.decisions.covering(address)
    elif given := query.get("range"):
        found = service.decisions.within(_read_range(given))
    else:
        found = service.decisions.published()
    value, kind = query.get("value"), query.get("type")
    is_wanted = _make_filter(request)

    def wanted(decision: KeptDecision) -> bool:
        fits = value in (None, decision.value) and (kind is None or kind.lower() == decision.kind)
        return fits and is_wanted(decision)

    body = await _write_list(list(found), wanted, now_us, _keep_whole, ended=False)
    # Exactly these four bytes for nothing: the Lua bouncer compares them.
    return Response(body if body != b"[]" else b"null", media_type=_JSON)


async def tell_stream(request: Request, key: ApiKey) -> Response:
    """What changed since the bouncer asked last; everything at its start."""
    service = find_service(request)
    service.decisions.expire(now_us := service.now_us())
    bouncer = _name_bouncer(request, key, service)
    is_start = request.query_params.get("startup", "").lower() in ("true", "1")
    changes = service.decisions.since(None if is_start else service.told.find(bouncer))
    told_us = service.decisions.clock_us
    wanted = _make_filter(request)
    split = _split_networks if bouncer.name.startswith(_ONE_BY_ONE) else _keep_whole
    new = await _write_list(changes.new, wanted, now_us, split, ended=False)
    ended = await _write_list(changes.ended, wanted, now_us, split, ended=True)
    service.told.note(bouncer, told_us)
    return Response(b'{"new":%b,"deleted":%b}' % (new, ended), media_type=_JSON)


async def only_check_key(_request: Request, _key: ApiKey) -> Response:
    """HEAD: the key is good."""
    return Response(b"", media_type=_JSON)


async def take_usage(request: Request, _key: ApiKey) -> Response:
    """Bouncers tell how they fare; nothing of it is kept."""
    await read_body(request, _METRICS_BYTES)
    return Response(b"", 201)


def refuse_bouncer() -> Response:
    """A missing or wrong key, in CrowdSec's words."""
    return Response(b'{"message":"access forbidden"}', 403, media_type=_JSON)


def write_duration(seconds: int) -> str:
    """Whole seconds in Go's notation (`time.Duration`): 3h59m30s."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


async def _write_list(
    decisions: list[KeptDecision],
    wanted: _Filter,
    now_us: int,
    split: Callable[[KeptDecision], Iterable[str]],
    *,
    ended: bool,
) -> bytes:
    """A JSON array of those wanted, written in slices between which others get their turn."""
    parts = []
    for begin in range(0, len(decisions), _SLICE):
        told = [
            shown
            for decision in decisions[begin : begin + _SLICE]
            if wanted(decision)
            for shown in _show(decision, now_us, split, ended=ended)
        ]
        if told:
            parts.append(msgspec.json.encode(told)[1:-1])
        await asyncio.sleep(0)
    return b"[%b]" % b",".join(parts)


def _show(
    decision: KeptDecision, now_us: int, split: Callable[[KeptDecision], Iterable[str]], *, ended: bool
) -> Iterator[BouncerDecision]:
    # What is left of the last second would be a ban without an end to some.
    left = "-1s" if ended else write_duration(max(1, (decision.end_us - now_us) // 1_000_000))
    for value in split(decision):
        scope = "Range" if "/" in value else "Ip"
        yield BouncerDecision(
            decision.id, decision.origin, decision.kind, scope, value, left, decision.scenario
        )


def _keep_whole(decision: KeptDecision) -> Iterable[str]:
    return (decision.value,)


def _split_networks(decision: KeptDecision) -> Iterable[str]:
    """Every address of a small IPv4 network; of larger ones, and of IPv6, the network."""
    if decision.scope == "ip":
        return (decision.value,)
    network = ipaddress.ip_network(decision.value)
    if network.version == 6 or network.max_prefixlen - network.prefixlen > _SMALL_BITS:
        return (decision.value,)
    return map(str, network)


def _make_filter(request: Request) -> _Filter:
    """What the bouncer asked for; parameters that are not known are ignored."""
    query = request.query_params
    scopes = _split(query.get("scopes") or query.get("scope") or _DEFAULT_SCOPES)
    origins = _split(query.get("origins", ""))
    containing = _split(query.get("scenarios_containing", ""))
    without = _split(query.get("scenarios_not_containing", ""))

    def is_wanted(decision: KeptDecision) -> bool:
        scenario = decision.scenario.lower()
        return (
            decision.scope in scopes
            and (not origins or decision.origin in origins)
            and (not containing or any(word in scenario for word in containing))
            and not any(word in scenario for word in without)
        )

    return is_wanted


def _split(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def _read_range(text: str) -> Network:
    try:
        return read_network(text)
    except UsageError:
        raise ProblemError(400, "not_a_network", "range is no network.") from None


def _name_bouncer(request: Request, key: ApiKey, service: Service) -> Bouncer:
    agent = request.headers.get("user-agent", "").partition("/")[0]
    name = "".join(character for character in agent if character.isprintable())[:100]
    return Bouncer(key.id, name, find_network(request, service.settings)[:64])


_FILTERS: Final = (
    Parameter("scopes", "query", "Scopes wanted, separated by commas; ip,range if not said."),
    Parameter("origins", "query", "Origins wanted, separated by commas."),
    Parameter("scenarios_containing", "query", "Only scenarios with one of these words."),
    Parameter("scenarios_not_containing", "query", "No scenario with one of these words."),
)
_FORBIDDEN: Final = Content(
    {_JSON: {"type": "object", "properties": {"message": {"type": "string"}}}}, "The key is missing or wrong."
)
_HEAD_ANSWERS: Final = {200: Content({}, "The key is good."), 403: Content({}, "It is not.")}


def _make(method: str, path: str, name: str, summary: str, **given: object) -> Operation:
    return Operation(method, path, name, summary, scope="bouncer", refuse=refuse_bouncer, **given)  # type: ignore[arg-type]


BOUNCERS: Final = (
    # Before GET, whose routes would take HEAD as well.
    _make("HEAD", "/v1/decisions", "check_bouncer", "Whether the key is good.",
          handler=only_check_key, answers=_HEAD_ANSWERS, problems=(429,)),
    _make("HEAD", "/v1/decisions/stream", "check_bouncer_of_stream", "Whether the key is good.",
          handler=only_check_key, answers=_HEAD_ANSWERS, problems=(429,)),
    _make(
        "GET", "/v1/decisions", "list_decisions",
        "Decisions in force, as CrowdSec's bouncers ask for them; null if there is none.",
        handler=tell_decisions,
        answers={200: Content({_JSON: list[BouncerDecision] | None}), 403: _FORBIDDEN},
        parameters=(
            Parameter("ip", "query", "An address; networks that hold it are found too."),
            Parameter("range", "query", "A network; its parts and those that hold it are found."),
            Parameter("value", "query", "A value exactly as it was decided about."),
            Parameter("type", "query", "ban or captcha."),
            *_FILTERS,
        ),
        problems=(400, 429),
    ),
    _make(
        "GET", "/v1/decisions/stream", "stream_decisions",
        "What changed since the same bouncer asked last; everything with startup=true.",
        handler=tell_stream,
        answers={200: Content({_JSON: DecisionStream}), 403: _FORBIDDEN},
        parameters=(Parameter("startup", "query", "true: everything, for a bouncer that starts."), *_FILTERS),
        problems=(429,),
    ),
    _make(
        "POST", "/v1/usage-metrics", "take_usage_metrics", "Accepted from bouncers, and not kept.",
        handler=take_usage, body=Content({_JSON: {"type": "object"}}, "Whatever the bouncer sends."),
        answers={201: Content({}, "Taken."), 403: _FORBIDDEN}, problems=(413, 429),
    ),
)  # fmt: skip
