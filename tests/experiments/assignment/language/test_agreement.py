"""Any valid payload means here what it means in GrowthBook's own SDK."""

from typing import Any

from growthbook import GrowthBook
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.assignment.sdk import Context, evaluate_feature

KEYS = ("f0", "f1", "f2")
SCALARS = st.sampled_from([True, False, 0, 1, "", "red", "blue"])
VALUES = SCALARS | st.sampled_from([None, [1], {"a": 1}])
SUBJECTS = st.sampled_from(["", "u1", "u2", "u6", "u7", "u26", "Zoë", "😀", 7, 123])
PLANS = st.sampled_from(["free", "pro", "team"])

SHARES = st.integers(0, 99_999).map(lambda share: (share * 10 + 5) / 1_000_000)
"""Never a position of the hash: on a bound itself the SDKs differ."""

SPANS = st.tuples(SHARES, SHARES).map(sorted)
VERSIONS = st.sampled_from([1, 2, 2, 2, 3])
SEEDS = st.sampled_from(["exp", "layer", "Saat-ü", "種"])
ATTRIBUTES = st.sampled_from(["id", "company"])

CONDITIONS = st.one_of(
    PLANS.map(lambda plan: {"plan": plan}),
    st.lists(PLANS, max_size=2).map(lambda plans: {"plan": {"$in": plans}}),
    PLANS.map(lambda plan: {"$not": {"plan": {"$eq": plan}}}),
    st.booleans().map(lambda known: {"company": {"$exists": known}}),
    st.sampled_from(["g1", "g2"]).map(lambda group: {"id": {"$inGroup": group}}),
)
FILTERS = st.lists(
    st.fixed_dictionaries(
        {"seed": SEEDS, "ranges": st.lists(SPANS, min_size=1, max_size=2)},
        optional={"attribute": ATTRIBUTES, "hashVersion": VERSIONS},
    ),
    min_size=1,
    max_size=2,
)
# A plain value is compared strictly by some SDKs, and after coercion by others.
PARENTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from([*KEYS, "missing"]),
            "condition": SCALARS.map(lambda value: {"value": {"$eq": value}}),
        },
        optional={"gate": st.booleans()},
    ),
    min_size=1,
    max_size=2,
)
WHO = {
    "id": st.sampled_from(["r1", "r2"]),
    "condition": CONDITIONS,
    "parentConditions": PARENTS,
    "filters": FILTERS,
    "seed": SEEDS,
    "hashVersion": VERSIONS,
    "hashAttribute": ATTRIBUTES,
    "coverage": SHARES,
}
FORCED = st.fixed_dictionaries(
    # The Python SDK alone takes a forced null for none.
    {"force": VALUES.filter(lambda value: value is not None)},
    optional={**WHO, "range": SPANS},
)
META = st.fixed_dictionaries(
    {}, optional={"key": st.sampled_from(["A", "B"]), "passthrough": st.booleans()}
)
RANDOMISED = st.fixed_dictionaries(
    {"variations": st.lists(VALUES, min_size=1, max_size=3)},
    optional={
        **WHO,
        "key": st.sampled_from(["e1", "e2"]),
        "weights": st.sampled_from([[0.5, 0.5], [0.2, 0.8], [0.2, 0.3, 0.5], [1, 1]]),
        "namespace": st.tuples(SEEDS, SHARES, SHARES).map(list),
        "ranges": st.lists(SPANS, min_size=3, max_size=3),
        "meta": st.lists(META, min_size=3, max_size=3),
    },
)
GATES = st.fixed_dictionaries({"parentConditions": PARENTS})
FEATURES = st.fixed_dictionaries(
    {
        key: st.fixed_dictionaries(
            {"rules": st.lists(FORCED | RANDOMISED | GATES, max_size=4)},
            optional={"defaultValue": VALUES},
        )
        for key in KEYS
    }
)
WHOLE = st.fixed_dictionaries(
    {"id": SUBJECTS}, optional={"plan": PLANS, "company": SUBJECTS}
)
GROUPS = {"g1": ["u1", "u7"]}


@given(FEATURES, WHOLE, st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_payload_gives_what_the_sdk_gives(
    features: dict[str, Any],
    attributes: dict[str, Any],
    qa_mode: bool,
) -> None:
    client = GrowthBook(
        features=features,
        attributes=attributes,
        savedGroups=GROUPS,
        qaMode=qa_mode,
    )
    context = Context(attributes=attributes, qa_mode=qa_mode)
    payload = {"features": features, "savedGroups": GROUPS}
    for key in KEYS:
        theirs = client.eval_feature(key).to_dict()
        ours = evaluate_feature(payload, key, context).to_json()
        for name in ("value", "on", "source", "ruleId"):
            assert ours[name] == theirs[name], (key, name)
        result = theirs.get("experimentResult")
        assert ("experimentResult" in ours) is (result is not None)
        if result is not None:
            stated = {name: ours["experimentResult"].get(name) for name in result}
            assert stated == result
