"""People who work with the console: their roles, the links that invite them, and where they are signed in.

Tokens of links and sessions are 256 random bits, here as their hash. Who is disabled, or has other roles or
another password than before, is signed out everywhere.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Final, Literal, get_args

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import CONSOLE_SESSIONS, INVITATIONS, PEOPLE
from stanch.errors import UsageError

Role = Literal["viewer", "agent", "analyst", "officer", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
Language = Literal["en", "zh"]

#: As it can be mentioned in a note, after an at sign.
NAME_PATTERN: Final = r"[\w.-]{1,60}"
#: Without a request for so long a session ends, and in any case after a working day.
IDLE_US: Final = 3_600_000_000
LONGEST_US: Final = 12 * 3_600_000_000
#: A look at a page moves a session's end at most once in this time.
_NOTE_EVERY_US: Final = 60_000_000


class Person(Struct, frozen=True):
    """One person. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    name: str
    password_hash: str
    roles: tuple[Role, ...]
    #: Sealed; None: no second factor.
    totp: bytes | None
    totp_step: int
    language: Language
    created_us: int
    disabled_us: int | None = None


class Invitation(Struct, frozen=True):
    """A link that makes a person once; `name` is empty where whoever follows it chooses one."""

    name: str
    roles: tuple[Role, ...]
    made_by: int | None
    expires_us: int


def add_person(
    connection: sa.Connection,
    name: str,
    password_hash: str,
    roles: Iterable[Role],
    now_us: int,
    *,
    language: Language = "en",
) -> int:
    """A new person's id.

    Raises:
        UsageError: the name cannot be one, or is taken.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} cannot be a name", hint="letters, digits and . _ - only")
    if find_named(connection, name) is not None:
        raise UsageError(f"there is a person {name!r} already")
    added = connection.execute(
        PEOPLE.insert().values(
            name=name, password_hash=password_hash, roles=_join(roles), totp_step=0, language=language,
            created_us=now_us,
        )
    )  # fmt: skip
    key = added.inserted_primary_key
    assert key is not None
    return int(key[0])


def find_person(connection: sa.Connection, person_id: int) -> Person | None:
    """A person by id."""
    return _read_one(connection, PEOPLE.c.id == person_id)


def find_named(connection: sa.Connection, name: str) -> Person | None:
    """A person by name, whose case does not matter."""
    return _read_one(connection, sa.func.lower(PEOPLE.c.name) == name.lower())


def list_people(connection: sa.Connection) -> list[Person]:
    """Everybody by name, those who are disabled last. A shop has some dozens at most."""
    rows = connection.execute(
        sa.select(PEOPLE).order_by(PEOPLE.c.disabled_us.is_not(None), sa.func.lower(PEOPLE.c.name))
    )
    return [_make_person(row) for row in rows]


def name_people(connection: sa.Connection) -> dict[int, str]:
    """Everybody's name by number."""
    return {person.id: person.name for person in list_people(connection)}


def set_roles(connection: sa.Connection, person_id: int, roles: Iterable[Role]) -> None:
    """Give other roles.

    Raises:
        UsageError: nobody would be left who may give roles.
    """
    chosen = _join(roles)
    if "administrator" not in chosen.split():
        _keep_an_administrator(connection, person_id)
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person_id).values(roles=chosen))
    close_sessions(connection, person_id)


def set_disabled(connection: sa.Connection, person_id: int, now_us: int | None) -> None:
    """Keep somebody out from a moment on; None lets them in again.

    Raises:
        UsageError: nobody would be left who may give roles.
    """
    if now_us is not None:
        _keep_an_administrator(connection, person_id)
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person_id).values(disabled_us=now_us))
    close_sessions(connection, person_id)


def set_password(connection: sa.Connection, person_id: int, password_hash: str) -> None:
    """Another password."""
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person_id).values(password_hash=password_hash))
    close_sessions(connection, person_id)


def set_totp(connection: sa.Connection, person_id: int, sealed: bytes | None, step: int) -> None:
    """Another second factor, or none; codes up to the time step `step` are spent."""
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person_id).values(totp=sealed, totp_step=step))
    close_sessions(connection, person_id)


def spend_step(connection: sa.Connection, person_id: int, step: int) -> bool:
    """Use the code of a time step; False if that or a later one was used before (RFC 6238, 5.2)."""
    spent = connection.execute(
        PEOPLE.update().where(PEOPLE.c.id == person_id, PEOPLE.c.totp_step < step).values(totp_step=step)
    )
    return spent.rowcount == 1


def set_language(connection: sa.Connection, person_id: int, language: Language) -> None:
    """The language of their pages."""
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person_id).values(language=language))


def invite(connection: sa.Connection, invitation: Invitation, now_us: int) -> str:
    """Make a link's token. It takes the place of other open ones for the same name."""
    token = secrets.token_urlsafe(32)
    open_ones = sa.and_(INVITATIONS.c.name == invitation.name, INVITATIONS.c.used_us.is_(None))
    connection.execute(INVITATIONS.delete().where(open_ones))
    connection.execute(
        INVITATIONS.insert().values(
            token_sha256=_digest(token), name=invitation.name, roles=_join(invitation.roles),
            made_by=invitation.made_by, made_us=now_us, expires_us=invitation.expires_us,
        )
    )  # fmt: skip
    return token


def find_invitation(connection: sa.Connection, token: str, now_us: int) -> Invitation | None:
    """What a token invites to; None if it was used, ran out, or is none."""
    row = connection.execute(
        sa.select(INVITATIONS).where(
            INVITATIONS.c.token_sha256 == _digest(token),
            INVITATIONS.c.used_us.is_(None),
            INVITATIONS.c.expires_us > now_us,
        )
    ).first()
    return None if row is None else _make_invitation(row)


def list_invitations(connection: sa.Connection, now_us: int) -> list[Invitation]:
    """Those that can still be used, but for the first administrator's."""
    rows = connection.execute(
        sa.select(INVITATIONS)
        .where(INVITATIONS.c.used_us.is_(None), INVITATIONS.c.expires_us > now_us, INVITATIONS.c.name != "")
        .order_by(INVITATIONS.c.made_us)
    )
    return [_make_invitation(row) for row in rows]


def use_invitation(connection: sa.Connection, token: str, now_us: int) -> Invitation | None:
    """As `find_invitation`, and nobody can use it again."""
    found = find_invitation(connection, token, now_us)
    if found is not None:
        used = INVITATIONS.c.token_sha256 == _digest(token)
        connection.execute(INVITATIONS.update().where(used).values(used_us=now_us))
    return found


def open_session(connection: sa.Connection, person_id: int, now_us: int) -> str:
    """Sign in; the token for the browser."""
    token = secrets.token_urlsafe(32)
    connection.execute(CONSOLE_SESSIONS.delete().where(CONSOLE_SESSIONS.c.expires_us <= now_us))
    connection.execute(
        CONSOLE_SESSIONS.insert().values(
            token_sha256=_digest(token), person_id=person_id, made_us=now_us, seen_us=now_us,
            expires_us=now_us + IDLE_US,
        )
    )  # fmt: skip
    return token


def find_signed_in(connection: sa.Connection, token: str, now_us: int) -> tuple[Person, bool] | None:
    """Who is signed in with a token, and whether `note_seen` is due; None if nobody."""
    row = connection.execute(
        sa.select(CONSOLE_SESSIONS).where(
            CONSOLE_SESSIONS.c.token_sha256 == _digest(token), CONSOLE_SESSIONS.c.expires_us > now_us
        )
    ).first()
    person = None if row is None else find_person(connection, row.person_id)
    if row is None or person is None or person.disabled_us is not None:
        return None
    return person, now_us - row.seen_us >= _NOTE_EVERY_US


def note_seen(connection: sa.Connection, token: str, now_us: int) -> None:
    """A session was used: it ends later, but no later than `LONGEST_US` after its start."""
    latest = CONSOLE_SESSIONS.c.made_us + LONGEST_US
    end = sa.case((latest < now_us + IDLE_US, latest), else_=now_us + IDLE_US)
    mine = CONSOLE_SESSIONS.c.token_sha256 == _digest(token)
    connection.execute(CONSOLE_SESSIONS.update().where(mine).values(seen_us=now_us, expires_us=end))


def close_session(connection: sa.Connection, token: str) -> None:
    """Sign out."""
    connection.execute(CONSOLE_SESSIONS.delete().where(CONSOLE_SESSIONS.c.token_sha256 == _digest(token)))


def close_sessions(connection: sa.Connection, person_id: int) -> None:
    """Sign somebody out everywhere."""
    connection.execute(CONSOLE_SESSIONS.delete().where(CONSOLE_SESSIONS.c.person_id == person_id))


def _keep_an_administrator(connection: sa.Connection, person_id: int) -> None:
    others = (p for p in list_people(connection) if p.id != person_id and p.disabled_us is None)
    if not any("administrator" in person.roles for person in others):
        raise UsageError("somebody has to stay administrator")


def _read_one(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Person | None:
    row = connection.execute(sa.select(PEOPLE).where(which)).first()
    return None if row is None else _make_person(row)


def _make_person(row: sa.Row[tuple[object, ...]]) -> Person:
    return Person(**{**row._mapping, "roles": _split(row.roles)})


def _make_invitation(row: sa.Row[tuple[object, ...]]) -> Invitation:
    return Invitation(row.name, _split(row.roles), row.made_by, row.expires_us)


def _join(roles: Iterable[Role]) -> str:
    given = set(roles)
    return " ".join(role for role in ROLES if role in given)


def _split(roles: str) -> tuple[Role, ...]:
    return tuple(role for role in ROLES if role in roles.split())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
