"""The early warning over the complaints that came in: more than usual, or a rule of thumb met."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec
import polars as pl

from stanch.cases.segments import unpack_lines
from stanch.complaints.early import Alarm, EarlySettings, replay_complaints
from stanch.complaints.victims import VICTIMS, fold_duplicates

#: Alarms of these last days, as the record has them, are news.
_NEWS: Final = timedelta(days=7)
_TEXTS: Final = ("complaint", "order", "account", "phone", "known_fields", "region", "currency")


def find_alarms(frames: Iterable[bytes], settings: EarlySettings, zone: str) -> tuple[Alarm, ...]:
    """Alarms of the last days of the record; `frames` are zstd frames of stored complaints."""
    reports = pl.DataFrame(
        [row for frame in frames for row in _read(frame)],
        schema={**VICTIMS, "currency": pl.String, "loss": pl.Float64, "received": pl.String},
    ).with_columns(received_us=_read_moment(pl.col("received")))
    victims, _ = fold_duplicates(reports, {})
    moment = pl.from_epoch("received_us", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    replay = replay_complaints(victims.select("complaint", "region", day=moment.dt.date()), settings)
    if replay is None:
        return ()
    found = [alarm for alarm in (*replay.alarms, *replay.rules) if alarm.day > replay.last - _NEWS]
    return tuple(sorted(found, key=lambda alarm: alarm.day, reverse=True))


def _read(frame: bytes) -> Iterable[dict[str, Any]]:
    for line in unpack_lines(frame).splitlines():
        row = msgspec.json.decode(line)
        loss = row.get("loss")
        yield {
            **{name: row.get(name) for name in _TEXTS},
            "received": row["received"],
            "loss": None if loss is None else float(loss),
        }


def _read_moment(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us").dt.epoch("us")
