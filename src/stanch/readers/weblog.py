"""From the requests of a web server to logins and looks at orders, by rules.

A format of web logs hands over requests as a frame of working columns, of which `line`, `time`,
`ip`, `target` (path with query) and `status` (Int16) must be there, and `user` (signed in at the
server), `user_agent`, `account`, `actor`, `session` may be. The rules say which of them are logins
or looks at orders. Queries are never kept: they may hold passwords.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Struct

from stanch.evidence.rejects import redact_secrets
from stanch.readers.contract import NO_ROWS, Parsed, ReadContext
from stanch.readers.settings import WebLogSettings
from stanch.readers.text import Pieces, Positions, make_strings_of, own_memory

#: What a status says about a login before the log as a whole was looked at.
UNKNOWN, SUCCESS, FAILURE, DENIED, ABSENT, PLAIN, REDIRECT = range(7)
_SHOWN_CHARACTERS: Final = 80
#: How many values are looked for, and among how many it is worth it.
_FREQUENT: Final = 8
_FEW: Final = 1_000
_WORDS: Final = ("unknown", "success", "failure", "denied")
#: RFC 1918, 1122, 3927, 6598, 4291, 4193.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("100.64.0.0/10", "::1/128", "fe80::/10", "fc00::/7"),
    )
)
_WORKING: Final = frozenset({"_status", "_class"})


class WebRules:
    """The settings in the form in which they are asked: one lookup per status, one match per path."""

    def __init__(self, settings: WebLogSettings) -> None:
        self.settings = settings
        #: Status code (0-999) -> class of a login.
        self.login_class = _classify_statuses(settings)
        #: Status code (0-999) -> whether an order was shown.
        self.order_shown = np.zeros(1000, dtype=np.bool_)
        for status in settings.order_status:
            self.order_shown[_expand(status)] = True

    def methods(self, table: str) -> tuple[str, ...]:
        """HTTP methods that may fill `table`."""
        return self.settings.login_methods if table == "logins" else self.settings.order_methods

    def select_logins(
        self, targets: Pieces, status: npt.NDArray[np.int16]
    ) -> tuple[npt.NDArray[np.bool_], Positions]:
        """Which requests (of a method asked for) are logins, and where the path of each target ends.

        Most logs repeat a few targets all the time, so those are looked at once.
        """
        matched = np.zeros(len(targets), np.bool_)
        path_ends = targets.ends.copy()
        left, rest = np.arange(len(targets)), targets
        for _ in range(_FREQUENT):
            if len(rest) < _FEW:
                break
            value = bytes(rest.data[rest.starts[0] : rest.ends[0]])
            same = rest.find_equal(value)
            if same.sum() < len(rest) // _FREQUENT:
                break
            is_login, length = self._match_logins(pl.Series([value.decode()]))
            matched[left[same]] = is_login[0]
            path_ends[left[same]] = rest.starts[same] + length[0]
            left, rest = left[~same], rest.take(np.flatnonzero(~same))
        if len(rest):
            matched[left], lengths = self._match_logins(rest.strings)
            path_ends[left] = rest.starts + lengths
        return matched & (self.login_class[np.clip(status, 0, 999)] != ABSENT), path_ends

    def _match_logins(self, targets: pl.Series) -> tuple[npt.NDArray[np.bool_], Positions]:
        """Which targets are of logins, and how many bytes of each are its path."""
        paths = strip_query(targets)
        matched = paths.str.contains(self.settings.login_path)
        if self.settings.login_not and paths is not targets:
            matched &= ~targets.str.contains(self.settings.login_not)
        lengths = paths.str.len_bytes().cast(pl.Int64)
        return matched.to_numpy(), lengths.to_numpy()

    def select(self, table: str, targets: pl.Series, status: npt.NDArray[np.int16]) -> pl.Series:
        """Which requests (of a method asked for) fill `table`."""
        codes = np.clip(status, 0, 999)
        if table == "accesses":
            return targets.str.contains(self.settings.order_path) & pl.Series(self.order_shown[codes])
        matched, _ = self._match_logins(targets)
        return pl.Series(matched & (self.login_class[codes] != ABSENT))


def strip_query(targets: pl.Series) -> pl.Series:
    """Paths without query, fragment and path parameters (`;jsessionid=…`, RFC 3986 section 3.3)."""
    if not targets.str.contains_any(["?", "#", ";"]).any():
        return targets
    return targets.str.extract(r"^([^?#;]*)")


def make_logins(requests: pl.DataFrame, rules: WebRules) -> pl.DataFrame:
    """Login rows with the working columns `_status` and `_class`, which `StatusMeaning` takes out.

    `path` may be there already; else it is made from `target`. Without `target` there is no query.
    """
    status = requests["status"]
    path = requests["path"] if "path" in requests.columns else strip_query(requests["target"]).alias("path")
    return pl.DataFrame(
        [
            requests["line"],
            requests["time"],
            requests["ip"],
            _find_account(requests, path, rules.settings),
            *(requests[name] for name in ("user_agent", "session") if name in requests.columns),
            path,
            status.alias("_status"),
            pl.Series("_class", rules.login_class[np.clip(status.to_numpy(), 0, 999)]),
        ]
    )


def make_accesses(requests: pl.DataFrame, rules: WebRules) -> pl.DataFrame:
    """Access rows; without a signed-in user the actor is the endpoint, and anonymous."""
    settings = rules.settings
    order = pl.col("target").str.extract_groups(settings.order_path).struct.field("order")
    path = pl.col("target").str.extract(r"^([^?#;]*)")
    # Whatever its numbers are it is the same endpoint; `/api/v2/` keeps its one digit.
    channel = path.str.replace_all(r"/[^/]*[0-9][^/]*[0-9][^/]*", "/{id}").str.replace_all(
        r"/[0-9](/|$)", "/{id}$1"
    )
    actor = pl.coalesce(
        [_blank_to_null(name) for name in ("actor", "user", "account") if name in requests.columns]
        or [pl.lit(None, pl.String)]
    )
    staff = path.str.contains(settings.staff_path) if settings.staff_path else pl.lit(value=False)
    frame = requests.select(
        "line",
        "time",
        "ip",
        *([pl.col("session")] if "session" in requests.columns else []),
        order=order,
        channel=channel,
        actor=actor.fill_null(channel),
        actor_kind=pl.when(actor.is_null())
        .then(pl.lit("anonymous"))
        .when(staff)
        .then(pl.lit("staff"))
        .otherwise(pl.lit("customer")),
    )
    if settings.order_fields:
        frame = frame.with_columns(fields=pl.lit("|".join(settings.order_fields)))
    return frame


def _find_account(requests: pl.DataFrame, path: pl.Series, settings: WebLogSettings) -> pl.Series:
    """The account: the field set for it, else the signed-in user, else a query parameter, else null."""
    found = [_blank_to_null(name) for name in ("account", "user") if name in requests.columns]
    if "target" in requests.columns and (path != requests["target"]).any():
        found += [_read_parameter(name) for name in settings.account_parameters]
    if not found:
        return pl.Series("account", [None], dtype=pl.String).new_from_index(0, requests.height)
    return requests.select(account=pl.coalesce(found))["account"]


def _read_parameter(name: str) -> pl.Expr:
    value = pl.col("target").str.extract(rf"[?&](?i:{re.escape(name)})=([^&#\s]+)")
    return value.str.replace_all("+", " ", literal=True).map_batches(_percent_decode, return_dtype=pl.String)


def _percent_decode(values: pl.Series) -> pl.Series:
    """RFC 3986 section 2.1, on the few values that hold a `%`."""
    if not values.str.contains("%", literal=True).any():
        return values
    return pl.Series(values.name, [v and unquote(v) for v in values], dtype=pl.String)


def _blank_to_null(name: str) -> pl.Expr:
    return pl.when(~pl.col(name).is_in(["", "-"])).then(pl.col(name))


def _expand(status: str) -> slice:
    if status.endswith("xx"):
        return slice(int(status[0]) * 100, int(status[0]) * 100 + 100)
    return slice(int(status), int(status) + 1)


def _classify_statuses(settings: WebLogSettings) -> npt.NDArray[np.int8]:
    """Status -> class. Without `login_success`, what a 200 or a 302 means is left to the log.

    With it, the one that is no success is a failure.
    """
    classes = np.full(1000, UNKNOWN, dtype=np.int8)
    classes[[200, 302, 303]] = FAILURE
    if not settings.login_success:
        classes[200] = PLAIN
        classes[[302, 303]] = REDIRECT
        # RFC 9110 sections 15.3.2 and 15.3.5: something was made, or nothing is left to say.
        classes[[201, 204]] = SUCCESS
    groups: Sequence[tuple[tuple[str, ...], int]] = (
        (settings.login_absent, ABSENT),
        (settings.login_denied, DENIED),
        (settings.login_failure, FAILURE),
        (settings.login_success, SUCCESS),
    )
    for statuses, meaning in groups:
        # Classes first, so that `401` stands against `4xx`.
        for status in sorted(statuses, key=lambda s: not s.endswith("xx")):
            classes[_expand(status)] = meaning
    return classes


class Decided(Struct, frozen=True):
    """What 200 and 302 mean: everywhere, and on paths where it differs."""

    overall: tuple[int, int]
    by_path: dict[str, tuple[int, int]]


class StatusMeaning:
    """What 200 and 302 mean at the login of this shop, told from the first logins of the log.

    Many shops answer 200 to a wrong password (the form again) and 302 to a right one; APIs answer
    200 or 401; some answer the same to both. Rows are held back until `N_FIRST` logins were seen (or
    the log ends), so the decision does not depend on how the file was cut. Per path, else over all:

    1. answers 401 or 422 are at least 1 in 100: failures have a status of their own, so 200 and 302
       are success;
    2. both 200 and 302: 302 is success, 200 is failure;
    3. 400 or 403 at least 1 in 100, beside one of 200 and 302: that one is success;
    4. one of 200 and 302 alone: unknown.
    """

    N_FIRST: Final = 10_000
    MIN_SHARE: Final = 0.01
    #: Paths decided on their own; more are noise and follow the log as a whole.
    MAX_PATHS: Final = 50
    #: A path with fewer logins follows the log as a whole.
    MIN_PATH: Final = 20

    def __init__(self) -> None:
        self._held: list[pl.DataFrame] = []
        self._n_held = 0
        self._decided = False
        self._overall = (UNKNOWN, UNKNOWN)
        self._by_path: dict[str, tuple[int, int]] = {}

    def save(self) -> Decided | None:
        """What was decided, to be given to `restore` another time."""
        return Decided(self._overall, self._by_path) if self._decided else None

    def restore(self, decided: Decided) -> None:
        """Take over what was decided before."""
        self._overall, self._by_path = decided.overall, dict(decided.by_path)
        self._decided = True

    def settle(self, parsed: Parsed) -> Parsed:
        """`parsed` with an outcome in every row, or without rows while they are held back."""
        frame, notes = parsed.frame, parsed.notes
        if not self._decided:
            self._held.append(own_memory(frame))
            self._n_held += frame.height
            if self._n_held < self.N_FIRST:
                frame = frame.clear()
            else:
                notes |= self._decide()
                frame = pl.concat(self._held)
                self._held.clear()
        return Parsed(self._apply(frame), parsed.rejects, parsed.n_other, notes)

    def finish(self) -> Parsed | None:
        """What is still held back, if the log ended before the decision."""
        if self._decided or not self._held:
            return None
        notes = self._decide()
        frame = pl.concat(self._held)
        self._held.clear()
        return Parsed(self._apply(frame), notes=notes)

    def _decide(self) -> frozenset[str]:
        first = pl.concat(self._held).head(self.N_FIRST)
        counts = first.group_by("path", "_class", "_status").agg(pl.len().alias("n"))
        self._overall, said = _tell_meaning(counts, "all login pages together")
        notes = {said}
        totals = counts.group_by("path").agg(pl.col("n").sum()).filter(pl.col("n") >= self.MIN_PATH)
        for path, n in totals.sort(["n", "path"], descending=[True, False]).head(self.MAX_PATHS).rows():
            meaning, said = _tell_meaning(
                counts.filter(pl.col("path") == path), redact_secrets(path)[:_SHOWN_CHARACTERS]
            )
            if meaning != self._overall:
                self._by_path[path] = meaning
                notes |= {said} if n >= self.MIN_SHARE * first.height else set()
        self._decided = True
        return frozenset(notes - {""})

    def _apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        classes = frame["_class"].to_numpy()
        outcome = _resolve(classes, self._overall)
        for path, meaning in self._by_path.items():
            at = (frame["path"] == path).to_numpy()
            outcome[at] = _resolve(classes[at], meaning)
        words = make_strings_of(_WORDS, outcome).alias("outcome")
        return pl.DataFrame([*(c for c in frame.get_columns() if c.name not in _WORKING), words])


def _resolve(classes: npt.NDArray[np.int8], meaning: tuple[int, int]) -> npt.NDArray[np.int8]:
    table = np.array([UNKNOWN, SUCCESS, FAILURE, DENIED, UNKNOWN, *meaning], dtype=np.int8)
    return table[classes]


def _tell_meaning(counts: pl.DataFrame, where: str) -> tuple[tuple[int, int], str]:
    """(meaning of 200, meaning of 302) at `where`, and what to say about it."""
    n_by_class = dict(counts.group_by("_class").agg(pl.col("n").sum()).rows())
    n_by_status = dict(counts.group_by("_status").agg(pl.col("n").sum()).rows())
    n_plain, n_redirect = n_by_class.get(PLAIN, 0), n_by_class.get(REDIRECT, 0)
    n_enough = StatusMeaning.MIN_SHARE * int(counts["n"].sum())
    if not n_plain and not n_redirect:
        return (UNKNOWN, UNKNOWN), ""
    told = [status for status in (401, 422) if n_by_status.get(status, 0) >= n_enough]
    refused = [status for status in (400, 403) if n_by_status.get(status, 0) >= n_enough]
    if told or (refused and not (n_plain and n_redirect)):
        good = " and ".join(name for name, n in (("200", n_plain), ("302", n_redirect)) if n)
        bad = " and ".join(map(str, told or refused))
        return (SUCCESS, SUCCESS), (
            f"At {where}, status {good} was read as success, because failures answer {bad};"
            " set readers.web.login_success if this shop differs."
        )
    if n_plain and n_redirect:
        return (FAILURE, SUCCESS), (
            f"At {where}, status 302 was read as success and 200 as failure (the form shown again),"
            " because both occur; set readers.web.login_success if this shop differs."
        )
    only = "200" if n_plain else "302"
    return (UNKNOWN, UNKNOWN), (
        f"At {where}, right and wrong passwords are answered alike (status {only}), so success cannot"
        " be told: the outcome is unknown; set readers.web.login_success and login_failure if it can."
    )


_NOTE_NOTHING: Final = {
    "logins": "No request in this log is a login under the rule (by default a POST to a path with login,"
    " signin or session); set readers.web.login_path and login_methods if this shop's is another.",
    "accesses": "No request in this log is a look at an order under the rule (by default a GET of"
    " /orders/NUMBER and the like); set readers.web.order_path if this shop's is another.",
}


class WebReader:
    """Base of formats of web logs: a subclass cuts requests out of lines, rules do the rest."""

    tables = frozenset({"logins", "accesses"})

    def __init__(self, context: ReadContext) -> None:
        self.rules = WebRules(context.settings.web)
        self.meaning = StatusMeaning()
        self._n_rows = 0

    def make_rows(self, table: str, requests: pl.DataFrame) -> pl.DataFrame:
        """Rows of `table`, with working columns for logins, out of requests that were selected."""
        if table == "accesses":
            return make_accesses(requests, self.rules)
        return make_logins(requests, self.rules)

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Logins get their outcome here."""
        self._n_rows += parsed.frame.height
        return self.meaning.settle(parsed) if table == "logins" else parsed

    def finish(self, table: str) -> Parsed:
        """Logins held back, and what to do if there was nothing at all."""
        if not self._n_rows:
            return Parsed(NO_ROWS, notes=frozenset({_NOTE_NOTHING[table]}))
        return (table == "logins" and self.meaning.finish()) or Parsed(NO_ROWS)


def choose_client(forwarded: str) -> str | None:
    """The client in a list of addresses as proxies write it (`client, proxy, proxy`).

    Each proxy adds at the right whom it saw, and whatever stands further left may be invented by
    the client, so it is the rightmost address that is not of a private network; else the rightmost.
    See https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For.
    """
    found = None
    for token in reversed(re.split(r'[\s,"]+', forwarded)):
        try:
            address = ipaddress.ip_address(token)
        except ValueError:
            continue
        if not any(address in network for network in _PRIVATE if network.version == address.version):
            return token
        found = found or token
    return found


def choose_clients(forwarded: pl.Series, fallback: pl.Series) -> pl.Series:
    """`choose_client` of each value; `fallback` where it holds no address."""
    distinct = forwarded.unique().drop_nulls()
    chosen = pl.Series([choose_client(text) for text in distinct], dtype=pl.String)
    return forwarded.replace_strict(distinct, chosen, default=None, return_dtype=pl.String).fill_null(
        fallback
    )
