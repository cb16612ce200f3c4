"""Properties by the plain definition: texts, numbers, and what passes a filter."""

import json
import re
from decimal import ROUND_05UP, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from experiments.design import FilterOperator, Source

_NUMBER = re.compile(r"-?[0-9]{1,10}([.][0-9]{1,28})?([eE][+-]?[0-9]{1,2})?")
_EXACT = Context(prec=120)
_READ = Decimal("1e-28")
_KEPT = Decimal("1e-18")
_LARGEST = 10**9


def number(text: str | None) -> Decimal | None:
    """The number that a text spells, within a billion; None where it spells none.

    It is read to 28 decimals, then kept to 18 whose last digit is never mistaken for
    a tie.
    """
    if text is None or not _NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    if abs(exact) > _LARGEST:
        return None
    read = exact.quantize(_READ, ROUND_HALF_UP, _EXACT)
    return read.quantize(_KEPT, ROUND_05UP, _EXACT)


@lru_cache(maxsize=4096)
def texts(properties: str) -> dict[str, str]:
    """The properties that are scalars, as text."""
    document = json.loads(properties, parse_int=_Spelled, parse_float=_Spelled)
    found = {}
    for key, value in document.items():
        if isinstance(value, bool):
            found[key] = "true" if value else "false"
        elif isinstance(value, _Spelled):
            found[key] = _written_out(value)
        elif isinstance(value, str):
            found[key] = value
    return found


def passes(source: Source, properties: str) -> bool:
    """Whether an event with these properties meets every filter of a source."""
    told = texts(properties) if source.filters else {}
    for each in source.filters:
        text = told.get(each.property)
        match each.operator:
            case FilterOperator.IN:
                holds = text in each.values
            case FilterOperator.NOT_IN:
                holds = text not in each.values
            case FilterOperator.EXISTS:
                holds = text is not None
            case _:
                holds = _compares(each.operator, text, each.values[0])
        if not holds:
            return False
    return True


class _Spelled(str):
    """A number as it was spelled."""

    __slots__ = ()


def _compares(operator: FilterOperator, text: str | None, bound: str) -> bool:
    value, edge = number(text), number(bound)
    if value is None or edge is None:
        return False
    return value >= edge if operator is FilterOperator.AT_LEAST else value <= edge


def _written_out(spelled: str) -> str:
    """Without an exponent from 1e-6 to below 1e21, as the stores write numbers."""
    _, mark, exponent = spelled.partition("e")
    if not mark or not -6 <= int(exponent) <= 20:
        return str(spelled)
    plain = f"{Decimal(spelled):f}"
    return plain if "." in plain else f"{plain}.0"
