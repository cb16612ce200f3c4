"""The doors that take attributes, events or texts, each as a request with a gap."""

import json
from dataclasses import dataclass

from benchmarks.bad_input.serving import ERRORS, Server

ASSIGN = """query ($subject: SubjectInput!) {
  assignments(subject: $subject) { assignments { experimentKey variant value } } }"""
EXPLAIN = """query ($subject: SubjectInput!) {
  explainAssignment(subject: $subject, key: "bad-0") { assignment { variant } } }"""
EXPOSE = """mutation ($input: RecordExposuresInput!) { recordExposures(input: $input) {
  ... on RecordExposuresPayload { exposures { status code } }
  ... on Error { code } } }"""
TRACK = """mutation ($input: [TrackEventInput!]!) { trackEvents(input: $input) {
  ... on TrackEventsPayload { accepted rejected { code } }
  ... on Error { code } } }"""


@dataclass(frozen=True, slots=True)
class Door:
    """A request with a place for something bad; `#` is another number each time."""

    name: str
    path: str
    before: bytes
    after: bytes
    key: str
    media_type: str = "application/json"

    def body(self, bad: bytes, number: int) -> bytes:
        """The whole request body."""
        before = self.before.replace(b"#", b"%d" % number)
        return before + bad + self.after.replace(b"#", b"%d" % number)


def doors(server: Server) -> list[Door]:
    """Every door that takes attributes, events or texts."""
    subject = '{"userId":"u#","attributes":@}'
    write = '{"input":{"idempotencyKey":"k#",%s}}'
    event = '{"id":"e#","name":"n","userId":"u","properties":@}'
    link = write % '"userId":"u#","anonymousId":@'
    answer = '"surveyKey":"why","submissionId":"k#","answers":[%s]'
    why = '{"questionKey":"why","value":%s}'
    said = '"source":"API","body":%s'
    tracked = '{"input":[{"eventId":"e#","name":"n","subject":%s}]}'
    exposed = '"exposures":[{"eventId":"x#","experimentKey":"bad-1"}]'
    asked = (
        ("assignments", ASSIGN, f'{{"subject":{subject}}}'),
        ("explainAssignment", EXPLAIN, f'{{"subject":{subject}}}'),
        ("recordExposures", EXPOSE, f'{{"input":{{"subject":{subject},{exposed}}}}}'),
        ("trackEvents", TRACK, tracked % '{"userId":"u"},"properties":@'),
        ("trackEvents, attributes", TRACK, tracked % subject),
        ("linkIdentity", _write("linkIdentity"), link),
        (
            "submitResponse, answer",
            _write("submitResponse"),
            write % answer % (why % "@"),
        ),
        (
            "submitResponse, context",
            _write("submitResponse"),
            write % (answer % (why % '"x"') + ',"context":@'),
        ),
        ("recordFeedback", _write("recordFeedback"), write % (said % "@")),
        (
            "recordFeedback, attributes",
            _write("recordFeedback"),
            write % (said % '"x"' + f',"subject":{subject}'),
        ),
    )
    found = [
        _door(name, "/graphql", _graphql(query, variables), server.server)
        for name, query, variables in asked
    ]
    context = '{"context":@}'.replace("@", '{"targetingKey":"u#","x":@}')
    plain = '{"attributes":@}'
    flags = "/ofrep/v1/evaluate/flags"
    return [
        *found,
        _door("/v1/events", "/v1/events", f"[{event}]", server.server),
        _door(
            "/v1/events, lines",
            "/v1/events",
            event,
            server.server,
            "application/x-ndjson",
        ),
        _door("OFREP, all", flags, context, server.client),
        _door("OFREP, one", f"{flags}/bad-0", context, server.client),
        _door("remote evaluation", f"/api/eval/{server.client}", plain, ""),
    ]


def _write(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {ERRORS} }} }}"


def _graphql(query: str, variables: str) -> str:
    return f'{{"query":{json.dumps(query)},"variables":{variables}}}'


def _door(
    name: str, path: str, body: str, key: str, media_type: str = "application/json"
) -> Door:
    before, _, after = body.encode().rpartition(b"@")
    return Door(name, path, before, after, key, media_type)
