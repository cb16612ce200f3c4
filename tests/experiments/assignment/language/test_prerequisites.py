"""Features that wait for others, and saved groups that conditions name."""

from typing import Any

from experiments.assignment.sdk import Context, Definitions, evaluate_feature
from tests.experiments.assignment.language.cast import (
    ANN,
    BEN,
    CAT,
    DAN,
    feature,
    parent,
    split,
    table,
)


@table(
    "rules parents value source",
    {
        "met": (
            [{"force": "a", "parentConditions": [parent("p", 1)]}],
            {"p": feature(default=1)},
            "a",
            "force",
        ),
        "not met": (
            [{"force": "a", "parentConditions": [parent("p", 2)]}],
            {"p": feature(default=1)},
            "default",
            "defaultValue",
        ),
        "a gate that is open": (
            [{"parentConditions": [parent("p", 1, gate=True)]}, {"force": "a"}],
            {"p": feature(default=1)},
            "a",
            "force",
        ),
        "a gate that is shut": (
            [{"parentConditions": [parent("p", 2, gate=True)]}, {"force": "a"}],
            {"p": feature(default=1)},
            None,
            "prerequisite",
        ),
        "a missing parent is null": (
            [{"force": "a", "parentConditions": [parent("p", None)]}],
            {},
            "a",
            "force",
        ),
        "a gate on a missing parent": (
            [{"parentConditions": [parent("p", 1, gate=True)]}],
            {},
            None,
            "prerequisite",
        ),
        "no condition is always met": (
            [{"force": "a", "parentConditions": [{"id": "p"}]}],
            {},
            "a",
            "force",
        ),
        "an operator on the value": (
            [{"force": "a", "parentConditions": [parent("p", {"$gt": 3})]}],
            {"p": feature(default=4)},
            "a",
            "force",
        ),
        "both are met": (
            [{"force": "a", "parentConditions": [parent("p", 1), parent("q", 2)]}],
            {"p": feature(default=1), "q": feature(default=2)},
            "a",
            "force",
        ),
        "one is not met": (
            [{"force": "a", "parentConditions": [parent("p", 1), parent("q", 1)]}],
            {"p": feature(default=1), "q": feature(default=2)},
            "default",
            "defaultValue",
        ),
        "the same parent twice": (
            [{"force": "a", "parentConditions": [parent("p", 1), parent("p", 1)]}],
            {"p": feature(default=1)},
            "a",
            "force",
        ),
        "a parent's experiment": (
            [{"force": "a", "parentConditions": [parent("p", "treated")]}],
            {"p": feature(split("control", "treated"))},
            "a",
            "force",
        ),
        "a parent behind a gate": (
            [{"force": "a", "parentConditions": [parent("p", "open")]}],
            {
                "p": feature(
                    {"parentConditions": [parent("q", 1, gate=True)]}, default="open"
                ),
                "q": feature(default=0),
            },
            "default",
            "defaultValue",
        ),
        "a circle of one": (
            [{"force": "a", "parentConditions": [parent("exp", 1)]}],
            {},
            None,
            "cyclicPrerequisite",
        ),
        "a circle of two": (
            [{"force": "a", "parentConditions": [parent("p", 1)]}],
            {"p": feature({"parentConditions": [parent("exp", 1)]})},
            None,
            "cyclicPrerequisite",
        ),
        "a circle that is not reached": (
            [{"force": "a"}, {"parentConditions": [parent("exp", 1)]}],
            {},
            "a",
            "force",
        ),
        "a parent that is no text": (
            [
                {
                    "force": "a",
                    "parentConditions": [{"id": 7, "condition": {"value": 1}}],
                }
            ],
            {},
            "default",
            "defaultValue",
        ),
    },
)
def test_prerequisites(rules: Any, parents: Any, value: Any, source: str) -> None:
    known = {"features": {"exp": feature(*rules), **parents}}
    answer = evaluate_feature(known, "exp", Context(attributes={"id": DAN}))
    assert (answer.value, answer.source) == (value, source)


@table(
    "groups condition held",
    {
        "a list": ({"g": [ANN, BEN]}, {"id": {"$inGroup": "g"}}, True),
        "not on the list": ({"g": [CAT]}, {"id": {"$inGroup": "g"}}, False),
        "an unknown list": ({}, {"id": {"$inGroup": "g"}}, False),
        "not in an unknown list": ({}, {"id": {"$notInGroup": "g"}}, True),
        "a typed list": (
            {"g": {"type": "list", "attributeKey": "id", "values": [ANN]}},
            {"$savedGroup": {"id": "g"}},
            True,
        ),
        "a typed list under an operator": (
            {"g": {"type": "list", "attributeKey": "id", "values": [ANN]}},
            {"id": {"$inGroup": "g"}},
            True,
        ),
        "a condition": (
            {"g": {"type": "condition", "condition": {"id": ANN}}},
            {"$savedGroup": {"id": "g"}},
            True,
        ),
        "a condition that fails": (
            {"g": {"type": "condition", "condition": {"id": BEN}}},
            {"$savedGroup": {"id": "g"}},
            False,
        ),
        "a group within itself": (
            {"g": {"type": "condition", "condition": {"$savedGroup": {"id": "g"}}}},
            {"$savedGroup": {"id": "g"}},
            False,
        ),
    },
)
def test_saved_groups(groups: Any, condition: Any, held: bool) -> None:
    rule = {"force": True, "condition": condition}
    known = Definitions.of(
        {"features": {"exp": feature(rule, default=False)}, "savedGroups": groups}
    )
    answer = evaluate_feature(known, "exp", Context(attributes={"id": ANN}))
    assert answer.value is held
