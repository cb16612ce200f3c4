"""What may enter the log; pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from experiments.events.log import EXPOSURE, NewEvent
from experiments.events.store import StoredEvent
from experiments.events.validation import Refusal, admit, id_key

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
PLAIN = NewEvent(id="e-1", name="paid", user_id="ann", occurred_at=NOW)


def _admit(event: NewEvent, batch_id: str | None = None) -> StoredEvent | Refusal:
    return admit(event, environment_id=new_id(), now=NOW, batch_id=batch_id)


def _code(event: NewEvent, batch_id: str | None = None) -> str | None:
    judged = _admit(event, batch_id)
    return judged.code if isinstance(judged, Refusal) else None


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (replace(PLAIN, id=""), "BAD_ID"),
        (replace(PLAIN, id="a\nb"), "BAD_ID"),
        (replace(PLAIN, id="a\ud800"), "BAD_ID"),
        (replace(PLAIN, id="é" * 128), None),
        (replace(PLAIN, id="é" * 129), "BAD_ID"),
        (replace(PLAIN, phase=1), None),
        (replace(PLAIN, phase=0), "BAD_PHASE"),
        (replace(PLAIN, phase=-1), "BAD_PHASE"),
        (replace(PLAIN, phase=2**31), "BAD_PHASE"),
        (replace(PLAIN, name=""), "BAD_NAME"),
        (replace(PLAIN, name="two words"), "BAD_NAME"),
        (replace(PLAIN, name="x" * 65), "BAD_NAME"),
        (replace(PLAIN, user_id=None), "NO_SUBJECT"),
        (replace(PLAIN, user_id=""), "BAD_SUBJECT"),
        (replace(PLAIN, user_id="a\x00"), "BAD_SUBJECT"),
        (replace(PLAIN, account_id="x" * 257), "BAD_SUBJECT"),
        (replace(PLAIN, value=Decimal("NaN")), "BAD_VALUE"),
        (replace(PLAIN, value=Decimal("-Infinity")), "BAD_VALUE"),
        (replace(PLAIN, value=Decimal("1e9")), None),
        (replace(PLAIN, value=Decimal("1000000000.000001")), "BAD_VALUE"),
        (replace(PLAIN, value=Decimal("1e-400")), None),
        (replace(PLAIN, value=Decimal("1e400")), "BAD_VALUE"),
        (replace(PLAIN, value=Decimal("-1e99999999999999")), "BAD_VALUE"),
        (replace(PLAIN, value=Decimal("1e-99999999999999")), None),
        (replace(PLAIN, id="-fffffff-ffff-ffff-xxxx-xxxxxxxxxxxx"), None),
        (replace(PLAIN, id="\u0661" * 36), None),
        (replace(PLAIN, experiment_key="a\x00"), "BAD_KEY"),
        (replace(PLAIN, variant_key="x" * 129), "BAD_KEY"),
        (replace(PLAIN, properties={"a b": 1}), "BAD_PROPERTIES"),
        (replace(PLAIN, properties={f"k{n}": n for n in range(65)}), "BAD_PROPERTIES"),
        (replace(PLAIN, properties={"k": "x" * 8192}), "BAD_PROPERTIES"),
        (replace(PLAIN, properties={"k": "\ud800"}), "BAD_PROPERTIES"),
        (replace(PLAIN, name=EXPOSURE), "NO_EXPERIMENT"),
        (replace(PLAIN, name=EXPOSURE, experiment_key="gate"), "NO_VARIANT"),
        (replace(PLAIN, occurred_at=datetime(1999, 12, 31, tzinfo=UTC)), "BAD_TIME"),
        (replace(PLAIN, occurred_at=datetime(1, 1, 1, tzinfo=EAST)), "BAD_TIME"),
        (replace(PLAIN, occurred_at=datetime(9999, 12, 31, 23, tzinfo=WEST)), None),
    ],
)
def test_an_event_is_judged_by_the_first_rule_it_breaks(
    event: NewEvent, code: str | None
) -> None:
    assert _code(event) == code


def test_age_is_judged_to_the_millisecond_unless_a_batch_is_named() -> None:
    edge = replace(PLAIN, occurred_at=NOW - timedelta(days=35))
    assert _code(edge) is None
    assert edge.occurred_at is not None
    older = replace(edge, occurred_at=edge.occurred_at - timedelta(milliseconds=1))
    assert _code(older) == "TOO_OLD"
    assert _code(older, "import-1") is None


@given(value=st.decimals(min_value=-(10**9), max_value=10**9, places=30))
def test_eighteen_decimals_never_change_a_later_rounding(value: Decimal) -> None:
    judged = _admit(replace(PLAIN, value=value))
    assert isinstance(judged, StoredEvent)
    assert judged.value is not None
    kept = Decimal(judged.value)
    for places in range(12):
        assert round(kept, places) == round(value, places)


@given(text=st.text(max_size=40))
def test_every_id_has_a_key_of_64_bits(text: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return
    assert -(2**63) <= id_key(text) < 2**63


def test_keys_of_time_ordered_ids_are_ordered() -> None:
    keys = [id_key(str(new_id())) for _ in range(100)]
    assert keys == sorted(keys)
