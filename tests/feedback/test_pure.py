"""The rules without a database: phrases, thresholds, routes, scores and states."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core.conditions import ConditionInvalid
from core.problems import IllegalTransition
from feedback.errors import ReasonRequired, RuleInvalid
from feedback.insights import TagFacts, Threshold, Voices
from feedback.lifecycle import STEPS, BacklogState, step
from feedback.routing import Route, destination, title
from feedback.routing import check as check_route
from feedback.scoring import score
from feedback.tagging import FeedbackSource, PhraseMatch, Rule, check, suggest
from feedback.text import Span, read

AT = datetime(2026, 11, 22, tzinfo=UTC)


def rule(
    *phrases: str, match: PhraseMatch = PhraseMatch.ANY, source: str | None = None
) -> Rule:
    return Rule(
        rule_id=uuid4(),
        tag_id=uuid4(),
        phrases=phrases,
        match=match,
        sources=frozenset() if source is None else frozenset({FeedbackSource(source)}),
        accepts=False,
    )


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("find the cart", "Can't FIND the  cart!", "FIND the  cart"),
        ("export*", "three exports failed", "exports"),
        ("slow export*", "a slow exporter", "slow exporter"),
        ("can't", "I can\u2019t log in", "can\u2019t"),
        ("cafe", "the caf\u00e9 is closed", "caf\u00e9"),
        ("cart", "carts and carting", None),
        ("the cart", "cart the", None),
        ("*", "anything", None),
    ],
)
def test_a_phrase_is_found_by_whole_words(
    phrase: str, text: str, found: str | None
) -> None:
    spans = [text[span.start : span.end] for span in read(text).occurrences(phrase)]
    assert spans == ([] if found is None else [found])


def test_a_suggestion_says_where_and_why() -> None:
    one = rule("basket", "find the cart")
    (found,) = suggest("Cannot find the cart", FeedbackSource.API, [one])
    assert (found.tag_id, found.rule_id) == (one.tag_id, one.rule_id)
    assert found.span == Span(7, 20)
    assert found.reason == "The text says \u201cfind the cart\u201d."


@pytest.mark.parametrize(
    ("one", "matches"),
    [
        (rule("cart", "slow"), True),
        (rule("cart", "slow", match=PhraseMatch.ALL), False),
        (rule("cart", "find", match=PhraseMatch.ALL), True),
        (rule("cart", source="SURVEY"), False),
        (rule("cart", source="API"), True),
    ],
)
def test_a_rule_needs_its_phrases_and_its_source(one: Rule, *, matches: bool) -> None:
    found = suggest("Cannot find the cart", FeedbackSource.API, [one])
    assert bool(found) is matches


@pytest.mark.parametrize("phrases", [[], ["..."], ["x" * 101], ["a"] * 51])
def test_phrases_without_words_are_refused(phrases: list[str]) -> None:
    with pytest.raises(RuleInvalid):
        check(phrases)


@pytest.mark.parametrize(
    ("voices", "last", "crossed"),
    [
        (24, None, False),
        (25, None, True),
        (30, AT - timedelta(days=13), False),
        (30, AT - timedelta(days=14), True),
    ],
)
def test_a_threshold_speaks_once_a_window(
    voices: int, last: datetime | None, *, crossed: bool
) -> None:
    threshold = Threshold(25, timedelta(days=14))
    assert threshold.crossed(Voices(voices, voices, voices, 99), last, AT) is crossed


def test_a_tag_s_statement_counts_accounts_first() -> None:
    heard = Voices(voices=25, accounts=25, people=31, comments=1_040)
    facts = TagFacts(uuid4(), "cart", "Lost cart", heard, timedelta(days=14))
    assert facts.statement() == (
        "25 accounts spoke of \u201cLost cart\u201d in 14 days (1,040 comments)."
    )


def test_the_first_rule_that_matches_decides() -> None:
    routes = [
        Route(uuid4(), {"voices": {"$gte": 50}}, "Big", "ann"),
        Route(uuid4(), {"voices": {"$gte": 5}}, "See {tag}", "bob"),
        Route(uuid4(), {}, "All", None),
    ]
    sent = destination(
        routes, topic="tag:cart", statement="", facts={"voices": 9, "tag": "cart"}
    )
    assert sent is not None
    assert (sent.rule_id, sent.title, sent.owner) == (
        routes[1].rule_id,
        "See cart",
        "bob",
    )
    assert sent.dedupe_key == f"{routes[1].rule_id}:tag:cart"
    assert destination(routes[:1], topic="t", statement="", facts={}) is None


def test_a_title_is_one_bounded_line() -> None:
    assert title("{tag}\n{nothing}  x", {"tag": "a b"}) == "a b x"
    assert len(title("{statement}", {"statement": "x" * 900})) == 200


def test_a_rule_nobody_could_follow_is_refused() -> None:
    with pytest.raises(RuleInvalid):
        check_route({}, "{secret}")
    with pytest.raises(ConditionInvalid):
        check_route({"voices": {"$about": 3}}, "ok")


def test_a_score_counts_each_account_once() -> None:
    found = score({"voices": 25, "people": 31}, confidence=0.8)
    assert found is not None
    assert found.value == pytest.approx(20.0)
    assert score({"units": 90_189}, confidence=0.95) is None


def test_an_item_moves_only_along_its_steps() -> None:
    for source in BacklogState:
        for target in BacklogState:
            if target in STEPS[source]:
                step(source, target, "because")
            else:
                with pytest.raises(IllegalTransition):
                    step(source, target, "because")


def test_declining_needs_a_reason() -> None:
    with pytest.raises(ReasonRequired):
        step(BacklogState.PROPOSED, BacklogState.DECLINED, "  ")


def test_every_state_is_reached_from_the_first() -> None:
    reached, pending = set(), [BacklogState.PROPOSED]
    while pending:
        state = pending.pop()
        if state not in reached:
            reached.add(state)
            pending += STEPS[state]
    assert reached == set(BacklogState)
