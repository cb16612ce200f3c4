"""Documents for assignments, drawn at random, and what they are asked of."""

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.api.conftest import Edge
from tests.api.experiments import DRAFT, make_metrics, mutate

TYPES = {
    "s": ("SubjectInput!", 'SubjectInput! = {userId: "default"}'),
    "k": ("[String!]", "[String!]!", '[String!] = ["feature", "nothing"]'),
    "e": ("String", 'String = "W/none"'),
    "b": ("Boolean!", "Boolean = true", "Boolean! = false"),
    "c": ("Boolean!", "Boolean = false"),
    "q": ("Boolean", "Boolean!", "Boolean = true"),
    "u": ("String", "String!", 'String = "u7"'),
    "p": ("JSON!", "JSON", 'JSON = "paid"'),
    "a": ("JSON", "JSON!"),
}
SUBJECTS: Sequence[Any] = (
    {"userId": "u1"},
    {"userId": "u2", "attributes": {"plan": "free", "country": "NO", "age": 41}},
    {"userId": "u3", "attributes": {"plan": "paid", "age": 2**53}},
    {"anonymousId": "v1", "attributes": {"plan": "free", "tags": ["a", {"b": 1.5}]}},
    {"accountId": "acc", "userId": None, "attributes": None},
    {"userId": "ü-名", "attributes": {"plan": "frée", "x": None, "y": True, "z": -0.5}},
    {"userId": "u1", "attributes": {}},
    {},
    {"userId": ""},
    {"userId": "x" * 201},
    {"userId": 7},
    {"userId": "u1", "attributes": {"big": 2**63}},
    {"userId": "u1", "attributes": {"edge": 2**63 - 1, "low": -(2**63)}},
    {"userId": "u1", "attributes": [1]},
    {"userId": "u1", "attributes": {str(n): n for n in range(101)}},
    {"userId": "u1", "unknown": 1},
    {"user_id": "u1"},
    None,
    "u1",
    [{"userId": "u1"}],
)
VALUES: dict[str, Sequence[Any]] = {
    "s": SUBJECTS,
    "k": (
        [],
        ["feature"],
        ["nothing", "limit", "feature", "limit"],
        "flow",
        None,
        [None],
        [1],
        ["\u00e5", ""],
        [f"k{n}" for n in range(201)],
    ),
    "e": ("W/none", "", None, 5),
    "b": (True, False, None, "yes"),
    "c": (True, False, 1),
    "q": (True, False, None),
    "u": ("u1", "u4", None, 3, ""),
    "p": ("free", "paid", None, 4, {"deep": [1]}),
    "a": ({"plan": "free"}, {}, None, [1], "text", {"plan": 2**63}),
}
MISSING = object()

_LEAVES = (
    "experimentKey",
    "variant",
    "value",
    "reason",
    "cause",
    "inExperiment",
    "phase",
    "configVersion",
    "__typename",
)
_PAYLOADS = (
    "... on FeatureTreatment { value }",
    "... on FeatureTreatment { __typename v: value }",
    "... on LimitTreatment { meter kind limit: value window enforcement "
    "warnAtPercent features { key enabled __typename } disclosure { text } }",
    "... on LimitTreatment { features { enabled } }",
    "... on FlowTreatment { flow version steps { key kind title required "
    "completionEvent } }",
    "...Flow",
    "__typename",
)
_FRAGMENTS = {
    "Flow": "fragment Flow on FlowTreatment { flow steps { t: title key } }",
    "One": "fragment One on Assignment { k: experimentKey variant ...Two }",
    "Two": "fragment Two on Assignment { payload { __typename ...Flow } cause }",
    "Set": "fragment Set on AssignmentSet { tag: etag assignments { ...One } }",
}


class Author:
    """Writes documents, mostly valid ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - drawn to be repeated

    def document(self) -> tuple[str, list[str]]:
        """A document, and the variables that it declares."""
        roots = " ".join(
            self._root(n) for n in range(self._random.choice((1, 1, 1, 2, 3)))
        )
        if self._chance(0.02):
            roots += " experiments { totalCount }"
        text = self._with_fragments(f"{{ {roots} }}")
        used = list(dict.fromkeys(re.findall(r"\$([a-z])", text)))
        declared = " ".join(
            f"${name}: {self._random.choice(TYPES[name])}" for name in used
        )
        return (f"query Q({declared}) {text}" if declared else text), used

    def variables(self, names: list[str]) -> dict[str, Any]:
        """Values for them: most fit, some do not, some are missing."""
        found: dict[str, Any] = {}
        for name in names:
            pool = VALUES[name]
            usual = pool[: max(1, len(pool) // 3)]
            value = self._random.choice(usual if self._chance(0.75) else pool)
            if not self._chance(0.06):
                found[name] = value
        if self._chance(0.1):
            found["unknown"] = {"a": [1]}
        return found

    def _with_fragments(self, text: str) -> str:
        done: set[str] = set()
        while True:
            wanted = [n for n in _FRAGMENTS if f"...{n}" in text and n not in done]
            if not wanted:
                return text
            for name in wanted:
                done.add(name)
                text += "\n" + _FRAGMENTS[name]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _directive(self) -> str:
        if not self._chance(0.15):
            return ""
        kind = self._random.choice(("skip", "include"))
        value = self._random.choice(("true", "false", "$b", "$c"))
        return f" @{kind}(if: {value})"

    def _alias(self, place: str = "") -> str:
        return f"x{place}{self._random.randrange(9)}: " if self._chance(0.2) else ""

    def _root(self, number: int) -> str:
        if self._chance(0.1):
            return f"{self._alias(str(number))}__typename{self._directive()}"
        alias = f"r{number}: " if number or self._chance(0.3) else ""
        return (
            f"{alias}assignments({self._arguments()}){self._directive()} "
            f"{{ {self._set()} }}"
        )

    def _arguments(self) -> str:
        given = [f"subject: {self._subject()}"]
        if self._chance(0.35):
            keys = self._random.choice(
                (
                    "$k",
                    '["feature", "nothing"]',
                    '"limit"',
                    '["flow", $u]',
                    "null",
                    "[]",
                )
            )
            given.append(f"keys: {keys}")
        if self._chance(0.3):
            etag = self._random.choice(("$e", '"W/none"', "null"))
            given.append(f"ifNoneMatch: {etag}")
        if self._chance(0.3):
            flag = self._random.choice(("$q", "true", "false"))
            given.append(f"qualifying: {flag}")
        self._random.shuffle(given)
        return ", ".join(given)

    def _subject(self) -> str:
        if self._chance(0.65):
            return "$s"
        return self._random.choice(
            (
                '{userId: "u1"}',
                '{userId: "u2", attributes: {plan: "free", n: 3, f: 1.5, l: [1, "b"]}}',
                "{userId: $u}",
                "{userId: $u, attributes: $a}",
                '{anonymousId: "v9", attributes: {plan: $p, on: true, no: null}}',
                '{userId: "u1", attributes: "none"}',
                "{}",
            )
        )

    def _set(self) -> str:
        parts = []
        for _ in range(self._random.choice((1, 1, 2, 3))):
            parts.append(
                self._random.choice(
                    (
                        f"{self._alias()}etag{self._directive()}",
                        "__typename",
                        f"assignments{self._directive()} {{ {self._one()} }}",
                        f"list: assignments {{ {self._one()} }}",
                        f"assignments {{ {self._one()} }}",
                        f"... on AssignmentSet{self._directive()} {{ etag "
                        f"assignments {{ {self._one()} }} }}",
                        f"...Set{self._directive()}",
                    )
                )
            )
        return " ".join(parts)

    def _one(self) -> str:
        parts = []
        for _ in range(self._random.randrange(1, 6)):
            name = self._random.choice(_LEAVES)
            alias = f"{name.strip('_')}_x: " if self._chance(0.2) else ""
            parts.append(f"{alias}{name}{self._directive()}")
        if self._chance(0.5):
            inner = " ".join(
                self._random.choice(_PAYLOADS)
                for _ in range(self._random.randrange(1, 4))
            )
            parts.append(f"payload{self._directive()} {{ {inner} }}")
        if self._chance(0.2):
            parts.append(self._random.choice(("...One", "... on Assignment { phase }")))
        self._random.shuffle(parts)
        return " ".join(parts)


async def run(edge: Edge, key: str, **changes: Any) -> None:
    """One more running experiment."""
    draft = {**DRAFT, "key": key, "idempotencyKey": key, **changes}
    made = await mutate(edge, "createExperiment", draft)
    assert made["__typename"] == "ExperimentPayload", made
    begun = await mutate(
        edge,
        "startExperiment",
        {
            "idempotencyKey": f"start-{key}",
            "experiment": {"key": key},
            "expectedVersion": 1,
        },
    )
    assert begun["__typename"] == "ExperimentPayload", begun


def arms(kind: str, *payloads: Any) -> list[dict[str, Any]]:
    """Variants of equal weight, the first the control."""
    return [
        {
            "key": f"arm-{number}",
            "weight": 1 / len(payloads),
            "isControl": number == 0,
            "payload": {kind: payload},
        }
        for number, payload in enumerate(payloads)
    ]


async def serve_everything(edge: Edge) -> None:
    """An experiment of every kind, targeted and not, one paused, one stopped."""
    await make_metrics(edge)
    values = [{"value": {"ü": [1, 2.5, None, '"</script>\u2028']}}, {"value": "名"}]
    await run(edge, "feature", variants=arms("feature", *values))
    targeted: dict[str, Any] = {"targeting": {"plan": "free"}}
    await run(edge, "targeted", **targeted, coverage=0.5)
    told = {"text": "Some are free."}
    limit = {"meter": "reports", "kind": "STOCK", "disclosure": told}
    windowed = {**limit, "kind": "FLOW", "window": "MONTH", "warnAtPercent": [50]}
    await run(
        edge,
        "limit",
        treatment="FREEMIUM_LIMIT",
        **targeted,
        variants=arms("limit", {**limit, "value": 10}, {**windowed, "value": None}),
    )
    steps = [
        {"key": "hello", "kind": "TOOLTIP", "title": "Hello"},
        {"key": "go", "kind": "EMAIL", "title": "Go", "completionEvent": "went"},
    ]
    flows = ({"flow": "f", "version": n, "steps": steps[:n]} for n in (1, 2))
    await run(edge, "flow", treatment="ONBOARDING_FLOW", variants=arms("flow", *flows))
    await run(edge, "account", unit="ACCOUNT")
    for key, name in (("paused", "pause"), ("stopped", "stop")):
        await run(edge, key)
        change = {
            "idempotencyKey": name,
            "experiment": {"key": key},
            "expectedVersion": 2,
            **({"reason": "Enough."} if name == "stop" else {"mode": "PAUSE_SERVING"}),
        }
        if name == "pause":
            change["reason"] = "Look."
        await mutate(edge, f"{name}Experiment", change)


def as_body(document: str, variables: dict[str, Any], name: str | None = None) -> bytes:
    """A request's body."""
    body: dict[str, Any] = {"query": document, "variables": variables}
    if name is not None:
        body["operationName"] = name
    return json.dumps(body, ensure_ascii=False).encode()
