"""Incidents with known truth, and scoring against it. Sees only the evidence tables."""

from __future__ import annotations

from stanch.simulation.cases import CASES, PEACEFUL, Case
from stanch.simulation.incident import Incident, simulate, write_incident

__all__ = ["CASES", "PEACEFUL", "Case", "Incident", "simulate", "write_incident"]
