"""What is asked of each server: the same twenty experiments every time."""

import hashlib
import json
from dataclasses import replace
from urllib.parse import quote

from benchmarks.assignment.load import Target
from benchmarks.assignment.servers import Running

DOCUMENT = """query Assignments($subject: SubjectInput!) {
  assignments(subject: $subject, qualifying: true) {
    etag
    assignments { experimentKey variant value reason inExperiment }
  }
}"""
EVERYTHING = DOCUMENT.replace(", qualifying: true", "")
"""The same for every experiment there is, whether it targets the subject or not."""

VIEWER = """query Page($subject: SubjectInput!) {
  viewer(subject: $subject) {
    assignments {
      etag
      assignments { experimentKey variant value reason inExperiment }
    }
  }
}"""
"""The same answer by a document that has no plan: the executor runs it."""

ATTRIBUTES = {"plan": "free", "country": "NO", "segment": "none"}
SUBJECT = {"userId": "%s", "attributes": ATTRIBUTES}
JSON = "application/json"


def of_hone(running: Running, key: str) -> list[Target]:
    """Every way to ask Hone."""
    headers = {"authorization": f"Bearer {key}", "content-type": JSON}
    named = {"version": 1, "sha256Hash": hashlib.sha256(DOCUMENT.encode()).hexdigest()}
    extensions = quote(json.dumps({"persistedQuery": named}))
    # What replaces %s needs no quoting.
    variables = quote(json.dumps({"subject": SUBJECT})).replace("%25s", "%s")
    context = {"context": {"targetingKey": "%s", **ATTRIBUTES}}
    graphql, ofrep = f"{running.url}/graphql", f"{running.url}/ofrep/v1/evaluate/flags"

    def post(name: str, url: str, body: object) -> Target:
        return Target(name, url, running.process, "POST", json.dumps(body), headers)

    def get(name: str, url: str, sent: dict[str, str]) -> Target:
        return Target(name, url, running.process, "GET", "", sent)

    persisted = f"{graphql}?extensions={extensions}&variables={variables}"
    return [
        post(
            "GraphQL, prepared",
            graphql,
            {"query": DOCUMENT, "variables": {"subject": SUBJECT}},
        ),
        replace(
            post(
                "GraphQL, prepared, nobody twice",
                graphql,
                {"query": DOCUMENT, "variables": {"subject": SUBJECT}},
            ),
            fresh=True,
        ),
        replace(
            post(
                "GraphQL, prepared, nobody twice, traits looked up",
                graphql,
                {"query": DOCUMENT, "variables": {"subject": {"userId": "%s"}}},
            ),
            fresh=True,
        ),
        post(
            "GraphQL, prepared, full list",
            graphql,
            {"query": EVERYTHING, "variables": {"subject": SUBJECT}},
        ),
        post(
            "GraphQL, executor",
            graphql,
            {"query": VIEWER, "variables": {"subject": SUBJECT}},
        ),
        get("GraphQL, persisted GET", persisted, {"authorization": f"Bearer {key}"}),
        post("OFREP bulk", ofrep, context),
        get("SDK payload", f"{running.url}/api/features/{key}", {}),
    ]


def of_floor(running: Running) -> Target:
    """The floor, with a body as large as a query's."""
    body = json.dumps({"query": DOCUMENT, "variables": {"subject": SUBJECT}})
    headers = {"content-type": JSON}
    return Target("raw ASGI, 2 KB", running.url, running.process, "POST", body, headers)


def of_unleash(running: Running, token: str) -> Target:
    """Unleash's frontend API."""
    path = "/api/frontend?userId=%s&properties[plan]=free&properties[country]=NO"
    url = running.url + path.replace("[", "%5B").replace("]", "%5D")
    headers = {"authorization": token}
    return Target("Unleash 8.2 frontend API", url, running.process, "GET", "", headers)
