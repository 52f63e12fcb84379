"""OpenTelemetry traces, where they are wanted: one span a request, with route and status, nobody's data.

Names of attributes: https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stanch import __version__
from stanch.errors import UsageError


class Traced:
    """Wraps the application; spans go to an OTLP address over HTTP, from a thread of their own.

    Raises:
        UsageError: OpenTelemetry is not installed.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace import SpanKind
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            raise UsageError(
                "service.traces: OpenTelemetry is not installed", hint="pip install 'stanch[traces]'"
            ) from None
        self._app = app
        named = Resource.create({"service.name": "stanch", "service.version": __version__})
        self._provider = TracerProvider(resource=named)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
        self._tracer = self._provider.get_tracer("stanch", __version__)
        self._find_parent = TraceContextTextMapPropagator().extract
        self._kind = SpanKind.SERVER

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request under a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {
            k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"] if k == b"traceparent"
        }
        status: dict[str, Any] = {}

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                status["http.response.status_code"] = message["status"]
            await send(message)

        with self._tracer.start_as_current_span(
            scope["method"], self._find_parent(carrier), self._kind, record_exception=False
        ) as span:
            await self._app(scope, receive, watch)
            route = scope.get("stanch.route", "none")
            span.update_name(f"{scope['method']} {route}")
            span.set_attributes({"http.request.method": scope["method"], "http.route": route, **status})

    def close(self) -> None:
        """Send what is not sent yet."""
        self._provider.shutdown()
