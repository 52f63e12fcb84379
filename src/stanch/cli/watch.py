"""`stanch complaints watch`: are there more complaints than usual, and since when?"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import polars as pl
from cyclopts import Parameter

from stanch.cli.desk import count_orders, find_days, parse_renames, read_complaints
from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.complaints.early import EarlySettings, replay_complaints
from stanch.complaints.early.label import label_by_text
from stanch.complaints.early.send import Receivers, send_alarms
from stanch.complaints.early.tell import describe_replay, tell_replay
from stanch.complaints.labelled import LABELS
from stanch.complaints.victims import fold_duplicates
from stanch.errors import EvidenceError, UsageError
from stanch.settings import load_settings

#: Alarms older than this, seen from the last day of the record, are history and not sent.
_NEWS: Final = timedelta(days=2)


def watch_complaints(
    *files: Annotated[str, Parameter(help="Complaints: CSV, JSON Lines, Parquet or Excel.", metavar="FILE…")],
    false_alarms_per_year: Annotated[
        float | None, Parameter(help="False alarms a year that are put up with (default 1).", metavar="N")
    ] = None,
    read: Annotated[
        Path | None, Parameter(help="read.jsonl of `complaints read`, with its corrections.", metavar="FILE")
    ] = None,
    orders: Annotated[
        tuple[str, ...],
        Parameter(
            help="The shop's orders, by which a sale is told from a leak.",
            consume_multiple=True,
            negative=(),
            metavar="FILE…",
        ),
    ] = (),
    since: Annotated[
        str | None, Parameter(help="First day of the record, if no complaint came on it.", metavar="DATE")
    ] = None,
    until: Annotated[
        str | None, Parameter(help="Last day of the record, if no complaint came on it.", metavar="DATE")
    ] = None,
    webhook: Annotated[str, Parameter(help="Post new alarms there.", metavar="URL", show_default=False)] = "",
    mail_to: Annotated[
        str, Parameter(help="Mail new alarms there.", metavar="ADDRESS", show_default=False)
    ] = "",
    smtp: Annotated[
        str,
        Parameter(
            help="Mail server, smtp://user@host:port or smtps://…; password in STANCH_SMTP_PASSWORD.",
            metavar="URL",
            show_default=False,
        ),
    ] = "",
    sent: Annotated[
        Path | None, Parameter(help="File that remembers what was sent; needed to send.", metavar="FILE")
    ] = None,
    rejects: Annotated[
        Path | None, Parameter(help="Write rows that could not be read there.", metavar="FILE")
    ] = None,
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
    zone: Annotated[
        str, Parameter(help="Zone of days, and of times without an offset.", metavar="TZ")
    ] = "UTC",
    map: Annotated[
        tuple[str, ...],
        Parameter(
            help="Rename a column; may be repeated.", metavar="COLUMN=THEIRS", negative=(), show_default=False
        ),
    ] = (),
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    json: Annotated[bool, Parameter(help="Print JSON.", negative=(), show_default=False)] = False,
) -> int:
    """Replay complaints day by day: when were there more than usual, in all and by part?

    One victim who reports thrice counts once. Kind and script are read from the texts as they were known on
    the day; columns region, product, courier, kind and script are used where the files have them. Nothing is
    sent unless a receiver is named.

        stanch complaints watch complaints.csv --zone Asia/Shanghai

        stanch complaints watch complaints.csv --webhook https://chat.example/hook --sent sent.txt
    """
    to = Receivers(webhook, mail_to, smtp)
    if (webhook or mail_to) and sent is None:
        raise UsageError("sending needs --sent FILE", hint="it keeps an alarm from being sent twice")
    settings = load_settings(config).early
    if false_alarms_per_year is not None:
        settings = _set_rate(settings, false_alarms_per_year)
    reports = read_complaints(files, zone, parse_renames(map), rejects)
    reports = reports.with_columns(day=find_days("received_us", zone))
    with show_progress(quiet=False) as progress:
        labels = _load_read(read) if read else label_by_text(reports, lang, progress)
    victims = _find_victims(reports, _merge_labels(reports.select("complaint", *LABELS), labels))
    sold = count_orders(orders, zone) if orders else None
    first, last = _parse_day("--since", since), _parse_day("--until", until)
    replay = replay_complaints(victims, settings, first, last, sold)
    if replay is None:
        raise EvidenceError("no complaints to watch", file=files[0])
    if json:
        told = describe_replay(replay, settings.false_alarms_per_year, lang)
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    else:
        print("\n".join(tell_replay(replay, settings.false_alarms_per_year, lang)))  # noqa: T201
    if sent is not None:
        news = [alarm for alarm in (*replay.alarms, *replay.rules) if alarm.day > replay.last - _NEWS]
        n = send_alarms(news, to, sent, lang)
        say(f"{n} sent")
    return 0


def _set_rate(settings: EarlySettings, per_year: float) -> EarlySettings:
    if not 0 < per_year <= 365:
        raise UsageError(f"--false-alarms-per-year {per_year:g}: not above 0 and at most 365")
    return msgspec.structs.replace(settings, false_alarms_per_year=per_year)


def _find_victims(reports: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """One row per victim: `day` of the first report, `region`, and the first label of each sort."""
    victims, _ = fold_duplicates(reports, {})
    first = [pl.col(name).drop_nulls().first() for name in ("day", *LABELS)]
    return (
        victims.select("region", "reports")
        .with_row_index("victim")
        .explode("reports")
        .join(labels.unique("complaint", keep="first"), left_on="reports", right_on="complaint", how="left")
        .join(reports.group_by("complaint").agg(pl.col("day").min()), left_on="reports", right_on="complaint")
        .sort("victim", "day", maintain_order=True)
        .group_by("victim", maintain_order=True)
        .agg(pl.col("region").first(), *first)
    )


def _load_read(path: Path) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = msgspec.json.decode(line)
            script = row.get("script")
            rows.append(
                {
                    "complaint": str(row["complaint"]),
                    "kind": row.get("kind"),
                    "script": None if script is None else str(script),
                }
            )
        except (msgspec.DecodeError, KeyError, AttributeError) as error:
            raise EvidenceError("not a line of `complaints read`", file=str(path), line=number) from error
    return pl.DataFrame(rows, schema=dict.fromkeys(("complaint", "kind", "script"), pl.String))


def _merge_labels(labels: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """`labels` with kind and script of `read` where they have none."""
    merged = labels.join(
        read.unique("complaint", keep="first"),
        on="complaint",
        how="left",
        suffix="_read",
        maintain_order="left",
    )
    filled = [pl.coalesce(name, f"{name}_read").alias(name) for name in ("kind", "script")]
    return merged.with_columns(filled).select("complaint", *LABELS)


def _parse_day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: not a date", hint="such as 2015-04-27") from error
