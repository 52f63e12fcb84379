"""Web access logs with one JSON object a line: nginx's `escape=json`, and servers that write such.

References:
    https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format (escape=json)
    https://doc.traefik.io/traefik/observe/logs-and-access-logs/ (JSON fields)
    https://caddyserver.com/docs/caddyfile/directives/log (JSON by default)

nginx leaves the names to its user; these are the ones in use, mostly its variables' own. Others can
be renamed in the settings where it matters: `account_key`, `actor_key`, `session_key`,
`forwarded_key`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from stanch.readers.contract import Chunk, Parsed, ReadContext, Reject
from stanch.readers.jsonlog import Record, as_text, decode_record, look
from stanch.readers.shapes import STAMP
from stanch.readers.weblog import WebReader, choose_client

#: Column -> keys that may hold it, the more exact first.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": (
        *("time_iso8601", "msec", "@timestamp", "timestamp", "time_local", "time", "datetime"),
        *("StartUTC", "StartLocal", "ts", "date"),
    ),
    "ip": (
        *("remote_addr", "client_ip", "clientip", "remote_ip", "ClientHost", "request.client_ip"),
        *("request.remote_ip", "source_ip", "client", "ip"),
    ),
    "status": ("status", "response", "status_code", "DownstreamStatus", "OriginStatus", "code"),
    "user": ("remote_user", "ClientUsername", "user_id", "user"),
    "user_agent": (
        *("http_user_agent", "user_agent", "agent", "useragent", "request_User-Agent"),
        *("http_useragent", "request.headers.User-Agent"),
    ),
}
METHOD: Final = ("request_method", "method", "RequestMethod", "request.method", "verb")
TARGET: Final = ("request_uri", "uri", "RequestPath", "request.uri", "url", "path")
#: The request line in one: `POST /login HTTP/1.1`.
REQUEST: Final = ("request", "request_line")
_SHOWN_CHARACTERS: Final = 500


class NginxJsonReader(WebReader):
    """Access logs in JSON."""

    name = "nginx-json"
    reference = "https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format"

    def __init__(self, context: ReadContext) -> None:
        super().__init__(context)
        settings = self.rules.settings
        named = (
            ("account", settings.account_key),
            ("actor", settings.actor_key),
            ("session", settings.session_key),
        )
        self._keys = dict(KEYS) | {column: (key,) for column, key in named if key}
        self._schema = {"line": pl.Int64, "method": pl.String, "target": pl.String} | dict.fromkeys(
            self._keys, pl.String
        )

    def recognise(self, sample: Sequence[str]) -> float:
        """Share of the sample that holds a request with address, time and status."""
        lines = [line for line in sample if line.strip()]
        records = [decode_record(line) for line in lines]
        return sum(record is not None and self._find_gap(record) is None for record in records) / max(
            len(lines), 1
        )

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Rows of `table`, with working columns for logins."""
        rows: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        methods = self.rules.methods(table)
        for index, number in enumerate(chunk.numbers.tolist()):
            text = chunk.text_at(index)
            record = decode_record(text) if text.lstrip()[:1] == "{" else None
            gap = "not a JSON object" if record is None else self._find_gap(record)
            if record is None or gap is not None:
                rejects.append(Reject(number, gap or "", text[:_SHOWN_CHARACTERS]))
                continue
            method, target = _find_request(record)
            if method in methods:
                rows.append({"line": number, "method": method, "target": target} | self._read(record))
        requests = pl.DataFrame(rows, schema=self._schema).with_columns(
            pl.col("status").str.to_integer(strict=False).clip(0, 999).fill_null(0).cast(pl.Int16),
            time=_read_times(),
        )
        wanted = self.rules.select(table, requests["target"], requests["status"].to_numpy())
        frame = self.make_rows(table, requests.filter(wanted))
        return Parsed(frame, rejects, len(chunk.numbers) - len(rejects) - frame.height)

    def _read(self, record: Record) -> dict[str, Any]:
        row = {column: as_text(look(record, *keys)) for column, keys in self._keys.items()}
        forwarded = self.rules.settings.forwarded_key
        if forwarded and (listed := as_text(look(record, forwarded))):
            row["ip"] = choose_client(listed) or row["ip"]
        return row

    def _find_gap(self, record: Record) -> str | None:
        """What a record lacks to be a request, None if nothing."""
        for column in ("time", "ip", "status"):
            if look(record, *KEYS[column]) is None:
                return f"no {column} under any of the usual keys ({', '.join(KEYS[column][:3])}, …)"
        return None if _find_request(record)[1] is not None else "no request under any of the usual keys"


def _find_request(record: Record) -> tuple[str | None, str | None]:
    """Method and target (path with query)."""
    method, target = as_text(look(record, *METHOD)), as_text(look(record, *TARGET))
    whole = as_text(look(record, *REQUEST))
    if whole is not None and (method is None or target is None):
        words = whole.split(None, 2)
        return (words[0], words[1]) if len(words) > 1 else (None, whole)
    return method, target


def _read_times() -> pl.Expr:
    """`17/May/2015:08:05:32 +0000` (nginx's time_local) as RFC 3339, other times as they stand."""
    local = pl.col("time").str.to_datetime(STAMP, time_unit="us", strict=False)
    return pl.coalesce(local.dt.strftime("%Y-%m-%dT%H:%M:%S%.f%:z"), pl.col("time"))
