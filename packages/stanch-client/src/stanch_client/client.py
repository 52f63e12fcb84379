"""The two clients: the sync one runs the async one on a thread, which bounds slow name servers, too."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx

from stanch_client.breaker import Breaker
from stanch_client.verdict import OnUnavailable, Outcome, Verdict, make_unavailable, read_verdict

T = TypeVar("T")

LOG: Final = logging.getLogger("stanch_client")
TIMEOUT_S: Final = 0.05
#: Longer ones are cut, so that no attempt is refused for what a stranger typed.
_MAX_CHARACTERS: Final = 512
#: Refused for what was sent, not because anything is wrong with the guard.
_REFUSED: Final = (400, 404, 413, 415, 422)
_COMPLAIN_EVERY_S: Final = 60.0
#: What `LeakedKey` makes. A bare hash of a password is none of it, and is never sent.
_KEYED_HASH: Final = re.compile(r"[0-9a-f]{16}")
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=60.0)


class AsyncClient:
    """Asks the guard at `url` with a key for `shop`, from asyncio.

    Each call ends within `timeout_s` in all, and then answers what `on_unavailable` says. None raises.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        on_unavailable: OnUnavailable = "allow",
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if on_unavailable not in ("allow", "challenge", "deny"):
            raise ValueError(f"on_unavailable: {on_unavailable!r} is none of allow, challenge, deny")
        self.url = url.rstrip("/")
        self.on_unavailable: OnUnavailable = on_unavailable
        self.timeout_s = timeout_s
        self._headers = {"X-Api-Key": key, "User-Agent": "stanch-client"}
        self._clock = clock
        self._breaker = Breaker(clock)
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._complained_at = float("-inf")

    async def assess(
        self,
        *,
        ip: str,
        account: str | int | None = "",
        user_agent: str | None = None,
        device: str | None = None,
        ja4: str | None = None,
        country: str | None = None,
        asn: str | int | None = None,
        passed: str | None = None,
        credential_hash: str | None = None,
    ) -> Verdict:
        """Before the password is checked. `passed` is what a passed challenge earned."""
        if not ip:
            return self._fail("no address was given")
        body = {
            "time": datetime.now(UTC).isoformat(),
            "ip": ip,
            "account": account,
            "user_agent": user_agent,
            "device": device,
            "ja4": ja4,
            "country": country,
            "asn": asn,
            "passed": passed,
            "credential_hash": self._check_keyed(credential_hash),
        }
        answer = await self._post("/v1/logins/assess", {k: _clean(v) for k, v in body.items() if v})
        return self._read(answer)

    async def report(self, verdict: Verdict, outcome: Outcome) -> Verdict:
        """After the password was checked, or after it was not. `reset` may come back for a success."""
        if not verdict.id:
            return Verdict("allow", "allow", unavailable=verdict.unavailable)
        answer = await self._post("/v1/logins/outcome", {"id": verdict.id, "outcome": outcome})
        return self._read(answer, verdict.id, "allow")

    async def check_leaked(self, credential_hash: str) -> bool | None:
        """Whether the operator's list holds a credential, by its keyed hash (`LeakedKey`); None: unknown."""
        if not self._check_keyed(credential_hash):
            return None
        answer = await self._post("/v1/leaked/check", {"credential_hash": credential_hash})
        leaked = answer.get("leaked") if isinstance(answer, dict) else None
        return leaked if isinstance(leaked, bool) else None

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    def _check_keyed(self, credential_hash: str | None) -> str | None:
        """The hash; None if it is none that `LeakedKey` makes."""
        if credential_hash is None or _KEYED_HASH.fullmatch(str(credential_hash)):
            return credential_hash
        self._complain("credential_hash is none that LeakedKey makes, and was not sent")
        return None

    def _read(self, answer: Any, attempt_id: str = "", choice: OnUnavailable | None = None) -> Verdict:
        if isinstance(answer, str):
            return make_unavailable(choice or self.on_unavailable, answer, attempt_id)
        try:
            return read_verdict(answer, attempt_id)
        except ValueError as error:
            return self._fail(str(error), attempt_id, choice)

    def _fail(self, why: str, attempt_id: str = "", choice: OnUnavailable | None = None) -> Verdict:
        self._complain(why)
        return make_unavailable(choice or self.on_unavailable, why, attempt_id)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        """The decoded answer, or in words why there is none."""
        if not self._breaker.may_ask():
            return "the guard did not answer lately and is asked again soon"
        try:
            async with asyncio.timeout(self.timeout_s):
                response = await self._open().post(path, json=body)
            answer = response.json() if response.is_success else None
        except TimeoutError:
            return self._note(f"no answer within {self.timeout_s * 1e3:.0f} ms")
        except Exception as error:  # noqa: BLE001 - whatever it is, a login must go on
            return self._note(f"{type(error).__name__}: {error}")
        if not response.is_success:
            why = f"status {response.status_code}"
            if response.status_code in _REFUSED:
                self._breaker.note_success()
                self._complain(why)
                return why
            return self._note(why)
        self._breaker.note_success()
        return answer

    def _open(self) -> httpx.AsyncClient:
        """The connections of this event loop; those of another cannot be used here."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            self._http = httpx.AsyncClient(
                base_url=self.url,
                headers=self._headers,
                timeout=self.timeout_s,
                limits=_LIMITS,
                transport=self._transport,
                trust_env=False,
            )
            self._loop = loop
        return self._http

    def note_late(self) -> None:
        """Whoever asked has gone on without waiting for the end."""
        self._breaker.note_failure()

    def _note(self, why: str) -> str:
        self._breaker.note_failure()
        self._complain(why)
        return why

    def _complain(self, why: str) -> None:
        """Log it, once a minute at most."""
        now = self._clock()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            LOG.warning("no answer from the guard at %s: %s", self.url, why)


class Client:
    """The same for shops without asyncio, from any thread, also after a fork."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        on_unavailable: OnUnavailable = "allow",
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._async = AsyncClient(
            url,
            key=key,
            on_unavailable=on_unavailable,
            # Ends first, so that the failure is counted; waiting for the thread is the last resort.
            timeout_s=0.9 * timeout_s,
            clock=clock,
            transport=transport,
        )
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    @property
    def on_unavailable(self) -> OnUnavailable:
        """What is answered where the guard does not."""
        return self._async.on_unavailable

    def assess(
        self,
        *,
        ip: str,
        account: str | int | None = "",
        user_agent: str | None = None,
        device: str | None = None,
        ja4: str | None = None,
        country: str | None = None,
        asn: str | int | None = None,
        passed: str | None = None,
        credential_hash: str | None = None,
    ) -> Verdict:
        """Before the password is checked. `passed` is what a passed challenge earned."""
        asked = self._async.assess(
            ip=ip,
            account=account,
            user_agent=user_agent,
            device=device,
            ja4=ja4,
            country=country,
            asn=asn,
            passed=passed,
            credential_hash=credential_hash,
        )
        return self._run(asked, make_unavailable(self.on_unavailable, "no answer in time"))

    def report(self, verdict: Verdict, outcome: Outcome) -> Verdict:
        """After the password was checked, or after it was not. `reset` may come back for a success."""
        fallback = make_unavailable("allow", "no answer in time", verdict.id)
        return self._run(self._async.report(verdict, outcome), fallback)

    def check_leaked(self, credential_hash: str) -> bool | None:
        """Whether the operator's list holds a credential, by its keyed hash (`LeakedKey`); None: unknown."""
        return self._run(self._async.check_leaked(credential_hash), None)

    def close(self) -> None:
        """Close the connections and end the thread; the next call starts anew."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and self._pid == os.getpid():
            asyncio.run_coroutine_threadsafe(self._async.aclose(), loop).result(1.0)
            loop.call_soon_threadsafe(loop.stop)

    def _run(self, asked: Coroutine[Any, Any, T], fallback: T) -> T:
        future: concurrent.futures.Future[T] | None = None
        try:
            future = asyncio.run_coroutine_threadsafe(asked, self._start())
            return future.result(self._timeout_s)
        except Exception:  # noqa: BLE001 - whatever it is, a login must go on
            if future is None:
                asked.close()
            elif future.cancel():
                # The event loop itself was late: it counts as no answer all the same.
                self._async.note_late()
            return fallback

    def _start(self) -> asyncio.AbstractEventLoop:
        """The event loop of this process."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(self._loop,), name="stanch-client", daemon=True).start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _clean(value: object) -> str:
    """`value` as text, cut to a length and to characters that JSON over UTF-8 can hold.

    Shops have numbers for accounts, too.
    """
    return str(value)[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
