"""Exposures and complaints -> ranked sources, named or cleared."""

from stanch.tracing.early import tell_early
from stanch.tracing.settings import TracingSettings
from stanch.tracing.trace import trace_sources

__all__ = ["TracingSettings", "tell_early", "trace_sources"]
