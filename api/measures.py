"""What the process counts about itself, in one registry for each application."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Measures:
    """Counters whose labels come from fixed sets, so that callers add none."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "hone_http_request_seconds",
            "Time to answer a request, by place, method and status class.",
            ("place", "method", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._operations = Counter(
            "hone_graphql_operations",
            "GraphQL operations by kind and outcome.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._answered: dict[tuple[str, str, int], Histogram] = {}
        self._operated: dict[tuple[str, str], Counter] = {}
        self._planned: dict[str, Counter] = {}
        self._prepared = Counter(
            "hone_prepared_documents",
            "Requests answered from a plan, by how the document was named.",
            ("by",),
            registry=self.registry,
        )
        self._events = Counter(
            "hone_ingested_events",
            "Events handed in, by verdict.",
            ("verdict",),
            registry=self.registry,
        )
        self._limited = Counter(
            "hone_rate_limited_requests",
            "Requests refused because their credential asked too often, by its kind.",
            ("kind",),
            registry=self.registry,
        )
        self._links = Counter(
            "hone_identity_links",
            "Visitors said to be users: linked, known before, or in conflict.",
            ("outcome",),
            registry=self.registry,
        )
        self.subscriptions = Gauge(
            "hone_graphql_subscriptions",
            "Subscriptions open now.",
            registry=self.registry,
        )
        self.queue_age = Gauge(
            "hone_queue_age_seconds",
            "How long the oldest wake-up has waited.",
            registry=self.registry,
        )
        self.log_backlog = Gauge(
            "hone_event_log_backlog",
            "Events that are stored and not folded yet.",
            registry=self.registry,
        )

    def requested(self, place: str, method: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        child = self._answered.get((place, method, status))
        if child is None:
            child = self._requests.labels(place, method, f"{status // 100}xx")
            self._answered[place, method, status] = child
        child.observe(seconds)

    def operated(self, kind: str, outcome: str) -> None:
        """Note one GraphQL operation: ok, failed or refused."""
        child = self._operated.get((kind, outcome))
        if child is None:
            child = self._operated[kind, outcome] = self._operations.labels(
                kind, outcome
            )
        child.inc()

    def ingested(self, verdict: str, count: int) -> None:
        """Note events that got the same verdict."""
        self._events.labels(verdict).inc(count)

    def prepared(self, by: str) -> None:
        """Note one request answered from a plan."""
        child = self._planned.get(by)
        if child is None:
            child = self._planned[by] = self._prepared.labels(by)
        child.inc()

    def limited(self, kind: str) -> None:
        """Note one request that came too soon after others."""
        self._limited.labels(kind).inc()

    def linked(self, outcome: str, count: int = 1) -> None:
        """Note what became of links: linked, known or conflict."""
        self._links.labels(outcome).inc(count)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
