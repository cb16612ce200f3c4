"""Random experiments read as scipy reads them; statsmodels and engines: benchmarks."""

from collections import Counter

import pytest

from benchmarks.analysis.against_scipy import against_scipy
from benchmarks.analysis.agreement import EQUAL, UNEXPLAINED, Seen, judge
from benchmarks.analysis.cases import cases
from benchmarks.analysis.differential import compare, render

CASES = 500


@pytest.fixture(scope="module")
def seen() -> Counter[Seen]:
    return compare(CASES, [(against_scipy, 1)], seed=7)


def test_no_disagreement_with_scipy_is_left_unexplained(seen: Counter[Seen]) -> None:
    left = {each: count for each, count in seen.items() if each.group == UNEXPLAINED}
    assert left == {}


@pytest.mark.parametrize(
    "method",
    ["Welch", "Mann-Whitney", "Yuen", "Sample ratio", "Benjamini-Hochberg"],
)
def test_a_method_agrees_with_scipy_in_every_case(
    seen: Counter[Seen], method: str
) -> None:
    assert seen[Seen(method, "scipy", EQUAL)] == CASES


def test_survival_agrees_with_scipy_in_every_case(seen: Counter[Seen]) -> None:
    assert seen[Seen("Kaplan-Meier", "scipy", EQUAL)] == CASES


def test_lifts_have_the_ends_that_their_test_gives(seen: Counter[Seen]) -> None:
    equal = seen[Seen("Fieller", "roots by scipy", EQUAL)]
    assert equal > CASES / 2


def test_parts_of_the_cases_count_like_the_whole() -> None:
    peers = [(against_scipy, 3)]
    whole = compare(20, peers, seed=5)
    parts = compare(11, peers, seed=5) + compare(20, peers, seed=5, start=11)
    assert parts == whole
    assert whole.total() > 0


def test_cases_are_always_the_same() -> None:
    first, again = (next(iter(cases(1, 3))) for _ in range(2))
    assert (first.control == again.control).all()


def test_a_difference_is_explained_only_by_their_number_again() -> None:
    assert judge("a", "b", (1.0,), (1.0,)).group == EQUAL
    assert judge("a", "b", (1.0,), (2.0,), ("doubled", (2.0,))).group == "doubled"
    assert judge("a", "b", (1.0,), (2.0,), ("doubled", (2.1,))).group == UNEXPLAINED


def test_the_table_counts_every_class() -> None:
    seen = Counter({Seen("a", "b", EQUAL): 1_500, Seen("a", "b", "rounded"): 2})
    assert render(seen).endswith("| a | b | 1,502 | 1,500 | 2 rounded |")
