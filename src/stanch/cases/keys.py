"""Keys of programs: made once and shown once, kept as a hash, revoked at any time.

A key reads `stanch_ID_SECRET`: the first part names it in lists and logs, the second is 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import sqlalchemy as sa

from stanch.cases.schema import AGENT_SESSIONS, API_KEYS
from stanch.errors import UsageError

Scope = Literal["bouncer", "shop", "ingest", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

_KEY: Final = re.compile(r"stanch_([0-9a-z]{10})_([A-Za-z0-9_-]{43})")
_NAME: Final = re.compile(r"[\w.@-]{1,100}")
_ID_CHARACTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: none looks like another
_NO_SECRET: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key as it is listed."""

    id: str
    name: str
    scope: Scope
    secret_sha256: bytes
    created_us: int
    last_used_us: int | None
    revoked_us: int | None

    def allows(self, scope: Scope) -> bool:
        """Whether it may do what `scope` is needed for; `admin` may do everything."""
        return self.scope in (scope, "admin")


def add_key(connection: sa.Connection, name: str, scope: Scope, now_us: int) -> str:
    """Make a key; it is returned here and can never be read again.

    Raises:
        UsageError: the name cannot be one, or is that of another key in use.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a key's name", hint="letters, digits and . _ @ - only")
    if any(key.name == name for key in list_keys(connection) if key.revoked_us is None):
        raise UsageError(f"there is a key {name!r} already", hint="stanch keys revoke, or another name")
    key_id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    connection.execute(
        API_KEYS.insert().values(
            id=key_id, name=name, scope=scope, secret_sha256=_digest(secret), created_us=now_us
        )
    )
    return f"stanch_{key_id}_{secret}"


def list_keys(connection: sa.Connection) -> list[ApiKey]:
    """Every key, oldest first, revoked ones included."""
    rows = connection.execute(sa.select(API_KEYS).order_by(API_KEYS.c.created_us, API_KEYS.c.id))
    return [ApiKey(**row._mapping) for row in rows]


def revoke_key(connection: sa.Connection, name: str, now_us: int) -> str:
    """Take a key out of use, by its name or id; returns its id. Agents who signed in with it are signed out.

    Raises:
        UsageError: no key in use is called so.
    """
    named = [k for k in list_keys(connection) if name in (k.name, k.id) and k.revoked_us is None]
    if not named:
        raise UsageError(f"no key in use is called {name!r}", hint="stanch keys list")
    key_id = named[0].id
    connection.execute(API_KEYS.update().where(API_KEYS.c.id == key_id).values(revoked_us=now_us))
    connection.execute(AGENT_SESSIONS.delete().where(AGENT_SESSIONS.c.key_id == key_id))
    return key_id


def note_use(connection: sa.Connection, key_id: str, now_us: int) -> None:
    """Remember when a key was last used."""
    connection.execute(API_KEYS.update().where(API_KEYS.c.id == key_id).values(last_used_us=now_us))


def note_uses(connection: sa.Connection, uses: Mapping[str, int]) -> None:
    """The same for several keys."""
    for key_id, now_us in uses.items():
        note_use(connection, key_id, now_us)


def split_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a key as it was shown; None if it cannot be one."""
    found = _KEY.fullmatch(text)
    return (found[1], found[2]) if found else None


def match_key(known: ApiKey | None, secret: str) -> bool:
    """Whether `secret` is that of `known`; takes as long for a key that is not known."""
    expected = known.secret_sha256 if known is not None else _NO_SECRET
    same = hmac.compare_digest(expected, _digest(secret))
    return same and known is not None and known.revoked_us is None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
