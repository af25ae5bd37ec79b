"""What the server counts, for Prometheus: TensorFlow Serving's names where it has them. docs/monitoring.md lists them.

Requests are observed once, in a histogram whose labels hold everything that is known of a request; their number is
read off the same buckets. Client libraries of Prometheus add `_total` to a counter's name, TensorFlow Serving does not:
so `request_count` has a collector of its own.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

PREFIX = ":tensorflow:serving:"
LATENCY_BOUNDS = tuple(float(f"{10 * 1.8**power:.6g}") for power in range(33))
"""Microseconds, 10 to 20 minutes, as TensorFlow Serving's."""
SIZE_BOUNDS = tuple(float(1 << power) for power in range(15))
KEPT_VERSIONS = 5
"""Versions of a model that are gone and whose figures are still told: enough for a swap to be compared."""

VERSION_LABELS = ("model_name", "version")
REQUEST_LABELS = ("model_name", "API", "entrypoint", "version", "label", "signature", "status")
Request = tuple[str, str, str, str, str, str, str]
"""Values of REQUEST_LABELS."""
_COUNT = f"{PREFIX}request_count"
MORE_SERIES = {
    "recommender_event_store_up": "Whether the event store can be read.",
    "recommender_events_stored": "Events that were new.",
    "recommender_events_repeated": "Events whose id was known.",
    "recommender_events_refused": "Events that the store did not take.",
    "recommender_answers_from_events": "People whose answers followed from events, too.",
    "recommender_answers_without_store": "Questions that were answered from the bundle alone, the store being away.",
    "recommender_requests_logged": "Records that were written to the request log.",
    "recommender_requests_not_logged": "Records that were lost: too many waited, or the file could not be written.",
}


class Metrics:
    """All that is counted; one object a server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of the time when it began
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._requests: dict[Request, Any] = {}
        self._latency = self._histogram(
            "request_latency", "Wall time of requests, in microseconds.", REQUEST_LABELS, LATENCY_BOUNDS
        )
        self._runtime = self._histogram(
            "runtime_latency",
            "Wall time of calls of the model, in microseconds.",
            ("model_name", "version", "API", "runtime"),
            LATENCY_BOUNDS,
        )
        self._sizes = self._histogram("batch_size", "Rows of calls of the model.", VERSION_LABELS, SIZE_BOUNDS)
        self._load_seconds = Gauge(
            "recommender_version_load_seconds",
            "How long a version took to load and warm up.",
            VERSION_LABELS,
            registry=self._registry,
        )
        self._gone: dict[str, collections.deque[str]] = {}
        self.queues: Callable[[], Iterable[tuple[str, int, int]]] = tuple
        """Model, version and queued rows of everything that is loaded."""
        self.states: Callable[[], Iterable[tuple[str, int, str]]] = tuple
        """Model, version and state of everything that is known."""
        self.more: Callable[[], Mapping[str, float]] = dict
        """What has been done with events and with the request log, by `MORE_SERIES`."""
        self.is_ready: Callable[[], bool] = lambda: False
        """What the readiness probe says."""
        for collector in (self, PROCESS_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)

    def observe(self, request: Request, microseconds: float) -> None:
        """A request that has ended, with the values of REQUEST_LABELS."""
        child = self._requests.get(request)
        if child is None:
            with self._lock:
                child = self._requests[request] = self._latency.labels(*request)
        child.observe(microseconds)

    def runtime(self, model: str, version: int) -> Any:
        """Microseconds of calls of a version."""
        return self._runtime.labels(model, str(version), "Predict", "TF1")

    def sizes(self, model: str, version: int) -> Any:
        """Rows of calls of a version."""
        return self._sizes.labels(model, str(version))

    def loaded(self, model: str, version: int, seconds: float) -> None:
        """A version that has been loaded and warmed up."""
        with self._lock:
            if str(version) in self._gone.get(model, ()):
                self._gone[model].remove(str(version))
        self._load_seconds.labels(model, str(version)).set(seconds)

    def unloaded(self, model: str, version: int) -> None:
        """A version that is gone: its figures are told a while longer, not for ever."""
        with self._lock:
            gone = self._gone.setdefault(model, collections.deque())
            gone.append(str(version))
            if len(gone) <= KEPT_VERSIONS:
                return
            old = gone.popleft()
            for request in [key for key in self._requests if (key[0], key[3]) == (model, old)]:
                del self._requests[request]
                self._latency.remove(*request)
        for metric, labels in (
            (self._runtime, (model, old, "Predict", "TF1")),
            (self._sizes, (model, old)),
            (self._load_seconds, (model, old)),
        ):
            metric.remove(*labels)

    def page(self) -> bytes:
        """Everything in the text format of Prometheus."""
        page: bytes = generate_latest(self._registry)
        # The library knows counters that end in _total alone, and calls this one untyped.
        return page.replace(f"# TYPE {_COUNT} untyped".encode(), f"# TYPE {_COUNT} counter".encode())

    def collect(self) -> Iterator[Metric]:
        """What is known at the moment when it is asked; the protocol of prometheus_client."""
        yield self._request_counts()
        queues = GaugeMetricFamily(f"{PREFIX}queued_rows", "Rows that wait for a call.", labels=VERSION_LABELS)
        for model, version, rows in self.queues():
            queues.add_metric((model, str(version)), rows)
        yield queues
        states = GaugeMetricFamily(
            "recommender_version_state",
            "1 for the state that a version is in.",
            labels=("model_name", "version", "state"),
        )
        for model, version, state in self.states():
            states.add_metric((model, str(version), state), 1)
        yield states
        yield GaugeMetricFamily("recommender_ready", "Whether the readiness probe says yes.", self.is_ready())
        for name, value in self.more().items():
            family = GaugeMetricFamily if name == "recommender_event_store_up" else CounterMetricFamily
            yield family(name, MORE_SERIES[name], value)

    def _request_counts(self) -> Metric:
        counts = Metric(_COUNT, "Requests that have ended.", "unknown")
        for metric in self._latency.collect():
            for sample in metric.samples:
                if sample.name.endswith("_count"):
                    counts.add_sample(_COUNT, sample.labels, sample.value)
        return counts

    def _histogram(self, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]) -> Histogram:
        return Histogram(PREFIX + name, text, labels, buckets=bounds, registry=self._registry)
