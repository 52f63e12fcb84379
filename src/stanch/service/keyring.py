"""Who is calling: keys are looked up in memory and fetched anew every few seconds."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from starlette.requests import Request

from stanch.cases.database import Database
from stanch.cases.keys import ApiKey, Scope, list_keys, match_key, note_use, split_key
from stanch.service.problems import ProblemError

#: A revoked key stops working within this time at the latest; a new one works at once.
MAX_AGE_S: Final = 5.0
#: An unknown key has the list fetched anew, one time after another with a pause between.
_PAUSE_S: Final = 0.05
_NOTE_EVERY_US: Final = 60_000_000
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="stanch"'}


class Keyring:
    """The keys that are in use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, ApiKey] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._noted: dict[str, int] = {}

    async def find(self, text: str) -> ApiKey | None:
        """The key that `text` is; None if there is none, or no longer."""
        parts = split_key(text)
        if parts is None:
            return None
        key_id, secret = parts
        asked_at = time.monotonic()
        await self._refresh(asked_at - MAX_AGE_S)
        if key_id not in self._keys:
            await self._refresh(asked_at)
        known = self._keys.get(key_id)
        return known if match_key(known, secret) else None

    async def find_by_id(self, key_id: str) -> ApiKey | None:
        """A key in use, by its id."""
        await self._refresh(time.monotonic() - MAX_AGE_S)
        key = self._keys.get(key_id)
        return key if key is not None and key.revoked_us is None else None

    async def note_use(self, key: ApiKey, now_us: int) -> None:
        """Remember that a key was used, to the minute."""
        if now_us - self._noted.get(key.id, key.last_used_us or 0) < _NOTE_EVERY_US:
            return
        self._noted[key.id] = now_us
        await self._database.write_soon(lambda connection: note_use(connection, key.id, now_us))

    async def _refresh(self, since: float) -> None:
        """Fetch the list unless it was fetched after `since`, a moment of the monotonic clock."""
        if self._fetched_at > since:
            return
        async with self._fetching:
            if self._fetched_at > since:
                return
            await asyncio.sleep(max(0.0, self._fetched_at + _PAUSE_S - time.monotonic()))
            started = time.monotonic()
            keys = await asyncio.to_thread(self._fetch)
            self._keys = {key.id: key for key in keys}
            self._fetched_at = started

    def _fetch(self) -> list[ApiKey]:
        with self._database.read() as connection:
            return list_keys(connection)


def read_key(request: Request) -> str:
    """The key that a request shows (`X-Api-Key`, or a bearer token after RFC 6750); empty if none."""
    if given := request.headers.get("x-api-key"):
        return given.strip()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def authenticate(request: Request, keyring: Keyring, scope: Scope, now_us: int) -> ApiKey:
    """The caller's key.

    Raises:
        ProblemError: 401, there is none that is known; 403, it is for something else.
    """
    key = await keyring.find(read_key(request))
    if key is None:
        raise ProblemError(401, "key_needed", "Send a key in X-Api-Key or as a bearer token.", _CHALLENGE)
    if not key.allows(scope):
        raise ProblemError(403, "wrong_scope", f"This key is for {key.scope}; {scope} is needed.")
    await keyring.note_use(key, now_us)
    return key
