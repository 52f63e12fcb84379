"""Who is calling: keys are looked up in memory and fetched anew every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from starlette.requests import Request

from stanch.cases.database import Database
from stanch.cases.keys import ApiKey, Scope, list_keys, match_key, note_uses, split_key
from stanch.errors import StoreError
from stanch.service.problems import ProblemError

LOG: Final = logging.getLogger("stanch.service")

#: A revoked key stops working within this time at the latest; a new one works at once.
MAX_AGE_S: Final = 5.0
#: While keys are in use the list is fetched anew at this age, so that nobody has to wait for it.
AHEAD_S: Final = 4.0
#: An unknown key has the list fetched anew, one time after another with a pause between.
_PAUSE_S: Final = 0.05
#: How long a request waits for the list if there is an older one.
_PATIENCE_S: Final = 1.0
_NOTE_EVERY_US: Final = 60_000_000
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="stanch"'}


class Keyring:
    """The keys that are in use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, ApiKey] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None
        self._noted: dict[str, int] = {}
        self._to_note: dict[str, int] = {}
        #: Good keys as they were shown since the list was fetched: hashing them again would tell nothing new.
        self._seen: dict[bytes, ApiKey] = {}

    async def find(self, text: str) -> ApiKey | None:
        """The key that `text` is; None if there is none, or no longer."""
        asked_at = time.monotonic()
        if self._fetched_at <= asked_at - MAX_AGE_S:
            await self._refresh(asked_at - MAX_AGE_S)
        shown = text.encode("utf-8", "replace")
        if (seen := self._seen.get(shown)) is not None:
            return seen
        parts = split_key(text)
        if parts is None:
            return None
        key_id, secret = parts
        if key_id not in self._keys:
            await self._refresh(asked_at)
        known = self._keys.get(key_id)
        if known is None or not match_key(known, secret):
            return None
        self._seen[shown] = known
        return known

    def peek(self, shown: bytes) -> ApiKey | None:
        """The key that was shown, if it was found good since the list was fetched, lately."""
        age_s = time.monotonic() - self._fetched_at
        if age_s >= MAX_AGE_S:
            return None
        if age_s >= AHEAD_S and (self._ahead is None or self._ahead.done()):
            self._ahead = asyncio.create_task(self._refresh(self._fetched_at))
        return self._seen.get(shown)

    async def find_by_id(self, key_id: str) -> ApiKey | None:
        """A key in use, by its id."""
        await self._refresh(time.monotonic() - MAX_AGE_S)
        key = self._keys.get(key_id)
        return key if key is not None and key.revoked_us is None else None

    def note_use(self, key: ApiKey, now_us: int) -> None:
        """Remember that a key was used, to the minute; `store_uses` writes it down."""
        if now_us - self._noted.get(key.id, key.last_used_us or 0) >= _NOTE_EVERY_US:
            self._noted[key.id] = self._to_note[key.id] = now_us

    async def store_uses(self) -> None:
        """Write down which keys were used.

        Raises:
            StoreError: it cannot be stored now; it is tried again next time.
        """
        uses = dict(self._to_note)
        if uses:
            await self._database.write_soon(lambda c: note_uses(c, uses))
            self._to_note = {key: us for key, us in self._to_note.items() if uses.get(key) != us}

    async def _refresh(self, since: float) -> None:
        """Fetch the list unless it was fetched after `since`, a moment of the monotonic clock."""
        if self._fetched_at > since:
            return
        async with self._fetching:
            if self._fetched_at > since:
                return
            await asyncio.sleep(max(0.0, self._fetched_at + _PAUSE_S - time.monotonic()))
            started = time.monotonic()
            try:
                # A database that hangs must not hold up those whose key is known.
                keys = await asyncio.wait_for(
                    asyncio.to_thread(self._fetch), _PATIENCE_S if self._keys else None
                )
            except (StoreError, TimeoutError) as error:
                if not self._keys:
                    raise
                LOG.error(
                    "keys cannot be fetched, the ones known stay good: %s", str(error) or "no answer in time"
                )
                self._fetched_at = started
                return
            self._keys = {key.id: key for key in keys}
            self._seen.clear()
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
    keyring.note_use(key, now_us)
    return key
