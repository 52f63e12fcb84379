"""Alarms in words, and as JSON."""

from __future__ import annotations

from typing import Any, Final

from stanch.complaints.early.level import Alarm
from stanch.complaints.early.replay import Replay
from stanch.complaints.summary import name_kind
from stanch.complaints.wording import Lang, load_wording

PACKAGE: Final = "stanch.complaints.early"
#: New scripts that are named; the others are counted.
_LATEST: Final = 5


def tell_alarm(alarm: Alarm, lang: Lang) -> str:
    """One plain sentence."""
    texts = load_wording(PACKAGE, lang)
    value = name_kind(alarm.value, lang) if alarm.by == "kind" else alarm.value
    series = texts[f"series.{alarm.by}"].format(value=value)
    return texts[f"alarm.{alarm.kind}"].format(
        day=alarm.day.isoformat(),
        since=alarm.since.isoformat(),
        count=alarm.count,
        usual=f"{alarm.usual:g}",
        series=series,
        value=alarm.value,
    )


def tell_replay(replay: Replay, per_year: float, lang: Lang) -> list[str]:
    """The whole replay, a line each; of rules of thumb how often and when, and the latest new scripts."""
    texts = load_wording(PACKAGE, lang)
    shown = {"first": replay.first.isoformat(), "last": replay.last.isoformat()}
    lines = [texts["replay.head"].format(n=f"{replay.n_victims:,}", **shown)]
    lines += [tell_alarm(alarm, lang) for alarm in replay.alarms] or [texts["replay.none"]]
    lines.append(texts["replay.rate"].format(rate=f"{per_year:g}"))
    for kind in dict.fromkeys(alarm.kind for alarm in replay.rules):
        days = [alarm.day.isoformat() for alarm in replay.rules if alarm.kind == kind]
        most = next(f"{alarm.usual:g}" for alarm in replay.rules if alarm.kind == kind)
        lines.append(texts[f"replay.{kind}"].format(n=len(days), first=days[0], last=days[-1], most=most))
    new = [alarm for alarm in replay.rules if alarm.kind == "new_script"]
    lines += [tell_alarm(alarm, lang) for alarm in new[-_LATEST:]]
    return lines if replay.rules else [*lines, texts["replay.no_rule"]]


def describe_alarm(alarm: Alarm, lang: Lang) -> dict[str, Any]:
    """One alarm as JSON has it; it holds counts only, nothing of any one complaint."""
    return {
        "id": name_alarm(alarm),
        "day": alarm.day.isoformat(),
        "kind": alarm.kind,
        "by": alarm.by,
        "value": alarm.value,
        "since": alarm.since.isoformat(),
        "count": alarm.count,
        "usual": alarm.usual,
        "text": tell_alarm(alarm, lang),
    }


def describe_replay(replay: Replay, per_year: float, lang: Lang) -> dict[str, Any]:
    """The whole replay as JSON has it."""
    return {
        "first": replay.first.isoformat(),
        "last": replay.last.isoformat(),
        "victims": replay.n_victims,
        "by": list(replay.by),
        "false_alarms_per_year": per_year,
        "alarms": [describe_alarm(alarm, lang) for alarm in replay.alarms],
        "rules": [describe_alarm(alarm, lang) for alarm in replay.rules],
        "days": [{"day": day.isoformat(), "count": n, "usual": usual} for day, n, usual in replay.days],
    }


def name_alarm(alarm: Alarm) -> str:
    """What tells one alarm from others, the same in every replay of the same history."""
    return f"{alarm.day.isoformat()} {alarm.kind} {alarm.by} {alarm.value}".strip()
