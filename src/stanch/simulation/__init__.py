"""Incidents with known truth, and scoring against it. Sees only the evidence tables."""

from __future__ import annotations

from stanch.simulation.cases import CASES, PEACEFUL, Case, vary_case
from stanch.simulation.incident import Incident, simulate, simulate_logins, write_incident

__all__ = [
    "CASES",
    "PEACEFUL",
    "Case",
    "Incident",
    "simulate",
    "simulate_logins",
    "vary_case",
    "write_incident",
]
