"""Global ids are opaque, exact and fail closed."""

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.graphql.ids import global_id, local_id, parse_id
from core.ids import new_id
from core.problems import NotFound

NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,30}", fullmatch=True)


@given(NAMES, st.uuids())
def test_an_id_comes_back_as_it_went(type_name: str, local: UUID) -> None:
    assert parse_id(global_id(type_name, local)) == (type_name, local)


@given(NAMES, st.uuids(), st.data())
def test_a_changed_letter_never_gives_the_same_thing(
    type_name: str, local: UUID, data: st.DataObject
) -> None:
    text = str(global_id(type_name, local))
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters())
    changed = text[:place] + letter + text[place + 1 :]
    try:
        found = parse_id(changed)
    except NotFound:
        return
    assert changed == text or found != (type_name, local)


@given(st.text())
def test_any_other_text_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        local_id(text, "Experiment")


@pytest.mark.parametrize(
    "raw",
    [
        b"User:1",
        b"Experiment",
        b"Experiment:",
        b"Experiment:00000000-0000-0000-0000-000000000000",
        b"Experiment:{00000000000000000000000000000000}",
        b"Experiment:" + b"0" * 33,
        b"\xff\xfe",
    ],
)
def test_only_the_canonical_form_counts(raw: bytes) -> None:
    with pytest.raises(NotFound):
        parse_id(base64.urlsafe_b64encode(raw).decode())


def test_another_types_id_is_not_found() -> None:
    other = global_id("Survey", new_id())
    with pytest.raises(NotFound, match="The experiment was not"):
        local_id(other, "Experiment")


@pytest.mark.parametrize(
    ("name", "said"), [("KillSwitch", "The kill switch"), ("ApiKey", "The API key")]
)
def test_a_type_is_called_as_people_call_it(name: str, said: str) -> None:
    with pytest.raises(NotFound, match=f"{said} was not found"):
        local_id("no id", name)
