"""Logins at OpenSSH in `auth.log`, `secure` or what journalctl prints.

References:
    message texts: OpenSSH, auth.c `auth_log`, sshd's packet.c and auth2.c
    (https://github.com/openssh/openssh-portable); PAM: pam_unix(8);
    `message repeated N times`: rsyslog, https://www.rsyslog.com/doc/configuration/action/index.html

What counts as an attempt, per connection (host and process id):

* every `Accepted`: success; every `Failed`: failure, or unknown account if sshd says `invalid
  user`. Keys that an agent offered before one was accepted are no attempts, and the method
  `none`, with which clients ask what else there is, is none either;
* without those, every failure that PAM tells of;
* without those, one failure if the client named an account and then left or was cut off
  (`Invalid user …`, `Connection closed by authenticating user … [preauth]`): servers that take
  keys only write no more about a guessed password. `not allowed because …` alone: denied.

Connections that named no account are something else (scanners). `message repeated N times` counts
N times, all with the number of that line; so does `last message repeated N times`, as sysklogd writes
it without a program, for the line of that host before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from stanch.readers.contract import NO_ROWS, Chunk, Parsed, ReadContext, Reject
from stanch.readers.syslog import LINE, LINE_5424, name_repeats, split_syslog
from stanch.readers.years import Stamps, YearCount, unwrap_years

PROGRAMS: Final = ("sshd", "sshd-session", "sshd-auth", "internal-sftp")
#: Names that attackers choose stand in these lines, blanks and ` from ` included, so what follows
#: the name is matched from the end of the line.
_PEER: Final = r"(?P<ip>\S+)(?: port (?P<port>\d+))?"
MESSAGES: Final = {
    "result": r"^(?P<word>Accepted|Failed) (?P<method>\S+) for (?P<invalid>invalid user )?(?P<account>.*)"
    rf" from {_PEER}(?: ssh\d?)?(?:: .*)?$",
    "invalid": rf"^(?P<invalid>Invalid user )(?P<account>.*) from {_PEER}$",
    "refused": rf"^User (?P<account>.*) from {_PEER} not allowed because .*$",
    "left": r"^(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting|Disconnecting:)"
    r" (?:authenticating|(?P<invalid>invalid)) user (?P<account>.*) (?P<ip>\S+) port \d+(?:: .*)?$",
    "many": r"^error: maximum authentication attempts exceeded for (?P<invalid>invalid user )?"
    rf"(?P<account>.*) from {_PEER}(?: ssh\d?)?$",
    "pam": r"^(?P<module>pam_\w+)\(sshd:auth\): authentication failure;.* rhost=(?P<ip>\S*)"
    r"(?: +user=(?P<account>.*))?$",
    "more": r"^PAM (?P<n>\d+) more authentication failures?;.* rhost=(?P<ip>\S*)(?: +user=(?P<account>.*))?$",
    "nameless": r"^(?:Received disconnect from|Connection (?:closed|reset) by|Disconnected from)"
    r" (?P<ip>[0-9A-Fa-f.:]+)(?: port \d+)?(?:$|:.*$| .*$)",
}
_AGAIN: Final = r"^last message repeated (\d+) times$"
_REPEATED: Final = r"^message repeated (?P<n>\d+) times: \[ ?(?P<message>.*)\]$"
#: One line cannot stand for more: a made-up count must not fill the memory.
_MAX_REPEATED: Final = 10_000
#: Two logins of one process id so far apart are two connections: sshd gives 120 s to log in
#: (LoginGraceTime, sshd_config(5)), and ids are used again.
_CONNECTION_GAP_S: Final = 900

_STRONG, _PAM, _WEAK, _NAMELESS = 3, 2, 1, 0


@dataclass(frozen=True, slots=True)
class _ParsedSyslog(Parsed):
    """With the time stamps of all lines, which tell the year."""

    stamps: Stamps | None = None
    #: Host -> number of its last line that repeats no other.
    last_lines: dict[str, int] = field(default_factory=dict)


class SshdReader:
    """Logins at OpenSSH."""

    name = "sshd"
    reference = "https://github.com/openssh/openssh-portable/blob/master/auth.c"
    tables = frozenset({"logins"})

    def __init__(self, context: ReadContext) -> None:
        self._reference = context.reference
        self._years = YearCount()
        self._held: list[pl.DataFrame] = []
        self._last_lines: dict[str, int] = {}

    def recognise(self, sample: Sequence[str]) -> float:
        """Share of the sample that is syslog; other programs write into the same file."""
        lines = pl.Series([line for line in sample if line.strip()], dtype=pl.String)
        if not len(lines):
            return 0.0
        return float((lines.str.contains(LINE) | lines.str.contains(LINE_5424)).sum()) / len(lines)

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Lines about logins, with the working columns that tell attempts from their echoes."""
        parts = split_syslog(name_repeats(chunk.lines))
        unread = parts.filter(pl.col("program").is_null())
        parts = parts.filter(pl.col("program").is_not_null())
        yearless = parts.filter(pl.col("iso").is_null())
        stamps = unwrap_years(yearless["month"], yearless["day"], yearless["second"])
        parts = parts.join(
            yearless.select("line", pl.Series("year", stamps.years)),
            on="line",
            how="left",
            maintain_order="left",
        )
        program = pl.col("program").str.extract(r"([^/]+)$")
        events, cut_off = _read_messages(parts.filter(program.is_in(PROGRAMS)))
        again = _find_repeats(parts)
        if again.height:
            events = pl.concat([events, again], how="diagonal").sort("line")
        usual = parts.filter(~pl.col("message").str.contains(_AGAIN))
        last_lines = dict(usual.group_by("host").agg(pl.col("line").max()).iter_rows())
        rejects = [
            *(Reject(line, "not a line of syslog", text[:500]) for line, text in _list_lines(unread)),
            *(Reject(line, "the message is cut off", text[:500]) for line, text in _list_lines(cut_off)),
        ]
        n_other = len(chunk.numbers) - len(rejects) - events.height
        rejects.sort(key=lambda r: r.line)
        return _ParsedSyslog(events, rejects, n_other, stamps=stamps, last_lines=last_lines)

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Hold everything back: the year is known at the end only, and so is what a line means."""
        assert isinstance(parsed, _ParsedSyslog)
        first = self._years.add(parsed.stamps) if parsed.stamps is not None else 0
        before = pl.col("host").replace_strict(self._last_lines, default=None, return_dtype=pl.Int64)
        frame = parsed.frame.with_columns(pl.col("year") + first)
        if "repeats" in frame.columns:
            frame = frame.with_columns(repeats=pl.coalesce("repeats", before))
        self._held.append(frame)
        self._last_lines |= parsed.last_lines
        return replace(parsed, frame=NO_ROWS, stamps=None)

    def finish(self, table: str) -> Parsed:
        """The attempts of the whole file."""
        held = [frame for frame in self._held if frame.height]
        self._held.clear()
        if not held:
            return Parsed(NO_ROWS)
        found = pl.concat(held, how="diagonal")
        events = _repeat_events(found)
        if not events.height:
            return Parsed(NO_ROWS, n_other=found.height)
        events, notes, rejects = _date_events(events, self._years, self._reference)
        chosen = choose_attempts(events)
        attempts = chosen.filter(pl.col("weight") > _NAMELESS).drop("weight")
        n_nameless = chosen.height - attempts.height
        if n_nameless:
            notes |= {
                f"{n_nameless:,} connections to sshd ended before login and named no account; they are not"
                " counted as attempts (with keys only, sshd does not log guesses at existing accounts)."
            }
        n_other = found.height - attempts.height
        counts = attempts["n"].to_numpy()
        rows = attempts.drop("n").select(pl.all().gather(np.repeat(np.arange(len(counts)), counts)))
        return Parsed(rows, rejects, n_other, notes)


def _list_lines(frame: pl.DataFrame) -> list[tuple[int, str]]:
    return list(frame.select("line", "text").iter_rows())


def _read_messages(lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events (one row per line about a login), and lines of which the end is missing."""
    repeated = pl.col("message").str.extract_groups(_REPEATED)
    message = pl.coalesce(repeated.struct.field("message"), pl.col("message"))
    lines = lines.with_columns(
        preauth=message.str.contains(r" \[preauth\]\s*$"),
        message=message.str.replace(r" \[preauth\]\s*$", "").str.strip_chars_end(),
        times=repeated.struct.field("n").cast(pl.Int64, strict=False).fill_null(1),
    )
    events = []
    for kind, pattern in MESSAGES.items():
        found = lines.with_columns(pl.col("message").str.extract_groups(pattern).alias("found"))
        found = found.filter(pl.col("found").struct.field("ip").is_not_null())
        if kind == "nameless":  # after a login the same words only say that it ended
            found = found.filter("preauth")
        events.append(_shape_events(kind, found))
    frame = pl.concat(events, how="diagonal").sort("line")
    begun = lines.filter(pl.col("message").str.contains(r"^(?:Accepted|Failed) \S+(?: for|$)|^Invalid user"))
    return frame, begun.join(frame.select("line"), on="line", how="anti")


def _find_repeats(parts: pl.DataFrame) -> pl.DataFrame:
    """One row of kind `again` per line that repeats another, with that one's number if it is known."""
    program = pl.col("program").str.extract(r"([^/]+)$")
    again = pl.col("message").str.contains(_AGAIN)
    usual_line = pl.when(~again).then(pl.col("line"))
    return (
        parts.select(
            *("line", "iso", "year", "month", "day", "second", "host"),
            kind=pl.lit("again"),
            n=pl.col("message").str.extract(_AGAIN).cast(pl.Int64, strict=False).clip(1, _MAX_REPEATED),
            repeats=usual_line.shift(1).forward_fill().over("host"),
            again=again & program.is_in([*PROGRAMS, "last-message"]),
        )
        .filter(pl.col("again") & pl.col("n").is_not_null())
        .drop("again")
    )


def _repeat_events(events: pl.DataFrame) -> pl.DataFrame:
    """`events` with every `again` as a copy of the event it repeats; those of other lines are left out."""
    if "repeats" not in events.columns:
        return events
    own = ("line", "iso", "year", "month", "day", "second", "n")
    originals = events.filter(pl.col("kind") != "again").drop("repeats")
    copies = events.filter(pl.col("kind") == "again").select(*own, "repeats")
    copies = copies.join(originals.drop(set(own) - {"line"}), left_on="repeats", right_on="line", how="inner")
    return pl.concat([originals, copies.select(originals.columns)]).sort("line")


def _shape_events(kind: str, found: pl.DataFrame) -> pl.DataFrame:
    """Rows of one kind in common columns."""
    groups = found["found"].struct.unnest()

    def group(name: str) -> pl.Series:
        return (
            groups[name]
            if name in groups.columns
            else pl.Series(name, [None], pl.String).new_from_index(0, groups.height)
        )

    method = group("method").str.replace(r"/.*$", "")
    weight = {"result": _STRONG, "pam": _PAM, "more": _PAM, "nameless": _NAMELESS}.get(kind, _WEAK)
    return found.select(
        *("line", "iso", "year", "month", "day", "second", "host", "pid"),
        pl.lit(kind).alias("kind"),
        group("word").alias("word"),
        method.alias("method"),
        group("invalid").is_not_null().alias("invalid"),
        group("account").alias("account"),
        group("ip").alias("ip"),
        group("module").alias("module"),
        pl.when((method == "none").fill_null(value=False)).then(_WEAK).otherwise(weight).alias("weight"),
        (pl.col("times") * group("n").cast(pl.Int64, strict=False).fill_null(1))
        .clip(1, _MAX_REPEATED)
        .alias("n"),
    )


def _date_events(
    events: pl.DataFrame, years: YearCount, reference: datetime | None
) -> tuple[pl.DataFrame, frozenset[str], list[Reject]]:
    """`events` with `time`: UTC where the stamp has an offset, else the log's local time, as text."""
    yearless = events["iso"].is_null()
    if not yearless.any():
        return events.with_columns(time=pl.col("iso").str.replace(",", ".", literal=True)), frozenset(), []
    base = years.find_base(reference) if reference is not None else None
    if base is None:
        reason = "the time has no year, and none fits the others and the file's date"
        rejects = [Reject(line, reason) for line in events.filter(yearless)["line"]]
        return events.filter(~yearless).with_columns(time=pl.col("iso")), frozenset(), rejects
    clock = pl.format(
        "{}-{}-{} {}:{}:{}",
        pl.col("year") + base,
        *(
            part.cast(pl.String).str.zfill(2)
            for part in (
                pl.col("month"),
                pl.col("day"),
                pl.col("second") // 3600,
                pl.col("second") // 60 % 60,
                pl.col("second") % 60,
            )
        ),
    )
    top = base + years.latest[0]
    span = f"{base}" if top == base else f"{base} to {top}"
    note = f"The time stamps have no year; {span} was taken, so that none is after the file's date."
    time = pl.coalesce(pl.col("iso").str.replace(",", ".", literal=True), clock)
    return events.with_columns(time=time), frozenset({note}), []


def choose_attempts(events: pl.DataFrame) -> pl.DataFrame:
    """The rows out of `events` that are attempts, as login rows with the working column `n`."""
    when = pl.coalesce(
        pl.col("iso")
        .str.slice(0, 19)
        .str.replace("T", " ")
        .str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
        .dt.epoch("s"),
        ((pl.col("year") * 12 + pl.col("month")) * 31 + pl.col("day")) * 86_400 + pl.col("second"),
    )
    process = ["host", "pid"]
    kept_raw = [name for name in ("raw",) if name in events.columns]
    events = events.with_columns(when=when).sort("line")
    gap = (pl.col("when") - pl.col("when").shift(1)).over(process).abs() > _CONNECTION_GAP_S
    alone = pl.when(pl.col("pid").is_null()).then(pl.col("line")).otherwise(0)
    events = events.with_columns(
        connection=pl.struct(
            *process, alone, gap.fill_null(value=False).cast(pl.Int64).cum_sum().over(process)
        )
    )
    over = "connection"
    accepted = (pl.col("word") == "Accepted").fill_null(value=False).any().over(over)
    offered = (pl.col("method") == "publickey") & (pl.col("word") == "Failed") & accepted
    events = events.with_columns(strongest=pl.col("weight").max().over(over))
    strongest = pl.col("strongest")
    first_module = pl.col("module").drop_nulls().first().over(over)
    echo = pl.col("module").is_not_null() & (pl.col("module") != first_module)
    # Of hints without a result, the last says most (who left), and one attempt is all that is known.
    last = pl.col("line").filter(pl.col("weight") == strongest).max().over(over)
    superseded = (strongest <= _WEAK) & (pl.col("line") != last)
    kept = (pl.col("weight") == strongest) & ~offered.fill_null(value=False) & ~echo & ~superseded
    refused = (pl.col("kind") == "refused").any().over(over)
    invalid = (pl.col("invalid").any().over(over)) & ~refused
    outcome = (
        pl.when(pl.col("word") == "Accepted")
        .then(pl.lit("success"))
        .when(invalid)
        .then(pl.lit("unknown_account"))
        .when(refused & (strongest == _WEAK))
        .then(pl.lit("denied"))
        .otherwise(pl.lit("failure"))
    )
    account = pl.coalesce(pl.col("account"), pl.col("account").drop_nulls().first().over(over))
    address = pl.coalesce(
        pl.when(pl.col("ip") != "").then(pl.col("ip")),
        pl.col("ip").filter(pl.col("ip") != "").first().over(over),
    )
    return (
        events.with_columns(
            outcome=outcome,
            account=account,
            ip=address,
            session=pl.concat_str([pl.col("host"), pl.lit(" "), pl.col("pid")]),
            path=pl.lit("sshd"),
            kept=kept,
        )
        .filter("kept")
        .select("line", "time", "ip", "account", "outcome", "session", "path", "n", "weight", *kept_raw)
    )
