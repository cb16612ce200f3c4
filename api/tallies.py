"""Counts that cost next to nothing to note, and are added up when they are asked for.

They are noted on the event loop alone, so that no lock is taken for each.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Counts(Collector):
    """How often something happened, by labels from fixed sets."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {}

    def note(self, labels: tuple[str, ...]) -> None:
        """Count one."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts so far."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in sorted(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class Timings(Collector):
    """How long something took, by labels from fixed sets, in buckets of seconds."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], seconds: Sequence[float]
    ) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._seconds = seconds
        self._kept: dict[tuple[str, ...], _Timing] = {}

    def note(self, labels: tuple[str, ...], seconds: float) -> None:
        """Take in one; a bucket holds what took at most its bound."""
        timing = self._kept.get(labels)
        if timing is None:
            timing = self._kept[labels] = _Timing(len(self._seconds) + 1)
        timing.counts[bisect_left(self._seconds, seconds)] += 1
        timing.total += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The buckets so far, each with those below it."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        bounds = [*(str(float(bound)) for bound in self._seconds), "+Inf"]
        for labels, timing in sorted(self._kept.items()):
            buckets, below = [], 0
            for bound, count in zip(bounds, timing.counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(labels, buckets, timing.total)
        yield family


class _Timing:
    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0
