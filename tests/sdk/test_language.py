"""What the SDK for JavaScript makes of anything, our evaluator makes of it too.

The differences that stay are said in docs/sdk-conformance.md, and are not drawn here.
"""

from pathlib import Path
from typing import Any

from core.hashing import attribute_text
from experiments.assignment.sdk import (
    Context,
    Definitions,
    evaluate_condition,
    evaluate_feature,
)
from tests.npm import running
from tests.sdk.drawn import GROUPS, KEYS, Drawn

LANGUAGE = Path(__file__).parent / "language.mjs"
ROUNDS = 400
CONTEXTS = 20


async def test_any_condition_holds_for_whom_the_sdk_says() -> None:
    chance = Drawn(8)
    async with running(LANGUAGE) as sdk:
        for _ in range(ROUNDS):
            condition = chance.condition()
            people = [chance.attributes() for _ in range(CONTEXTS)]
            asked = {"condition": condition, "groups": GROUPS, "contexts": people}
            await sdk.say(asked)
            for attributes, theirs in zip(people, await sdk.line(), strict=True):
                ours = evaluate_condition(attributes, condition, GROUPS)
                assert ours is theirs, (condition, attributes)


async def test_any_feature_has_the_value_that_the_sdk_gives() -> None:
    chance = Drawn(9)
    async with running(LANGUAGE) as sdk:
        for _ in range(ROUNDS):
            features = chance.features()
            contexts = [chance.context() for _ in range(CONTEXTS)]
            for context in contexts[::2]:
                context["documents"] = _documents(chance, context["attributes"])
            payload = {"features": features, "groups": GROUPS, "keys": KEYS}
            await sdk.say({**payload, "contexts": contexts})
            known = Definitions.of({"features": features, "savedGroups": GROUPS})
            for context, theirs in zip(contexts, await sdk.line(), strict=True):
                assert None not in theirs, (features, context)
                for ours, given in zip(_ours(known, context), theirs, strict=True):
                    assert _plain(ours) == _plain(given), (features, context)


def _documents(chance: Drawn, attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        text = attribute_text(value)
        if text is None or chance.random() < 0.5:
            continue
        assigned: dict[str, Any] = {}
        for experiment in ("e1", "e2", "f0", "f1"):
            version = f"{experiment}__{chance.randrange(3)}"
            chance.sometimes(0.4, assigned, **{version: ["A0", "B1", "01", "gone"]})
        about = {"attributeName": name, "attributeValue": text}
        found[f"{name}||{text}"] = {**about, "assignments": assigned}
    return found


def _ours(known: Definitions, context: dict[str, Any]) -> list[dict[str, Any]]:
    """One after the other, each with what those before it have written down."""
    kept, found = context.get("documents"), []
    for key in KEYS:
        answer = evaluate_feature(
            known,
            key,
            Context(
                attributes=context["attributes"],
                url=context.get("url", ""),
                qa_mode=context.get("qaMode", False),
                forced_variations=context.get("forcedVariations", {}),
                sticky_documents=kept,
            ),
        )
        if kept is not None:
            kept = {**kept, **answer.documents}
        said = answer.to_json()
        found.append(
            {
                "value": said.get("value"),
                "source": said["source"],
                "ruleId": said.get("ruleId") or "",
                "result": said.get("experimentResult"),
            }
        )
    return found


def _plain(value: Any) -> Any:
    """As JSON has it: one kind of number, and nothing that is null in an object."""
    if isinstance(value, dict):
        return {k: _plain(each) for k, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) + 0.0
    return value
