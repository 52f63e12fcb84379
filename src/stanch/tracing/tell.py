"""The answer in tables, codes and plain English. Accounts are named, never people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import polars as pl

from stanch.engine import Engine
from stanch.evidence.tables import FIELDS
from stanch.findings import Attribution, format_time
from stanch.tracing.case import Ints
from stanch.tracing.groups import name_group
from stanch.tracing.judge import LEAST_POSSIBLE, list_named
from stanch.tracing.leak import count_specific
from stanch.tracing.reasons import SENTENCES, Reason, write_expected, write_percent
from stanch.tracing.settle import find_standing_out

if TYPE_CHECKING:
    from stanch.tracing.trace import Traced

SOURCES: Final = {
    "source": pl.String,
    "posterior": pl.Float64,
    "exposed": pl.Int64,
    "victims": pl.Int64,
    "log10_bayes_factor": pl.Float64,
    "leak_start_us": pl.Int64,
    "leak_end_us": pl.Int64,
    "verdict": pl.String,
    "why_for": pl.String,
    "why_against": pl.String,
}
REASONS: Final = {
    "source": pl.String,
    "position": pl.Int64,
    "code": pl.String,
    "params": pl.String,
    "direction": pl.String,
}

_LN10: Final = float(np.log(10))
#: A hit that the fields cited speak against counts as none in what is told.
_PLAIN_HIT: Final = 0.05
#: What is kept open of each kind of source; of accounts, that they were taken over.
_HELD_OPEN: Final = {
    "partner": "access_taken_over",
    "service": "access_taken_over",
    "unit": "several_there",
}
_MOST_POSTERIORS: Final = 50
_EVERYTHING: Final = 0.8


def attribute(traced: Traced) -> Attribution:
    """The part of the findings that says who leaked."""
    case, found, verdicts = traced.ground.case, traced.found, traced.verdicts
    sources = case.exposures.sources
    named = list_named(case, verdicts)
    posterior = {"none": found.p_none, "unlogged": found.p_unlogged}
    posterior |= {name_group(sources, g): found.p_any(set(g)) for g in verdicts.groups}
    ranked = sorted(range(len(sources)), key=lambda j: (-found.posterior[j], sources[j]))
    posterior |= {sources[j]: float(found.posterior[j]) for j in ranked[:_MOST_POSTERIORS]}
    explained = 1 - np.prod(1 - verdicts.shares, axis=0) if len(verdicts.shares) else np.zeros(1)
    rate = max((max(verdicts.rate[j] for j in g) for g in verdicts.named), default=None)
    return Attribution(
        verdict=verdicts.verdict,
        sources=named,
        posterior={name: round(p, 6) for name, p in posterior.items()},
        complaints_explained=round(float(explained.sum())),
        why=[str(r) for r in give_reasons(traced)],
        cleared=[s for s, v in zip(sources, verdicts.of_source, strict=True) if v == "cleared"],
        not_examined=[],
        coverage=[],
        false_accusation_rate=rate,
    )


def put_tables(engine: Engine, traced: Traced) -> None:
    """Make `sources` and `source_reasons`."""
    case, found, verdicts = traced.ground.case, traced.found, traced.verdicts
    exposed = np.bincount(case.exposures.source, minlength=len(case.exposures.sources))
    rows: list[dict[str, Any]] = []
    reasons: list[tuple[str, list[Reason]]] = [("", give_reasons(traced))]
    plain = np.bincount(traced.hits.source[traced.hits.value > _PLAIN_HIT], minlength=len(exposed))
    for j, source in enumerate(case.exposures.sources):
        told = _give_source_reasons(traced, j, int(plain[j]))
        reasons.append((source, told))
        row = _row(source, float(found.posterior[j]), float(found.race.log_factor[j]), verdicts.of_source[j])
        rows.append(row | _tell_where(traced, j, int(exposed[j]), int(plain[j])) | _write_reasons(told))
    rows += [_row_of_group(traced, group, exposed, plain) for group in verdicts.groups]
    whole = {"exposed": 0, "victims": case.victims.n_all} | _write_reasons([])
    rows.append(_row("none", found.p_none, 0.0, "undetermined") | whole)
    rows.append(_row("unlogged", found.p_unlogged, traced.log_odds_leak, "undetermined") | whole)
    engine.put(
        "sources", pl.DataFrame(rows, schema=SOURCES).sort(["posterior", "source"], descending=[True, False])
    )
    flat = [
        (source, i, r.code, msgspec.json.encode(r.params, order="sorted").decode(), r.direction)
        for source, told in reasons
        for i, r in enumerate(told)
    ]
    engine.put("source_reasons", pl.DataFrame(flat, schema=REASONS, orient="row"))


def give_reasons(traced: Traced) -> list[Reason]:
    """Reasons for the answer as a whole."""
    case, found, verdicts = traced.ground.case, traced.found, traced.verdicts
    sources = case.exposures.sources
    n = case.victims.n_all
    told: list[Reason] = []
    for group, shares in zip(verdicts.named, verdicts.shares, strict=False):
        name = sources[group[0]] if len(group) == 1 else name_group(sources, group)
        told.append(Reason("named", {"source": name, "explained": round(float(shares.sum())), "n": n}))
        told += _give_source_reasons(traced, group[0], None)[:2]
        if len(group) > 1:
            told.append(Reason("alike", {"members": ", ".join(sources[j] for j in group)}, "against"))
    if verdicts.verdict == "unlogged":
        told.append(Reason("unlogged", {}))
    if verdicts.verdict == "undetermined" and found.race.tried:
        told.append(_tell_likeliest(traced))
    told += _tell_knowledge(traced)
    n_unlinked = n - len(case.victims)
    if n_unlinked:
        told.append(Reason("unlinked" if n_unlinked > 1 else "unlinked_one", {"n": n_unlinked}, "against"))
    return told


def _tell_knowledge(traced: Traced) -> list[Reason]:
    specific, of = count_specific(traced.ground.case.victims.fields)
    if not of:
        return []
    params = {"specific": specific, "n": of}
    if traced.log_odds_leak > 0:
        return [Reason("knowledge", params)]
    return [Reason("no_knowledge" if specific else "no_knowledge_at_all", params, "against")]


def _tell_likeliest(traced: Traced) -> Reason:
    top = find_standing_out(traced)
    if top is None:
        return Reason("undetermined_none", {}, "against")
    found, source = traced.found, traced.ground.case.exposures.sources[top]
    if found.posterior[top] >= 0.5 and traced.histories is not None:
        percent = write_percent(traced.verdicts.rate[top])
        return Reason("undetermined_rate", {"source": source, "percent": percent}, "against")
    percent = write_percent(float(found.posterior[top]))
    return Reason("undetermined", {"source": source, "percent": percent}, "against")


def _give_source_reasons(traced: Traced, j: int, n_plain: int | None) -> list[Reason]:
    """What speaks for and against one source, weightiest first. `n_plain`: its hits, None to count them."""
    case, verdicts = traced.ground.case, traced.verdicts
    own = (traced.hits.source == j) & (traced.hits.value > _PLAIN_HIT)
    hits = int(own.sum()) if n_plain is None else n_plain
    n = len(case.victims)
    expected = float(traced.ground.scale.mean[:, j].sum())
    verdict = verdicts.of_source[j]
    likely = verdict in ("named", "possible") or traced.found.posterior[j] >= 0.01
    told: list[Reason] = []
    if hits and likely:
        told.append(_tell_hits(traced, j, hits, expected))
    else:
        told.append(
            Reason("saw_few", {"hits": hits, "n": n, "expected": write_expected(expected)}, "against")
        )
    if j in verdicts.rate and traced.histories is not None and likely:
        told.append(_tell_rate(traced, j))
    if likely and hits < n:
        told.append(Reason("unseen", {"misses": n - hits, "n": n}, "against"))
    told += _tell_fields(traced, j) if likely else []
    if expected > _EVERYTHING * n:
        told.append(Reason("everything", {"percent": round(100 * expected / n)}, "against"))
    if verdict == "cleared":
        told.append(
            Reason(
                "bound",
                {"bound": write_expected(float(verdicts.bound[j])), "n": case.victims.n_all},
                "against",
            )
        )
    told += _tell_rivals(traced, j, hits) if hits and verdict != "named" else []
    kind = case.exposures.sources[j].partition(":")[0]
    if likely and kind not in ("campaign", "endpoint"):
        told.append(Reason(_HELD_OPEN.get(kind, "taken_over"), {}, "against"))
    return told


def _tell_hits(traced: Traced, j: int, hits: int, expected: float) -> Reason:
    start, end = _find_leak_window(traced, j)
    kind = traced.ground.case.exposures.sources[j].partition(":")[0]
    code = f"saw_{kind}" if f"saw_{kind}" in SENTENCES else "saw"
    params: dict[str, int | float | str] = {
        "hits": hits,
        "n": len(traced.ground.case.victims),
        "expected": write_expected(expected),
    }
    return Reason(code, params | {"first": format_time(start), "last": format_time(end)})


def _tell_rate(traced: Traced, j: int) -> Reason:
    rate = traced.verdicts.rate[j]
    percent = write_percent(rate)
    assert traced.histories is not None
    if rate <= 0.01:
        return Reason(
            "rare", {"n": len(traced.histories.none) + len(traced.histories.unlogged), "percent": percent}
        )
    return Reason("not_rare", {"percent": percent}, "against")


def _tell_fields(traced: Traced, j: int) -> list[Reason]:
    """Complaints whose caller cited a field that the source never shows."""
    exposures, cited = traced.ground.case.exposures, traced.ground.case.victims.fields
    shown = exposures.fields[exposures.rows_of(j)]
    if not len(shown) or (shown == 0).any():
        return []
    union = int(np.bitwise_or.reduce(shown))
    beyond = cited & ~union
    if not (beyond != 0).any():
        return []
    missing = int(np.bitwise_or.reduce(beyond))
    fields = ", ".join(f for i, f in enumerate(FIELDS) if missing >> i & 1)
    return [Reason("fields", {"n": int((beyond != 0).sum()), "fields": fields}, "against")]


def _tell_rivals(traced: Traced, j: int, hits: int) -> list[Reason]:
    """How many of its hits a named source saw as well."""
    named = {k for g in traced.verdicts.named for k in g} - {j}
    if not named:
        return []
    seen = traced.hits.value > _PLAIN_HIT
    own = set(traced.hits.victim[seen & (traced.hits.source == j)].tolist())
    theirs = set(traced.hits.victim[seen & np.isin(traced.hits.source, sorted(named))].tolist())
    if not own & theirs:
        return []
    others = ", ".join(traced.ground.case.exposures.sources[k] for k in sorted(named))
    return [Reason("explained", {"hits": len(own & theirs), "others": others}, "against")]


def _find_leak_window(traced: Traced, j: int) -> tuple[int | None, int | None]:
    """First and last exposure, within the likeliest window, of orders that were complained about."""
    case, scale, w = traced.ground.case, traced.ground.scale, int(traced.found.race.window[j])
    own = (traced.hits.source == j) & (traced.hits.value > _PLAIN_HIT)
    inside = own & scale.windows.holds(w, traced.hits.part)
    if not inside.any():
        return None, None
    victims = traced.hits.victim[inside]
    cited = case.victims.candidate[np.isin(case.victims.of_victim, victims)]
    rows = case.exposures.rows_of(j)
    rows = rows[np.isin(case.exposures.order[rows], cited)]
    times = case.exposures.first_us[rows[scale.windows.holds(w, scale.part[rows])]]
    return int(times.min()), int(times.max())


def _row(source: str, posterior: float, log_factor: float, verdict: str) -> dict[str, Any]:
    return {
        "source": source,
        "posterior": round(posterior, 9),
        "log10_bayes_factor": round(log_factor / _LN10, 4),
        "verdict": verdict,
        "leak_start_us": None,
        "leak_end_us": None,
    }


def _tell_where(traced: Traced, j: int, exposed: int, victims: int) -> dict[str, Any]:
    start, end = _find_leak_window(traced, j)
    return {"exposed": exposed, "victims": victims, "leak_start_us": start, "leak_end_us": end}


def _write_reasons(told: list[Reason]) -> dict[str, Any]:
    return {
        "why_for": "\n".join(str(r) for r in told if r.direction == "for"),
        "why_against": "\n".join(str(r) for r in told if r.direction == "against"),
    }


def _row_of_group(traced: Traced, group: list[int], exposed: Ints, plain: Ints) -> dict[str, Any]:
    found, sources = traced.found, traced.ground.case.exposures.sources
    told = _give_source_reasons(traced, group[0], None)[:2]
    told.append(Reason("alike", {"members": ", ".join(sources[j] for j in group)}, "against"))
    best = max(group, key=lambda j: (found.race.log_factor[j], -j))
    p = found.p_any(set(group))
    verdict = "undetermined" if p < LEAST_POSSIBLE else "possible"
    if group in traced.verdicts.named:
        verdict = "named"
    row = _row(name_group(sources, group), p, float(found.race.log_factor[best]), verdict)
    return row | _tell_where(traced, best, int(exposed[best]), int(plain[best])) | _write_reasons(told)
