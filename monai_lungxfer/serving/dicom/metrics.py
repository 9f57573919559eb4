"""The metrics of a DICOM node for Prometheus. Labels hold states and names of destinations, no patient data."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monai_lungxfer.serving.dicom.health import FINE, NodeView
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

PREFIX = "lungxfer_node"
BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 3600)
"""Upper limits of the histogram, in seconds."""

_LAG = 5  # seconds: what ended just now may not be in the journal yet
_ENDED = ("done", "failed", "left out")


def make_registry(view: NodeView) -> CollectorRegistry:
    """Return what `prometheus_client.generate_latest` writes for a node: its metrics, and those of its process."""
    client = import_extra("prometheus_client")
    registry: CollectorRegistry = client.CollectorRegistry()
    client.ProcessCollector(registry=registry)
    registry.register(NodeCollector(view))
    return registry


class NodeCollector:
    """Asks the journal at each scrape; what ended since the last one is added to the counters."""

    def __init__(self, view: NodeView) -> None:
        client = import_extra("prometheus_client")
        self._core = import_extra("prometheus_client.core")
        self._view = view
        self._lock = threading.Lock()
        self._until = view.journal.clock() - _LAG
        told = "Seconds from the arrival of a radiograph to its results in a destination"
        self._seconds = client.Histogram(
            f"{PREFIX}_delivery_seconds", told, ["destination"], registry=None, buckets=BUCKETS
        )
        told = "Radiographs that were done, failed or were left out since the start"
        self._ended = client.Counter(f"{PREFIX}_radiographs_ended", told, ["state"], registry=None)
        for destination in view.settings.destination:
            self._seconds.labels(destination.name)
        for state in _ENDED:
            self._ended.labels(state)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that are read anew each time."""
        try:
            with self._lock:
                self._count_ended()
            yield from self._of_journal()
        except LungXferError:  # told by the part "journal" below
            pass
        # Not in the registry themselves, which would give them as they were before.
        yield from self._seconds.collect()
        yield from self._ended.collect()
        yield from self._of_node()

    def _count_ended(self) -> None:
        database, begin, end = self._view.journal.database, self._until, self._view.journal.clock() - _LAG
        rows = database.read(
            "SELECT destination, delivered_at - received_at AS seconds FROM deliveries"
            " JOIN radiographs ON id = radiograph WHERE delivered_at > ? AND delivered_at <= ?",
            (begin, end),
        )
        ended = database.read(
            "SELECT state, COUNT(*) AS n FROM radiographs WHERE done_at > ? AND done_at <= ? GROUP BY state",
            (begin, end),
        )
        self._until = end
        for row in rows:
            self._seconds.labels(row["destination"]).observe(row["seconds"])
        for row in ended:
            if row["state"] in _ENDED:
                self._ended.labels(row["state"]).inc(row["n"])

    def _of_journal(self) -> Iterator[Metric]:
        journal = self._view.journal
        received = journal.database.read("SELECT seq FROM sqlite_sequence WHERE name = 'radiographs'")
        told = "Radiographs that came in since the spool was made"
        yield self._core.CounterMetricFamily(f"{PREFIX}_received", told, value=received[0]["seq"] if received else 0)
        states = self._gauge("radiographs", "Radiographs in the journal", "state")
        for state, count in journal.counts().items():
            states.add_metric([state], count)
        yield states
        deliveries = self._gauge("deliveries", "Results in the journal", "destination", "state")
        for destination, found in journal.backlog().items():
            for name, count in found.items():
                deliveries.add_metric([destination, name], count)
        yield deliveries
        oldest = self._gauge("oldest_waiting_seconds", "How long the oldest radiograph that is not done has waited")
        oldest.add_metric([], journal.oldest_waiting() or 0)
        yield oldest

    def _of_node(self) -> Iterator[Metric]:
        health = self._gauge("healthy", "Whether a part of the node can do its work", "part")
        for part, told in self._view.health().items():
            health.add_metric([part], told == FINE)
        yield health
        unreached = self._view.unreached()
        reached = self._gauge("destination_reached", "Whether a destination was reached at the last try", "destination")
        for destination in self._view.settings.destination:
            reached.add_metric([destination.name], destination.name not in unreached)
        yield reached
        free = self._view.free_bytes()
        if free is not None:
            space = self._gauge("spool_free_bytes", "Free space on the disk of the spool")
            space.add_metric([], free)
            yield space
        facts = self._view.model()
        model = {"model": facts.model, "version": facts.version or ""}
        yield self._core.InfoMetricFamily(f"{PREFIX}_model", "The model in service", value=model)
        for name, told, value in (
            ("model_loads", "Models that came into service since the start", facts.loads),
            ("model_failures", "Attempts to bring a model into service that failed", facts.failures),
        ):
            yield self._core.CounterMetricFamily(f"{PREFIX}_{name}", told, value=value)
        current = self._gauge("model_is_current", "Whether the model in service is the one that the alias stands at")
        current.add_metric([], facts.problem is None)
        yield current

    def _gauge(self, name: str, told: str, *labels: str) -> Any:
        return self._core.GaugeMetricFamily(f"{PREFIX}_{name}", told, labels=labels)
