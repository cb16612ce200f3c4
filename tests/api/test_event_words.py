"""What an event lacks is said in our words, not in the decoder's."""

from decimal import Decimal

import pytest

from api.http.events import decode_items
from experiments.events.ingest import Unreadable
from experiments.events.log import NewEvent


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("1", "An event is an object."),
        ('{"id": "a"}', "name is required: a text."),
        ('{"id": 1, "name": "x"}', "id must be a text."),
        (
            '{"id": "a", "name": "x", "value": true}',
            "value must be a number, also as a text, or null.",
        ),
        (
            '{"id": "a", "name": "x", "at": "2026-05-01T12:00:00"}',
            "at must be an instant with an offset, such as 2026-05-01T12:00:00Z, or "
            "null.",
        ),
        (
            '{"id": "a", "name": "x", "plan": "pro"}',
            "There is no field plan; what is yours goes into properties.",
        ),
        (
            '{"id": "a", "name": "x", "properties": {"x": %s}}' % ("[" * 9_999),
            "It is not whole JSON in UTF-8, or it nests too deep.",
        ),
        ('{"id": "a",}', "JSON is malformed: trailing comma in object (byte 11)."),
    ],
)
def test_an_item_that_is_no_event_is_told_so_in_words(item: str, said: str) -> None:
    (found,) = decode_items(item.encode(), "application/x-ndjson")
    assert isinstance(found, Unreadable)
    assert found.message == said


def test_a_value_may_be_a_text_with_all_of_its_digits() -> None:
    body = b'[{"id": "a", "name": "x", "value": "12.30"}]'
    (found,) = decode_items(body, "application/json")
    assert isinstance(found, NewEvent)
    assert found.value == Decimal("12.30")
