"""Traces for OpenTelemetry: a span a request, where its SDK is installed and an endpoint is set.

    pip install 'tfx-recommenders[serving,tracing]'
    OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 recommender serve

Spans are sent as OTLP over HTTP in JSON, which every collector takes: OpenTelemetry's own exporters want a newer
protobuf than TensorFlow 2.16 admits. Sampling, resource and the rest of the SDK's settings are those of its own
environment variables (OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, …).
"""

from __future__ import annotations

import json
import logging
import os
import time
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from serving.calls.call import Call

logger = logging.getLogger(__name__)

SERVICE_NAME = "recommender"
SECONDS = 10.0
"""Most seconds of one delivery."""


def tracer_of_environment(environment: Mapping[str, str] = os.environ) -> Spans | None:
    """Collects spans where the environment names an endpoint and the SDK is installed; else None."""
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not endpoint and (base := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        endpoint = f"{base.rstrip('/')}/v1/traces"
    if not endpoint or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        return Spans(endpoint, _headers(environment))
    except ImportError as error:
        logger.warning("an endpoint of traces is set, and none are sent: %s. Install tfx-recommenders[tracing]", error)
        return None


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Further headers for the collector, `key=value` with commas between, such as a token."""
    text = environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environment.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


class Spans:
    """Makes a span of every request and sends them in batches, in a thread of the SDK's.

    Args:
      endpoint: Where OTLP is taken, `http://…/v1/traces`.
      headers: Further headers.

    Raises:
      ImportError: opentelemetry-sdk is not installed.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        name = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": SERVICE_NAME}
        self._provider = TracerProvider(resource=Resource.create(name))
        exporter: Any = _Exporter(endpoint, headers)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tfx-recommenders")
        self._extract = TraceContextTextMapPropagator().extract
        self._server, self._status, self._code = SpanKind.SERVER, Status, StatusCode

    def finished(self, call: Call, seconds: float) -> None:
        """Makes the span of a request that has ended."""
        ended = time.time_ns()
        parent = self._extract({"traceparent": call.traceparent.decode()}) if call.traceparent else None
        attributes: dict[str, Any] = {
            "rpc.system" if call.entrypoint == "GRPC" else "http.request": call.asked,
            "http.response.status_code": call.http,
            "recommender.model": call.model,
            "recommender.version": call.version,
            "recommender.label": call.label,
            "recommender.signature": call.signature,
            "recommender.status": call.status.name,
            "recommender.request_id": call.request_id.decode(),
        }
        span = self._tracer.start_span(
            f"{call.entrypoint} {call.api or 'other'}",
            context=parent,
            kind=self._server,
            attributes={name: value for name, value in attributes.items() if value != ""},
            start_time=ended - int(seconds * 1e9),
        )
        if call.http >= 500:
            span.set_status(self._status(self._code.ERROR, str(call.error)))
        span.end(ended)

    def flush(self) -> None:
        """Sends what has not been sent."""
        self._provider.force_flush()


class _Exporter:
    """Sends spans in OTLP's JSON (opentelemetry-proto, trace.proto); the protocol of the SDK's SpanExporter."""

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._headers = {"content-type": "application/json", **headers}

    def export(self, spans: Sequence[Any]) -> Any:
        from opentelemetry.sdk.trace.export import SpanExportResult

        request = urllib.request.Request(self._endpoint, json.dumps(_document(spans)).encode(), self._headers)
        try:
            urllib.request.urlopen(request, timeout=SECONDS).close()
        except OSError as error:
            logger.warning("%d spans could not be sent to %s: %s", len(spans), self._endpoint, error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back."""
        return True


def _document(spans: Sequence[Any]) -> dict[str, Any]:
    resource = _attributes(spans[0].resource.attributes)
    written = [_span(span) for span in spans]
    scope = {"name": spans[0].instrumentation_scope.name}
    return {
        "resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": written}]}]
    }


def _span(span: Any) -> dict[str, Any]:
    parent = {} if span.parent is None else {"parentSpanId": f"{span.parent.span_id:016x}"}
    return {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        **parent,
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP counts from UNSPECIFIED
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes),
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
    }


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}
