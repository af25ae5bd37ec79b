"""What the server counts, under TensorFlow Serving's names, for Prometheus.

| name | type | labels |
|---|---|---|
| `:tensorflow:serving:request_count` | counter | `model_name`, `status` |
| `:tensorflow:serving:request_latency` | histogram, microseconds | `model_name`, `API`, `entrypoint` |
| `:tensorflow:serving:runtime_latency` | histogram, microseconds | `model_name`, `API`, `runtime` |
| `:tensorflow:serving:batch_size` | histogram, rows of a call | `model_name` |
| `:tensorflow:serving:queued_rows` | gauge | `model_name`, `version` |
| `process_*`, `python_gc_*` | of this process | |

Client libraries of Prometheus add `_total` to a counter's name, TensorFlow Serving does not; and two
locks and some dictionaries for each of 6,000 requests a second are worth saving. So these are counted here
and only the process's own metrics come from the library.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest

PREFIX = ":tensorflow:serving:"
LATENCY_BOUNDS = tuple(10 * 1.8**power for power in range(33))
"""Microseconds, 10 to 20 minutes, as TensorFlow Serving's."""
SIZE_BOUNDS = tuple(float(1 << power) for power in range(15))

Labels = tuple[tuple[str, str], ...]


class Counter:
    """Counts up."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self, number: int = 1) -> None:
        """Adds to the count."""
        with self._lock:
            self.value += number


class Histogram:
    """Counts values by size.

    Args:
      bounds: Upper bounds of the buckets, rising; a last one without bound is added.
    """

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Counts a value."""
        bucket = bisect.bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        """In the text format of Prometheus."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        reached = 0
        for bound, count in zip((*map(_number, self._bounds), "+Inf"), counts, strict=True):
            reached += count
            yield f"{name}_bucket{_labels((*labels, ('le', bound)))} {reached}"
        yield f"{name}_sum{_labels(labels)} {_number(total)}"
        yield f"{name}_count{_labels(labels)} {reached}"


class Metrics:
    """All that is counted; one object a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], Counter] = {}
        self._latency: dict[tuple[str, str, str], Histogram] = {}
        self._runtime: dict[str, Histogram] = {}
        self._sizes: dict[str, Histogram] = {}
        self._registry = CollectorRegistry()
        self._registry.register(PROCESS_COLLECTOR)
        self._registry.register(GC_COLLECTOR)
        self.queues: Callable[[], Iterable[tuple[str, int, int]]] = tuple
        """Model, version and queued rows of everything that is loaded."""

    def count(self, model: str, status: str) -> None:
        """A request with its status, such as `OK`."""
        counter = self._requests.get((model, status))
        if counter is None:
            with self._lock:
                counter = self._requests.setdefault((model, status), Counter())
        counter.add()

    def latency(self, model: str, api: str, entrypoint: str) -> Histogram:
        """Microseconds of answered requests; `api` is Predict or predict, the entry point GRPC or REST."""
        with self._lock:
            return self._latency.setdefault((model, api, entrypoint), Histogram(LATENCY_BOUNDS))

    def runtime(self, model: str) -> Histogram:
        """Microseconds of calls of the model."""
        with self._lock:
            return self._runtime.setdefault(model, Histogram(LATENCY_BOUNDS))

    def sizes(self, model: str) -> Histogram:
        """Rows of calls of the model."""
        with self._lock:
            return self._sizes.setdefault(model, Histogram(SIZE_BOUNDS))

    def page(self) -> bytes:
        """Everything in the text format of Prometheus."""
        return "\n".join([*self._lines(), ""]).encode() + generate_latest(self._registry)

    def _lines(self) -> Iterator[str]:
        with self._lock:
            requests, latency = dict(self._requests), dict(self._latency)
            runtime, sizes = dict(self._runtime), dict(self._sizes)
        yield from _head("request_count", "counter", "The total number of requests.")
        for (model, status), counter in requests.items():
            yield f"{PREFIX}request_count{_labels((('model_name', model), ('status', status)))} {counter.value}"
        yield from _head("request_latency", "histogram", "Distribution of wall time (in microseconds) of requests.")
        for (model, api, entrypoint), histogram in latency.items():
            labels = (("model_name", model), ("API", api), ("entrypoint", entrypoint))
            yield from histogram.lines(f"{PREFIX}request_latency", labels)
        yield from _head("runtime_latency", "histogram", "Distribution of wall time (in microseconds) of TensorFlow.")
        for model, histogram in runtime.items():
            labels = (("model_name", model), ("API", "Predict"), ("runtime", "TF1"))
            yield from histogram.lines(f"{PREFIX}runtime_latency", labels)
        yield from _head("batch_size", "histogram", "Distribution of rows of a call.")
        for model, histogram in sizes.items():
            yield from histogram.lines(f"{PREFIX}batch_size", (("model_name", model),))
        yield from _head("queued_rows", "gauge", "Rows that wait for a call.")
        for model, version, rows in self.queues():
            yield f"{PREFIX}queued_rows{_labels((('model_name', model), ('version', str(version))))} {rows}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {text}"
    yield f"# TYPE {PREFIX}{name} {kind}"


def _labels(labels: Labels) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels) + "}"


def _number(value: float) -> str:
    return f"{value:g}" if value < 1e6 else repr(value)
