"""Every refusal of every domain has a member of the unions."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import core
import experiments
import feedback
import surveys
from api.graphql.errors import Error, member_for
from core.problems import (
    Conflict,
    Forbidden,
    IllegalTransition,
    Invalid,
    NotFound,
    Problem,
    StaleVersion,
)

DOMAINS = (core, experiments, surveys, feedback)
KINDS = (Invalid, NotFound, Conflict, Forbidden)


def declared() -> Iterator[type[Problem]]:
    """Every problem that any module declares."""
    for domain in DOMAINS:
        for found in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
            if found.name.endswith(".errors") or domain is core:
                importlib.import_module(found.name)
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind is not Problem:
            yield kind


ALL = sorted(set(declared()), key=lambda kind: (kind.__module__, kind.__name__))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_domains_refusal_is_of_a_kind_that_the_edge_knows(
    kind: type[Problem],
) -> None:
    assert issubclass(kind, KINDS)
    blank = kind.__new__(kind)
    blank.message, blank.path = "Said.", ("input", "key")
    if isinstance(blank, StaleVersion):
        blank.current_version = 1
    if isinstance(blank, IllegalTransition):
        blank.source, blank.target = "DRAFT", "STOPPED"
    member = member_for(blank)
    assert isinstance(member, Error)
    assert (member.message, member.code) == ("Said.", kind.code)
    assert member.path == ["input", "key"]
    assert kind.code.replace("_", "").isupper()


def test_the_most_exact_member_is_chosen() -> None:
    stale = member_for(StaleVersion(7))
    step = member_for(IllegalTransition("DRAFT", "STOPPED"))
    assert type(stale).__name__ == "ConflictError"
    assert getattr(stale, "current_version", None) == 7
    assert (type(step).__name__, step.code) == ("TransitionError", "ILLEGAL_TRANSITION")
    assert member_for(Invalid("No.", code="BAD_KEY")).code == "BAD_KEY"


def test_a_problem_of_no_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="no kind"):
        member_for(Problem("?"))
