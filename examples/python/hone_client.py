"""A front-end in Python that goes on when Hone does not answer; no dependencies."""

import json
import logging
import uuid
from datetime import datetime, timezone
from http.client import HTTPException
from pathlib import Path
from urllib import error, request

QUERY = """query ($subject: SubjectInput!) { assignments(subject: $subject) {
  assignments { experimentKey variant value inExperiment phase } } }"""
BATCH, BUFFERED = 500, 5000
GONE = (OSError, HTTPException, ValueError)
JSON = "application/graphql-response+json, application/json"


class Hone:
    """One subject's values: as served, else as last served, else your defaults.

    What the server refuses or rejects is told to `on_problem` as a text; unless you
    give another, that is a warning in the log.
    """

    def __init__(
        self, url, key, *, subject, defaults, folder, seconds=1.0, on_problem=None
    ):
        self.url, self.key, self.subject = url, key, subject
        self.defaults, self.seconds, self.folder = defaults, seconds, Path(folder)
        self.on_problem = on_problem or logging.getLogger("hone").warning
        self.folder.mkdir(parents=True, exist_ok=True)
        self.who = json.dumps(subject, sort_keys=True)
        self.served, self.exposed = {}, set()

    def load(self):
        """Ask for everything once; False leaves cached and default values."""
        asked = {"query": QUERY, "variables": {"subject": self.subject}}
        try:
            rows = self._post("/graphql", asked)["data"]["assignments"]["assignments"]
        except (*GONE, KeyError, TypeError):
            return False
        self.served = {row["experimentKey"]: row for row in rows if row["variant"]}
        values = {key: row["value"] for key, row in self.served.items()}
        self._write("values", {"who": self.who, "values": values})
        return True

    def value(self, key):
        """What to show; None if you declared no default.

        Only what the server said in this run is an exposure.
        """
        row = self.served.get(key)
        if row is None:
            kept = self._read("values", {})
            cached = kept.get("values", {}) if kept.get("who") == self.who else {}
            return cached.get(key, self.defaults.get(key))
        if row["inExperiment"] and key not in self.exposed:
            self.exposed.add(key)
            chosen = {"experimentKey": key, "variantKey": row["variant"]}
            self.track("$exposure", **chosen, phase=row["phase"])
        return row["value"]

    def track(self, name, **fields):
        """Keep an event until it is sent; its id makes a repeat a duplicate."""
        at = datetime.now(timezone.utc).isoformat()
        event = {"id": str(uuid.uuid4()), "name": name, "at": at, **self.subject}
        event.pop("attributes", None)
        events = [*self._read("events", []), {**event, **fields}]
        self._write("events", events[-BUFFERED:])

    def flush(self):
        """Send what is buffered; what was not acknowledged stays for the next time."""
        while batch := self._read("events", [])[:BATCH]:
            try:
                self._post("/v1/events", batch)
            except GONE:
                return False
            self._write("events", self._read("events", [])[len(batch) :])
        return True

    def _post(self, path, body):
        headers = {"content-type": "application/json", "x-api-key": self.key}
        headers["accept"] = JSON
        sent = request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with request.urlopen(sent, timeout=self.seconds) as answer:
                said = json.load(answer)
        except error.HTTPError as refused:
            if refused.code < 500:
                text = refused.read().decode(errors="replace")
                self.on_problem(f"Hone refused {path}, {refused.code}: {text}")
            raise
        for problem in [*said.get("errors", ()), *said.get("rejected", ())]:
            self.on_problem(f"Hone did not take {path}: {json.dumps(problem)}")
        return said

    def _read(self, name, otherwise):
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return otherwise

    def _write(self, name, content):
        new = self.folder / f"{name}.new"
        new.write_text(json.dumps(content))
        new.replace(self.folder / f"{name}.json")
