"""The published cases of the SDK family, from a file that is not in this repository.

They run where HONE_SDK_CASES names the file; docs/sdk-conformance.md says how.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.hashing import attribute_text
from experiments.assignment.sdk import (
    Context,
    Definitions,
    bucket_ranges,
    choose_variation,
    decrypt,
    equal_weights,
    evaluate_condition,
    evaluate_feature,
    hash_bucket,
    in_namespace,
    query_string_override,
    run_experiment,
)

CASES = os.environ.get("HONE_SDK_CASES")

Case = list[Any]
Check = Callable[[Case], None]


def context_of(source: Mapping[str, Any], documents: Any = None) -> Context:
    """The context of a case, in our words."""
    return Context(
        attributes=source.get("attributes", {}),
        url=source.get("url", ""),
        enabled=source.get("enabled", True),
        qa_mode=source.get("qaMode", False),
        forced_variations=source.get("forcedVariations", {}),
        forced_features=source.get("forcedFeatureValues", {}),
        sticky_documents=documents,
    )


def condition_case(case: Case) -> None:
    _, condition, attributes, expected, *groups = case
    held = evaluate_condition(attributes, condition, groups[0] if groups else {})
    assert held is expected


def hash_case(case: Case) -> None:
    seed, value, version, expected = case
    assert hash_bucket(seed, value, version) == expected


def ranges_case(case: Case) -> None:
    _, arguments, expected = case
    computed = bucket_ranges(*arguments)
    assert len(computed) == len(expected)
    for ours, theirs in zip(computed, expected, strict=True):
        assert ours == pytest.approx(tuple(theirs))


def choice_case(case: Case) -> None:
    _, position, ranges, expected = case
    assert choose_variation(position, ranges) == expected


def query_case(case: Case) -> None:
    _, key, url, variations, expected = case
    assert query_string_override(key, url, variations) == expected


def namespace_case(case: Case) -> None:
    _, value, namespace, expected = case
    assert in_namespace(value, namespace) is expected


def weights_case(case: Case) -> None:
    variations, expected = case
    assert list(equal_weights(variations)) == pytest.approx(expected)


def decrypt_case(case: Case) -> None:
    _, encrypted, key, expected = case
    assert decrypt(encrypted, key) == expected


def feature_case(case: Case) -> None:
    _, context, key, expected = case
    answer = evaluate_feature(Definitions.of(context), key, context_of(context))
    assert_includes(answer.to_json(), expected)


def run_case(case: Case) -> None:
    _, context, experiment, value, inside, hashed = case
    result = run_experiment(experiment, context_of(context), context)
    assert result.value == value
    assert (result.in_experiment, result.hash_used) == (inside, hashed)


def sticky_case(case: Case) -> None:
    _, context, stored, key, expected, after = case
    documents = {
        f"{each['attributeName']}||{each['attributeValue']}": each
        for each in stored
        if attribute_text(context["attributes"].get(each["attributeName"]))
        == each["attributeValue"]
    }
    answer = evaluate_feature(context, key, context_of(context, documents))
    result = answer.experiment_result
    if expected is None:
        assert result is None
    else:
        assert result is not None
        assert_includes(result.to_json(), expected)
    assert {**documents, **answer.documents} == after


def version_case(case: Case) -> None:
    symbol, left, right, expected = case
    assert evaluate_condition({"v": left}, {"v": {symbol: right}}) is expected


def assert_includes(actual: Any, expected: Any) -> None:
    """Everything that a case states is so; it need not state everything."""
    if isinstance(expected, Mapping):
        assert isinstance(actual, Mapping)
        for name, value in expected.items():
            assert name in actual, name
            assert_includes(actual[name], value)
    elif isinstance(expected, float):
        assert math.isclose(actual, expected, abs_tol=1e-9)
    else:
        assert actual == expected


CHECKS: Mapping[str, Check] = {
    "evalCondition": condition_case,
    "hash": hash_case,
    "getBucketRange": ranges_case,
    "feature": feature_case,
    "run": run_case,
    "chooseVariation": choice_case,
    "getQueryStringOverride": query_case,
    "inNamespace": namespace_case,
    "getEqualWeights": weights_case,
    "decrypt": decrypt_case,
    "stickyBucket": sticky_case,
    "versionCompare": version_case,
}


def public_cases() -> Iterator[Any]:
    """Every case of every group that is in scope."""
    if CASES is None:
        return
    groups = json.loads(Path(CASES).read_text(encoding="utf-8"))
    for group in CHECKS:
        for number, case in enumerate(cases_of(groups, group)):
            yield pytest.param(group, case, id=f"{group}-{number}")


def cases_of(groups: Mapping[str, Any], group: str) -> list[Case]:
    """A group's cases, with those of a group that holds groups."""
    if group == "versionCompare":
        compared = groups.get(group, {}).items()
        return [[f"$v{name}", *case] for name, cases in compared for case in cases]
    nested = groups.get("savedGroupReferencesV2", {})
    return [*groups.get(group, []), *nested.get(group, [])]


@pytest.mark.skipif(CASES is None, reason="HONE_SDK_CASES names no file of cases.")
@pytest.mark.parametrize(("group", "case"), list(public_cases()))
def test_a_published_case_passes(group: str, case: Case) -> None:
    CHECKS[group](case)
