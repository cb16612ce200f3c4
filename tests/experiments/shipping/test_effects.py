"""What a kind of treatment adds to shipping."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.database import Sessions
from core.ids import new_id
from experiments.models import Phase
from experiments.shipping.effects import EFFECTS
from experiments.shipping.errors import ShipRefused
from experiments.treatments import TreatmentKind, document_of, treatment_of

pytestmark = pytest.mark.stores


def phase(control: dict[str, Any]) -> Phase:
    """One whose control has this payload."""
    return Phase(
        id=new_id(),
        project_id=new_id(),
        environment_id=new_id(),
        experiment_id=new_id(),
        number=1,
        seed="5eed",
        design={"arms": [{"key": "a", "is_control": True, "payload": control}]},
        design_hash="",
        coverage=1.0,
        planned_units=1,
        started_at=datetime(2026, 5, 1, tzinfo=UTC),
    )


def test_every_kind_has_an_effect() -> None:
    assert EFFECTS.keys() == set(TreatmentKind)


def limit(**said: Any) -> dict[str, Any]:
    """A limit of reports a day."""
    spec = {"meter": "reports", "kind": "FLOW", "value": 60, "window": "DAY"} | said
    return document_of(treatment_of(TreatmentKind.FREEMIUM_LIMIT, spec))


def features(**on: bool) -> dict[str, Any]:
    """A limit that opens some features."""
    return limit(kind="FEATURE_SET", value=None, window=None, features=on)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (limit(value=100), limit(), True),
        (limit(value=None), limit(), True),
        (limit(), limit(window="MONTH"), True),
        (limit(enforcement="SOFT"), limit(), True),
        (features(export=True), features(export=False), True),
        (limit(), limit(), False),
        (limit(), limit(value=100), False),
        (features(export=False), features(export=True), False),
    ],
)
async def test_a_lower_limit_is_not_shipped_as_a_mere_value(
    sessions: Sessions, before: dict[str, Any], after: dict[str, Any], refused: bool
) -> None:
    effect = EFFECTS[TreatmentKind.FREEMIUM_LIMIT]
    async with sessions() as session:
        asked = effect.foresee(session, phase(before), after)
        if refused:
            with pytest.raises(ShipRefused, match="floor"):
                await asked
        else:
            assert (await asked).warnings == ()
