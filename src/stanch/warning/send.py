"""Sends what is due, one message after the other, at a set pace, each step in the journal first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stanch.progress import Progress
from stanch.warning.addresses import mask_address
from stanch.warning.journal import Journal
from stanch.warning.plan import Delivery, Plan
from stanch.warning.transports import DoubtfulError, RefusedError, Transport

_RETRY: Final = "ask the server's log whether it arrived; --retry-doubtful sends it again"


@dataclass(slots=True)
class Failure:
    """A message that did not, or perhaps not, arrive."""

    customer: str
    channel: str
    #: Masked.
    to: str
    error: str
    remedy: str


@dataclass(slots=True)
class Outcome:
    """What became of a run."""

    delivered: int = 0
    failures: list[Failure] = field(default_factory=list)
    doubtful: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Due:
    """The deliveries of a plan by what the journal says of them."""

    now: list[Delivery]
    already: int
    #: Started by an earlier run that did not live to see the end.
    doubtful: list[Failure]


@dataclass(slots=True)
class Pace:
    """No more than so many messages a minute; `clock` and `sleep` are in seconds."""

    per_minute: int
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    _next: float | None = None

    def wait(self) -> None:
        """Wait until the next message may leave."""
        now = self.clock()
        if self._next is not None and self._next > now:
            self.sleep(self._next - now)
            now = self._next
        self._next = now + 60 / self.per_minute


def find_due(plan: Plan, journal: Journal, *, retry_doubtful: bool) -> Due:
    """What is left to send: nothing that was delivered, and what is doubtful only if a person says so."""
    now: list[Delivery] = []
    doubtful: list[Failure] = []
    already = 0
    for delivery in plan.deliveries:
        state = journal.find(name_delivery(delivery))
        if state == "delivered":
            already += 1
        elif state == "started" and not retry_doubtful:
            doubtful.append(_fail(delivery, "an earlier run ended while sending it", _RETRY))
        else:
            now.append(delivery)
    return Due(now, already, doubtful)


def send_all(
    due: Due,
    transports: Mapping[str, Transport],
    journal: Journal,
    pace: Pace,
    *,
    progress: Progress,
    now: Callable[[], datetime],
    outcome: Outcome,
) -> None:
    """Send every delivery of `due.now`; `outcome` is filled as it goes, so that it tells of a broken run too.

    Raises:
        UnreachableError: a server takes nothing; what was not sent stays due.
    """
    with progress.task("sending warnings", len(due.now), "messages") as task:
        for delivery in due.now:
            pace.wait()
            names = name_delivery(delivery)
            identity = journal.identify(names[0])
            transport = transports[delivery.channel]
            journal.record("started", names, now(), delivery.channel)
            try:
                transport.send(delivery, identity, now())
            except RefusedError as error:
                journal.record("failed", names, now(), delivery.channel, error=str(error))
                outcome.failures.append(_fail(delivery, str(error), error.remedy))
            except DoubtfulError as error:
                outcome.doubtful.append(_fail(delivery, str(error), _RETRY))
            except Exception as error:
                # Nothing left: it stays due.
                journal.record("failed", names, now(), delivery.channel, error=str(error))
                raise
            else:
                journal.record("delivered", names, now(), delivery.channel)
                outcome.delivered += 1
            failed = len(outcome.failures) + len(outcome.doubtful)
            task.advance(1, f"{failed} not delivered" if failed else "")


def name_delivery(delivery: Delivery) -> tuple[str, str]:
    """What must not be used twice: the customer, and the address."""
    return f"customer:{delivery.customer}", f"{delivery.channel}:{delivery.to}"


def _fail(delivery: Delivery, error: str, remedy: str) -> Failure:
    return Failure(delivery.customer, delivery.channel, mask_address(delivery.to), error, remedy)
