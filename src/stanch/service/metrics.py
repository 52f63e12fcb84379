"""What Prometheus may ask: counts, no people.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    disable_created_metrics,
    generate_latest,
)

from stanch.service.guard_metrics import GuardMetrics
from stanch.service.tally import Count, Tally

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._requests = Count("stanch_http_requests", "Requests answered.", ["method", "route", "status"])
        self._seconds = Tally(
            "stanch_http_request_seconds", "Time from a request's headers to its answer.", _SECONDS, "route"
        )
        registry.register(self._requests)
        registry.register(self._seconds)
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

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered. There are few routes, methods and statuses."""
        self._requests.add(method, route, str(status))
        self._seconds.observe(seconds, route)

    def render(self) -> bytes:
        """All of them as text."""
        return generate_latest(self._registry)
