"""Rows that could not be read: counted, written down, never silently lost."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

MAX_RAW: Final = 500

_CREDENTIALS: Final = (
    r"\w{0,40}(?:password|passwort|passwd|pwd|kennwort)\w{0,40} | \w{0,40}pass(?:phrase|code)?\d{0,4} | pw"
    r" | secret | token | jwt | api[_-]?key | access[_-]?key"
    r" | auth(?:orization)? | session(?:[_-]?(?:id|key))? | s(?:es)?sid | sid"
    r" | (?:set-)?cookie | otp | pin | cvv2? | cvc | 密码 | 口令"
)

#: Credentials as they stand in headers, JSON and form bodies (RFC 6750, RFC 7617, and the parameter
#: names that web frameworks use, `user[password]` among them). Values go, names stay. A quoted value
#: goes up to its closing quote, so that a password with blanks in it goes whole.
_SECRET = re.compile(
    rf"""(?ix)
    ( (?<![^\W_]) (?: {_CREDENTIALS} ) (?![^\W_]) (?: \] | %5D )? \\? ["']? \s* (?: [=:] | %3D ) \s* )
    ( \\? "[^"]{{0,400}} | '[^']{{0,400}} | (?: (?:basic|bearer) \s+ )? [^\s"'&;,}}|]{{1,400}} )
    """
)
#: User and password before a host (RFC 3986, 3.2.1); behind the last `:` of a cut text may be half of one.
_USER_INFO: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]*(?:@|:[^\s/?#\"'<>@]*$)")
#: A query (RFC 3986, 3.4): which of its parameters is the password, only the site knows.
_QUERY: Final = re.compile(r"(?<=[^\s?])\?[^\s\"'<>]*=[^\s\"'<>]*")
_SECRET_NAME = re.compile(rf"(?ix) (?<![^\W_]) (?: {_CREDENTIALS} ) (?![^\W_])")


def names_secret(column: str) -> bool:
    """Whether a column of this name holds what must never be written anywhere."""
    return _SECRET_NAME.search(column) is not None


def redact_secrets(text: str) -> str:
    """`text` with queries, user information of URLs, and the values of passwords, tokens, cookies and the
    like replaced by `[removed]`.
    """
    text = _QUERY.sub("?[removed]", _USER_INFO.sub("[removed]@", text))
    return _SECRET.sub(_remove, text)


#: Where log formats name the account of a login, as a key or in a message of sshd; up to what follows.
_ACCOUNT_KEY: Final = re.compile(
    r"""(?ix) ( (?<![^\W_]) (?: account | user(?: [._-]? (?:name|id|mail) )? | login | e-?mail | alternateId )
    \\? ["']? \s* [=:] \s* ) ( \\? "(?: [^"\\] | \\. ){0,512} | [^\s"'&;,{}\[|]{1,512} )"""
)
_ACCOUNT_MESSAGE: Final = re.compile(
    r"((?:(?:[Ii]nvalid|authenticating) user|(?:Accepted|Failed) \S+ for(?: invalid user)?|^User) )"
    r"(?!invalid user)(.+?)(?= from \S+(?: port \d+)?(?: |$)| \S+ port \d+|$)",
    re.MULTILINE,
)


def redact_accounts(text: str) -> str:
    """`text` of a log of logins with the names of accounts replaced: people type passwords there."""
    return _ACCOUNT_MESSAGE.sub(r"\1[removed]", _ACCOUNT_KEY.sub(_remove, text))


def _remove(match: re.Match[str]) -> str:
    opening = match[2][:1] if match[2][:1] in "\"'" else ""
    return f"{match[1]}{opening}[removed]"


class RejectLog:
    """Writes `rejects.jsonl` as rows are rejected; keeps counts per file and table.

    With `keep_raw=False` (pseudonymised runs) no part of the input is written.
    """

    def __init__(self, path: Path, *, keep_raw: bool = True) -> None:
        self._file = path.open("wb")
        self._keep_raw = keep_raw
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, table: str, file: str, line: int | None, reason: str, raw: str = "") -> None:
        """Record one rejected row; `line` is the 1-based data row, None for a whole file."""
        self.counts[table, file] += 1
        entry: dict[str, str | int | None] = {"file": file, "line": line, "reason": reason}
        if self._keep_raw:
            # Cut first: redaction of a megabyte-long hostile line would be work for nothing.
            shown = redact_secrets(raw[: 2 * MAX_RAW])
            entry["raw"] = (redact_accounts(shown) if table == "logins" else shown)[:MAX_RAW]
        self._file.write(msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self) -> RejectLog:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
