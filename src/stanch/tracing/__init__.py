"""Exposures and complaints -> ranked sources, named or cleared."""

from stanch.tracing.settings import TracingSettings
from stanch.tracing.trace import trace_sources

__all__ = ["TracingSettings", "trace_sources"]
