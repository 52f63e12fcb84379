"""Agents who are signed in at the hotline form: a random token in their browser, its hash here."""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

from stanch.cases.schema import AGENT_SESSIONS


def open_session(connection: sa.Connection, key_id: str, now_us: int, expires_us: int) -> str:
    """Sign in with a key; returns the token. Sessions that ran out are forgotten."""
    token = secrets.token_urlsafe(32)
    connection.execute(AGENT_SESSIONS.delete().where(AGENT_SESSIONS.c.expires_us <= now_us))
    connection.execute(
        AGENT_SESSIONS.insert().values(token_sha256=_digest(token), key_id=key_id, expires_us=expires_us)
    )
    return token


def find_session(connection: sa.Connection, token: str, now_us: int) -> str | None:
    """Id of the key with which `token` was made; None if it is no session, or no longer."""
    found = connection.execute(
        sa.select(AGENT_SESSIONS.c.key_id).where(
            AGENT_SESSIONS.c.token_sha256 == _digest(token), AGENT_SESSIONS.c.expires_us > now_us
        )
    ).scalar()
    return str(found) if found is not None else None


def close_session(connection: sa.Connection, token: str) -> None:
    """Sign out."""
    connection.execute(AGENT_SESSIONS.delete().where(AGENT_SESSIONS.c.token_sha256 == _digest(token)))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
