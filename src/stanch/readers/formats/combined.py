"""Access logs of nginx and Apache: common and combined format, and what is often added to them.

References:
    nginx: https://nginx.org/en/docs/http/ngx_http_log_module.html (`combined`)
    Apache: https://httpd.apache.org/docs/2.4/logs.html#accesslog (common, combined, virtual hosts)

    203.0.113.7 - alice [10/Oct/2023:13:55:36 -0700] "POST /login HTTP/1.1" 401 123 "-" "Mozilla/5.0"
    shop.example:443 203.0.113.7 - - [10/Oct/2023:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "x" 0.01 "-"

Nearly all lines have one shape, in which quotation marks and the fixed width of the time stamp say
where everything lies; they are cut by arithmetic over whole columns. The others (escaped quotation
marks, odd blanks) go through one regular expression. Both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from stanch.readers.contract import Chunk, Parsed, Reject
from stanch.readers.shapes import STAMP, Places, Shapes, choose_requests, find_shapes, read_stamps
from stanch.readers.text import gather_words, make_strings
from stanch.readers.weblog import WebReader, choose_clients

#: One request in full, for lines that are not of the usual shape. The quoted parts may hold `\"`
#: (Apache) or `\x22` (nginx).
LINE: Final = (
    r"^(?P<peer>.*?)[ \t]+\[(?P<stamp>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\][ \t]+"
    r'"(?P<request>(?:[^"\\]|\\.)*)"[ \t]+(?P<status>\d{3}|-)[ \t]+(?:\d+|-)'
    r'(?:[ \t]+"(?:[^"\\]|\\.)*"[ \t]+"(?P<user_agent>(?:[^"\\]|\\.)*)"(?P<extra>.*))?'
)
#: One field behind the user agent, after `skipped` others.
EXTRA: Final = (
    r'^(?:[ \t]+(?:"(?:[^"\\]|\\.)*"|[^ \t"]+)){{{skipped}}}'
    r'[ \t]+(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^ \t"]+))'
)

_NOBODY: Final = int.from_bytes(b" - -", "little")
_BELOW: Final = np.uint64(0x0101010101010101 * ord("-"))
_HIGH: Final = np.uint64(0x8080808080808080)
#: The first bytes of a word, by their number.
_KEPT: Final = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype="<u8")


class CombinedReader(WebReader):
    """Common and combined access logs."""

    name = "combined"
    reference = "https://nginx.org/en/docs/http/ngx_http_log_module.html"

    def recognise(self, sample: Sequence[str]) -> float:
        """Share of the sample that the full expression reads."""
        lines = pl.Series([line for line in sample if line.strip()], dtype=pl.String)
        share = lines.str.contains(LINE).mean() if len(lines) else 0.0
        return float(share or 0.0)  # type: ignore[arg-type]

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Rows of `table`, with working columns for logins."""
        shape, others = find_shapes(chunk)
        usual = self._read_usual(table, chunk, shape)
        frames = [usual]
        rejects: list[Reject] = []
        if len(others):
            odd, rejects = self._read_others(table, chunk, others)
            frames.append(odd)
        frame = pl.concat([f for f in frames if f.height] or frames[:1], how="diagonal_relaxed")
        if len(others):
            frame = frame.sort("line")
        n_other = len(chunk.numbers) - len(rejects) - frame.height
        return Parsed(frame, rejects, n_other)

    def _read_usual(self, table: str, chunk: Chunk, shapes: Shapes) -> pl.DataFrame:
        asked, targets = choose_requests(chunk, shapes, self.rules.methods(table))
        columns: dict[str, Any] = {}
        if table == "logins":
            wanted, path_ends = self.rules.select_logins(targets, asked.status)
            rows = np.flatnonzero(wanted)
            columns["path"] = make_strings(chunk.data, targets.starts[rows], path_ends[rows])
            if (path_ends != targets.ends).any():
                columns["target"] = targets.take(rows).strings
        else:
            rows = np.flatnonzero(self.rules.select(table, targets.strings, asked.status).to_numpy())
            columns["target"] = targets.take(rows).strings
        part = asked if len(rows) == len(targets) else asked.take(rows)
        columns |= {
            "line": chunk.numbers[part.lines],
            "time": read_stamps(chunk.data, part.stamps),
            **_read_peers(chunk, part),
            "status": part.status,
            "user_agent": _read_agents(chunk, part),
        }
        if self.rules.settings.extra_fields:
            ends = chunk.ends[part.lines]
            behind = make_strings(chunk.data, np.where(part.agent_ends, part.agent_ends + 1, ends), ends)
            columns |= self._read_extra(behind, columns["ip"])
        return self.make_rows(table, pl.DataFrame(columns))

    def _read_others(self, table: str, chunk: Chunk, others: Places) -> tuple[pl.DataFrame, list[Reject]]:
        text = make_strings(chunk.data, chunk.starts[others], chunk.ends[others])
        parts = text.str.extract_groups(LINE).struct.unnest()
        read = parts["request"].is_not_null()
        rejects = [
            Reject(
                int(chunk.numbers[i]), "not a line of the combined or common format", chunk.text_at(i)[:500]
            )
            for i in others[~read.to_numpy()]
        ]
        parts = parts.with_columns(pl.Series("line", chunk.numbers[others])).filter(read)
        request = parts["request"].str.extract_groups(r"^(?P<method>\S+)\s+(?P<target>\S+)").struct.unnest()
        columns: dict[str, Any] = {
            "line": parts["line"],
            "time": parts["stamp"].str.to_datetime(STAMP, time_unit="us", strict=False),
            **split_peers(parts["peer"]),
            "target": request["target"],
            "status": parts["status"].cast(pl.Int16, strict=False).fill_null(0),
            "user_agent": parts["user_agent"].replace("-", None),
        }
        columns |= self._read_extra(parts["extra"], columns["ip"])
        requests = pl.DataFrame(columns).filter(request["method"].is_in(self.rules.methods(table)))
        wanted = self.rules.select(table, requests["target"], requests["status"].to_numpy())
        return self.make_rows(table, requests.filter(wanted)), rejects

    def _read_extra(self, extra: pl.Series, ip: pl.Series) -> dict[str, pl.Series]:
        """What the settings name among the fields behind the user agent."""
        settings = self.rules.settings
        found = {}
        for column, key in (
            ("account", settings.account_key),
            ("actor", settings.actor_key),
            ("session", settings.session_key),
            ("ip", settings.forwarded_key),
        ):
            if key and key in settings.extra_fields:
                skipped = settings.extra_fields.index(key)
                parts = extra.str.extract_groups(EXTRA.format(skipped=skipped)).struct.unnest()
                found[column] = parts["quoted"].fill_null(parts["bare"])
        if "ip" in found:
            found["ip"] = choose_clients(found["ip"], ip)
        return found


def _read_agents(chunk: Chunk, shapes: Shapes) -> pl.Series:
    """User agents; empty where there is none, which is written `-`."""
    starts, ends = shapes.agent_starts, shapes.agent_ends
    dash = np.frombuffer(chunk.data, np.uint8)[starts] == ord("-")
    return make_strings(chunk.data, starts, np.where(dash & (ends == starts + 1), starts, ends))


def _read_peers(chunk: Chunk, shapes: Shapes) -> dict[str, pl.Series]:
    """`ip`, and `user` if any is named, of usual lines; nearly always an address and ` - -`."""
    data, starts, ends = chunk.data, chunk.starts[shapes.lines], shapes.stamps - 2
    bare = gather_words(data, "<u4")[ends - 4] == _NOBODY
    if bare.all() and hold_one_word(data, starts, ends - 4):
        return {"ip": make_strings(data, starts, ends - 4)}
    return split_peers(make_strings(data, starts, ends))


def hold_one_word(data: bytearray, starts: Places, ends: Places) -> bool:
    """Whether no piece holds a blank, a comma or a quotation mark, which all are below `-`."""
    if not len(starts):
        return True
    eight = gather_words(data, "<u8")
    for at in range(0, int((ends - starts).max()), 8):
        words = eight[np.minimum(starts + at, ends)]
        n_bytes = np.clip(ends - starts - at, 0, 8)
        # Per byte (S. E. Anderson, Bit Twiddling Hacks, "hasless"): the high bit where it is below.
        below = (words - _BELOW) & ~words & _HIGH
        if (below & _KEPT[n_bytes]).any():
            return False
    return True


def split_peers(peers: pl.Series) -> dict[str, pl.Series]:
    """`ip` and `user` out of what stands before the time stamp.

    That is `[virtual host] address ident user`, where ident is nearly always `-` (RFC 1413 is no
    longer in use) and the user may hold blanks. In place of the address a proxy's list may stand.
    """
    parts = peers.str.extract_groups(r"^(?P<peer>.*?)[ \t]+-(?:[ \t]+(?P<user>.*))?$").struct.unnest()
    plain = peers.str.extract_groups(r"^(?P<peer>\S+)[ \t]+\S+[ \t]+(?P<user>\S+)$").struct.unnest()
    peer = parts["peer"].fill_null(plain["peer"]).fill_null(peers)
    listed = peer.str.contains_any([",", '"'])
    last = peer.str.extract(r"(\S+)$")
    if listed.any():
        last = choose_clients(peer.set(~listed, None), last)
    return {"ip": last, "user": parts["user"].fill_null(plain["user"])}
