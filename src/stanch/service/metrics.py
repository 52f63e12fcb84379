"""What Prometheus may ask: counts, no people.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from stanch.service.guard_metrics import GuardMetrics

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "stanch_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "stanch_http_request_seconds",
            "Time from a request's headers to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rows = Counter(
            "stanch_intake_rows",
            "Rows of evidence that came in, by what became of them.",
            ["table", "result"],
            registry=registry,
        )
        self.repeats = Counter(
            "stanch_intake_repeats",
            "Requests that repeated an earlier one and were answered as it was.",
            ["table"],
            registry=registry,
        )
        self.refused_keys = Counter(
            "stanch_keys_refused", "Requests with a missing, unknown or revoked key.", registry=registry
        )
        self.forms = Counter(
            "stanch_forms", "Forms sent in, by what became of them.", ["form", "result"], registry=registry
        )

        self.challenges = Counter(
            "stanch_challenges",
            "Answers to the challenge page: solved, waited or failed.",
            ["result"],
            registry=registry,
        )
        self.limited = Counter(
            "stanch_keys_limited", "Requests refused because their key called too often.", ["scope"],
            registry=registry,
        )  # fmt: skip
        self.guard = GuardMetrics(registry)
        self._bound: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered. There are few routes, methods and statuses."""
        bound = self._bound.get((method, route, status))
        if bound is None:
            counter = self.requests.labels(method, route, str(status))
            bound = self._bound[method, route, status] = (counter.inc, self.seconds.labels(route).observe)
        bound[0]()
        bound[1](seconds)

    def render(self) -> bytes:
        """All of them as text."""
        return generate_latest(self._registry)
