"""Exposures and complaints -> ranked sources, named or cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stanch.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from stanch.tracing.early import tell_early
    from stanch.tracing.trace import trace_sources

__all__ = ["TracingSettings", "tell_early", "trace_sources"]


def __getattr__(name: str) -> Any:
    """The stage itself, when it is asked for: every command reads its settings, few need SciPy."""
    if name == "tell_early":
        from stanch.tracing.early import tell_early

        return tell_early
    if name == "trace_sources":
        from stanch.tracing.trace import trace_sources

        return trace_sources
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
