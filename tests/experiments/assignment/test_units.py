"""The bytes of a unit fall where its text does."""

from hypothesis import given
from hypothesis import strategies as st

from core.hashing import MAX_UNIT_TEXT, POSITIONS, bucket
from experiments.assignment.units import (
    Positions,
    key_of,
    position,
    unit_of,
    user_key,
)
from experiments.design import UnitKind

SEED = "9f86d081884c7d65"
ANY_TEXT = st.text(
    st.characters(codec=None, categories=None, exclude_categories=()), min_size=1
)


@given(ANY_TEXT)
def test_a_key_falls_where_its_text_does(text: str) -> None:
    expected = bucket(text, SEED, 2)
    assert position(SEED.encode(), key_of(text)) / POSITIONS == expected
    remembering = Positions(SEED.encode())
    assert [remembering[key_of(text)] / POSITIONS for _ in range(2)] == [expected] * 2


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(
                ANY_TEXT,
                st.sampled_from(["", "x" * MAX_UNIT_TEXT, "x" * (MAX_UNIT_TEXT + 1)]),
                st.none(),
                st.booleans(),
                st.integers(),
            )
            for name in ("id", "anonymousId")
        },
    )
)
def test_the_key_is_the_unit_that_is_explained(attributes: dict[str, object]) -> None:
    unit = unit_of(UnitKind.USER, attributes)
    assert user_key(attributes) == (None if unit is None else key_of(unit.value))


def test_what_is_remembered_stays_small() -> None:
    remembering = Positions(SEED.encode())
    for number in range(5_000):
        assert remembering[b"%d" % number] < POSITIONS
    assert len(remembering) <= 256
    assert remembering[b"x" * 1_000_000] < POSITIONS
    assert b"x" * 1_000_000 not in remembering
