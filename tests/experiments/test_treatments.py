"""What a variant's payload may be."""

from typing import Any

import pytest

from experiments.errors import TreatmentInvalid
from experiments.treatments import (
    TreatmentKind,
    document_of,
    served_value,
    treatment_of,
)

LIMIT = {
    "meter": "reports",
    "kind": "FLOW",
    "value": 60,
    "window": "MONTH",
    "disclosure": {"text": "60 reports a month are free."},
}
FLOW: dict[str, Any] = {
    "flow": "team-setup",
    "version": 2,
    "steps": [
        {"key": "welcome", "kind": "LANDING_PAD", "title": "Welcome"},
        {
            "key": "import",
            "kind": "WALKTHROUGH",
            "title": "Bring your data",
            "completionEvent": "data_imported",
        },
    ],
}


@pytest.mark.parametrize("value", [True, None, 3, 2.5, "text", [1, 2], {"a": {"b": 1}}])
def test_a_feature_is_any_json_value(value: Any) -> None:
    document = document_of(treatment_of(TreatmentKind.FEATURE, {"value": value}))
    assert document == {"value": value}
    assert served_value(TreatmentKind.FEATURE, document) == value


def test_a_limit_gets_its_defaults_and_serves_its_value() -> None:
    document = document_of(treatment_of(TreatmentKind.FREEMIUM_LIMIT, dict(LIMIT)))
    assert document["enforcement"] == "HARD"
    assert list(document["warnAtPercent"]) == [80, 95]
    assert served_value(TreatmentKind.FREEMIUM_LIMIT, document) == 60


def test_a_limit_without_a_value_is_no_limit() -> None:
    document = document_of(
        treatment_of(TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "value": None})
    )
    assert served_value(TreatmentKind.FREEMIUM_LIMIT, document) is None


def test_a_feature_set_serves_its_features() -> None:
    payload = {"meter": "pro", "kind": "FEATURE_SET", "features": {"sso": False}}
    document = document_of(treatment_of(TreatmentKind.FREEMIUM_LIMIT, payload))
    assert served_value(TreatmentKind.FREEMIUM_LIMIT, document) == {"sso": False}


def test_a_flow_serves_which_version_to_show() -> None:
    document = document_of(treatment_of(TreatmentKind.ONBOARDING_FLOW, dict(FLOW)))
    assert document["steps"][0]["required"] is True
    assert served_value(TreatmentKind.ONBOARDING_FLOW, document) == {
        "flow": "team-setup",
        "version": 2,
    }


def test_a_refusal_names_the_treatment_that_was_expected() -> None:
    with pytest.raises(TreatmentInvalid, match="This is no FREEMIUM_LIMIT: "):
        treatment_of(TreatmentKind.FREEMIUM_LIMIT, {"value": 3})


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (TreatmentKind.FEATURE, {}),
        (TreatmentKind.FEATURE, {"value": 1, "other": 2}),
        (TreatmentKind.FEATURE, {"value": "x" * 8_200}),
        (TreatmentKind.FREEMIUM_LIMIT, {"value": 1}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "value": 60.5}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "value": -1}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "value": 2**53}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "kind": "RATE"}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "window": None}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "kind": "STOCK"}),
        (TreatmentKind.FREEMIUM_LIMIT, {**LIMIT, "disclosure": {"text": ""}}),
        (TreatmentKind.FREEMIUM_LIMIT, {"meter": "pro", "kind": "FEATURE_SET"}),
        (TreatmentKind.FREEMIUM_LIMIT, {"meter": "pro", "kind": "TIME_BOX"}),
        (TreatmentKind.ONBOARDING_FLOW, {**FLOW, "steps": []}),
        (TreatmentKind.ONBOARDING_FLOW, {**FLOW, "version": 0}),
        (TreatmentKind.ONBOARDING_FLOW, {**FLOW, "steps": FLOW["steps"] * 2}),
    ],
)
def test_a_payload_that_does_not_fit_is_refused(
    kind: TreatmentKind, payload: dict[str, Any]
) -> None:
    with pytest.raises(TreatmentInvalid) as refused:
        treatment_of(kind, payload, path=("variants", "0", "payload"))
    assert refused.value.path[:3] == ("variants", "0", "payload")
