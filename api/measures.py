"""What the process counts about itself, in one registry for each application."""

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api.tallies import Counts, Timings

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_CLASSES = tuple(f"{hundreds}xx" for hundreds in range(10))


class Measures:
    """Counters whose labels come from fixed sets, so that callers add none."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Timings(
            "hone_http_request_seconds",
            "Time to answer a request, by place, method and status class.",
            ("place", "method", "status"),
            _SECONDS,
        )
        self._operations = Counts(
            "hone_graphql_operations",
            "GraphQL operations by kind and outcome.",
            ("kind", "outcome"),
        )
        self._prepared = Counts(
            "hone_prepared_documents",
            "Requests answered from a plan, by how the document was named.",
            ("by",),
        )
        for tally in (self._requests, self._operations, self._prepared):
            self.registry.register(tally)
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
        self._requests.note((place, method, _CLASSES[status // 100]), seconds)

    def operated(self, kind: str, outcome: str) -> None:
        """Note one GraphQL operation: ok, failed or refused."""
        self._operations.note((kind, outcome))

    def ingested(self, verdict: str, count: int) -> None:
        """Note events that got the same verdict."""
        self._events.labels(verdict).inc(count)

    def prepared(self, by: str) -> None:
        """Note one request answered from a plan."""
        self._prepared.note((by,))

    def limited(self, kind: str) -> None:
        """Note one request that came too soon after others."""
        self._limited.labels(kind).inc()

    def linked(self, outcome: str, count: int = 1) -> None:
        """Note what became of links: linked, known or conflict."""
        self._links.labels(outcome).inc(count)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
