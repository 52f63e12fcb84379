"""What Prometheus may ask about the guard. No address, no account: counts and levels only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stanch.guard.attempts import Answer
from stanch.guard.guard import Reset, Sweep
from stanch.service.tally import Count, Tally

if TYPE_CHECKING:
    from stanch.service.state import Service

_SCORES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)

_LEVELS: Final = (
    ("stanch_guard_attack_share", "Share of attack among strangers' attempts, lately."),
    ("stanch_guard_alarm", "1 while there is an attack on the site."),
    ("stanch_guard_threshold", "Score from which an attempt is challenged."),
    ("stanch_guard_budget", "Share of genuine logins that may be challenged."),
    ("stanch_guard_budget_spent", "Share of genuine logins challenged lately."),
    ("stanch_guard_scorecard_drift", "How far the shop's calm hours are from the scorecard's, 0 to 1."),
    ("stanch_guard_unstored", "Decisions and resets that the database has not taken yet."),
)


class GuardMetrics:
    """The counters of one guard."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._attempts = Count(
            "stanch_guard_attempts",
            "Attempts judged, by who asked, what was answered, and whether that was only simulated.",
            ["source", "action", "simulated"],
        )
        self._outcomes = Count(
            "stanch_guard_outcomes",
            "Attempts whose end was told, by how they ended and what was answered.",
            ["outcome", "action", "simulated"],
        )
        self._scores = Tally("stanch_guard_score", "Probability of attack of the attempts judged.", _SCORES)
        for counted in (self._attempts, self._outcomes, self._scores):
            registry.register(counted)
        self.attack_share, self.alarm, self.threshold, self.budget, self.spent, self.drift, self.waiting = (
            Gauge(name, meaning, registry=registry) for name, meaning in _LEVELS
        )
        self.sweep_seconds = Histogram(
            "stanch_guard_sweep_seconds", "Time of a look at the whole.", registry=registry,
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        )  # fmt: skip
        self.decisions_made = Counter(
            "stanch_decisions_made",
            "Decisions that the guard made.",
            ["kind", "simulated"],
            registry=registry,
        )
        self.resets = Counter(
            "stanch_guard_late_resets", "Logins let in that later looked like an attack's.", ["simulated"],
            registry=registry,
        )  # fmt: skip
        self.unavailable = Counter(
            "stanch_guard_unavailable",
            "Attempts answered without counts, as `guard.on_unavailable` says.",
            registry=registry,
        )
        self.holder = Gauge(
            "stanch_guard_lease",
            "1 while this guard does what one of several does for all.",
            registry=registry,
        )
        self.messages = Counter(
            "stanch_messages", "Webhooks and chat messages, by what became of them.", ["way", "result"],
            registry=registry,
        )  # fmt: skip
        self.reloads = Counter(
            "stanch_settings_reloads",
            "Settings read anew, by what came of it.",
            ["result"],
            registry=registry,
        )

    def count(self, source: str, answer: Answer) -> None:
        """Count an attempt that was judged."""
        self._attempts.add(source, answer.action, "yes" if answer.simulated else "no")
        self._scores.observe(answer.score)

    def count_outcome(self, outcome: str, answer: Answer) -> None:
        """Count an attempt whose end was told."""
        self._outcomes.add(outcome, answer.action, "yes" if answer.simulated else "no")

    def note_sweep(self, sweep: Sweep, budget: float) -> None:
        """Take over what a look at the whole brought."""
        self.attack_share.set(sweep.level)
        self.alarm.set(sweep.alarm)
        self.threshold.set(sweep.threshold)
        self.budget.set(budget)
        self.spent.set(sweep.spent)
        self.drift.set(sweep.drift)
        for decision in sweep.decisions:
            self.decisions_made.labels(decision.kind, _word(decision.simulated)).inc()

    def count_resets(self, resets: Sequence[Reset]) -> None:
        """Count logins that look like an attack's now."""
        for reset in resets:
            self.resets.labels(_word(reset.simulated)).inc()

    def watch(self, service: Service) -> None:
        """Tell also what is counted only when somebody asks."""
        self._registry.register(_Levels(service))


class _Levels(Collector):
    """Decisions in force and the fill of the counters, at the moment of asking."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """The levels."""
        active = GaugeMetricFamily(
            "stanch_decisions_active", "Decisions in force.", labels=["kind", "simulated"]
        )
        for (kind, simulated), n in self._service.decisions.count().items():
            active.add_metric([kind, _word(simulated)], n)
        yield active
        yield GaugeMetricFamily(
            "stanch_decisions_published", "Values that bouncers are told.", value=len(self._service.decisions)
        )
        fill = GaugeMetricFamily(
            "stanch_guard_counters_fill", "Share of a table of the counters in use.", labels=["table"]
        )
        for table, share in self._service.guard.fill().items():
            fill.add_metric([table], share)
        yield fill
        yield GaugeMetricFamily(
            "stanch_guard_counters_up",
            "1 while the counters can be read and written.",
            value=not self._service.guard.problem,
        )
        yield CounterMetricFamily(
            "stanch_guard_old_rows",
            "Attempts dated over an hour back: judged as of now, and not counted.",
            value=self._service.guard.n_old,
        )
        yield GaugeMetricFamily(
            "stanch_troubles",
            "What is wrong without stopping the service.",
            value=len(self._service.troubles),
        )

    def describe(self) -> list[Metric]:
        """Nothing that is known before."""
        return []


def _word(flag: bool) -> str:
    return "yes" if flag else "no"
