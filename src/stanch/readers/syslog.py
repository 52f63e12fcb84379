"""Lines of syslog files: time stamp, host, program with its process id, message.

References:
    RFC 3164 section 4.1 (`Mar 27 13:06:56 host sshd[12]: message`), the default of rsyslog until 8
    and of journalctl (https://www.freedesktop.org/software/systemd/man/latest/journalctl.html);
    RFC 3339 stamps as rsyslog writes them now (`RSYSLOG_FileFormat`,
    https://www.rsyslog.com/doc/configuration/templates.html) and journalctl's short-iso;
    RFC 5424 section 6 (`<38>1 2023-11-14T00:20:42.738+01:00 host sshd 12 - - message`).
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

_OLD: Final = r"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<clock>\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?"
_ISO: Final = r"(?P<iso>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)"

#: `<38>` is a priority, kept by some relays.
LINE: Final = (
    rf"^(?:<\d{{1,3}}>)?(?:{_OLD}|{_ISO}) (?P<host>\S+) "
    r"(?P<program>[A-Za-z0-9_./()-]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$"
)
LINE_5424: Final = (
    rf"^<\d{{1,3}}>1 {_ISO} (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
    r'(?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?(?P<message>.*)$'
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


#: `Feb  9 21:20:08 host last message repeated 2 times`, as sysklogd and syslog-ng write it.
_BARE_REPEAT: Final = rf"^((?:<\d{{1,3}}>)?(?:{_OLD}|{_ISO}) \S+) (last message repeated \d+ times)\s*$"


def name_repeats(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines` with `last-message` as the program of lines that only say how often one was repeated."""
    if not lines["text"].str.contains(" last message repeated ", literal=True).any():
        return lines
    pattern = re.sub(r"\(\?P<\w+>", "(?:", _BARE_REPEAT)
    return lines.with_columns(pl.col("text").str.replace(pattern, "${1} last-message: ${2}"))


def split_syslog(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines` with `iso`, `month`, `day`, `second` (of the day), `host`, `program`, `pid`, `message`.

    `program` is null where a line is not syslog, or bears a time that does not exist.
    """
    parts = lines["text"].str.extract_groups(LINE).struct.unnest()
    if parts["program"].null_count():
        newer = lines["text"].str.extract_groups(LINE_5424).struct.unnest()
        parts = parts.with_columns(
            pl.coalesce(parts[name], newer[name]).alias(name)
            for name in ("iso", "host", "program", "pid", "message")
        )
    hour, minute, second = (pl.col("clock").str.slice(at, 2).cast(pl.Int64) for at in (0, 3, 6))
    month = pl.col("month").replace_strict(dict(zip(_MONTHS, range(1, 13), strict=True)), default=None)
    parts = parts.select(
        "iso",
        "host",
        "program",
        "pid",
        "message",
        month=month.cast(pl.Int64),
        day=pl.col("day").cast(pl.Int64),
        # A leap second (60) counts as the last ordinary one.
        second=hour * 3600 + minute * 60 + pl.min_horizontal(second, 59),
        possible=(hour < 24) & (minute < 60) & (second <= 60),
    )
    longest = pl.lit(pl.Series([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]))
    fits = pl.col("possible") & pl.col("day").is_between(1, longest.gather(pl.col("month").fill_null(0)))
    good = pl.col("iso").is_not_null() | fits.fill_null(value=False)
    program = pl.when(good).then(pl.col("program"))
    return pl.concat([lines, parts.with_columns(program=program).drop("possible")], how="horizontal")
