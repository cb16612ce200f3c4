"""Where an experiment runs, and which variation an address asks for."""

from typing import Any

import pytest

from experiments.assignment.language.addresses import address, targeted, targets
from experiments.assignment.sdk import Context, query_string_override, run_experiment
from tests.experiments.assignment.language.cast import table

HOME = "https://shop.example/cart/items?plan=pro&size=2#top"


def target(pattern: str, kind: str = "simple", **more: Any) -> dict[str, Any]:
    return {"type": kind, "pattern": pattern, **more}


@table(
    "pattern url matches",
    {
        "the same": ("https://shop.example/cart", "https://shop.example/cart", True),
        "another path": ("https://shop.example/a", "https://shop.example/b", False),
        "another host": ("https://shop.example/a", "https://show.example/a", False),
        "any scheme": ("http://shop.example/a", "https://shop.example/a", True),
        "no scheme": ("shop.example/a", "https://shop.example/a", True),
        "no host": ("/cart/items", HOME, True),
        "any path": ("shop.example/*", HOME, True),
        "a part of a path": ("/cart/*", HOME, True),
        "a wildcard within": ("/c*t/items", HOME, True),
        "a wildcard spans slashes": ("/*", HOME, True),
        "no wildcard at the end": ("/cart", HOME, False),
        "a wildcard may stand for nothing": ("*/cart/items", HOME, True),
        "any subdomain": ("*.example/cart/items", HOME, True),
        "whatever case": ("/CART/Items", HOME, True),
        "whatever case of the host": ("SHOP.example/cart/items", HOME, True),
        "a slash too many": ("/cart/items/", HOME, True),
        "a slash too few": ("cart/items", HOME, True),
        "a slash at the end of the address": ("/a", "https://shop.example/a/", True),
        "only the host": ("https://shop.example", "https://shop.example/", True),
        "a parameter": ("/cart/items?plan=pro", HOME, True),
        "another parameter": ("/cart/items?plan=free", HOME, False),
        "a missing parameter": ("/cart/items?page=1", HOME, False),
        "any value of a parameter": ("/cart/items?page=*", HOME, True),
        "parameters in any order": ("/cart/items?size=2&plan=pro", HOME, True),
        "a fragment": ("/cart/items#top", HOME, True),
        "another fragment": ("/cart/items#end", HOME, False),
        "a dot is a dot": ("shop.example/cart", "https://shopXexample/cart", False),
        "a parenthesis is none of the engine's": ("/a(b", "/a(b", True),
        "an address without a host": ("/a/b", "/a/b", True),
        "half of a character": ("/a\ud800", "/a\ud800", False),
        "a port": ("shop.example:8080/a", "https://shop.example:8080/a", True),
        "another port": ("shop.example:8080/a", "https://shop.example/a", False),
        "the usual port": ("shop.example/a", "https://shop.example:443/a", True),
        "an empty address": ("/a", "", False),
    },
)
def test_simple_patterns(pattern: str, url: str, matches: bool) -> None:
    assert targeted(targets([target(pattern)]), url) is matches


@table(
    "pattern url matches",
    {
        "anywhere": ("items", HOME, True),
        "the whole": (r"^https://shop\.example/cart", HOME, True),
        "from the path on": ("^/cart/items", HOME, True),
        "the case counts": ("ITEMS", HOME, False),
        "an escaped slash": (r"^\/cart\/items", HOME, True),
        "a parameter": ("plan=(pro|team)", HOME, True),
        "no match": ("^/items", HOME, False),
        "no expression": ("(", HOME, False),
        "an expression that is not linear": (r"(a)\1", "/aa", False),
    },
)
def test_expressions(pattern: str, url: str, matches: bool) -> None:
    assert targeted(targets([target(pattern, "regex")]), url) is matches


@table(
    "patterns matches",
    {
        "none": ([], False),
        "one includes": ([target("/cart/*"), target("/blog/*")], True),
        "none includes": ([target("/blog/*")], False),
        "one excludes": ([target("/cart/*"), target("/blog/*", include=False)], True),
        "an exclusion wins": (
            [target("/cart/*"), target("/cart/items", include=False)],
            False,
        ),
        "only exclusions that miss": ([target("/blog/*", include=False)], True),
        "only exclusions that match": ([target("/cart/*", include=False)], False),
        "an unknown kind": ([target("/cart/*", "glob")], False),
        "an unknown kind excludes nothing": (
            [target("/cart/*"), target("/cart/*", "glob", include=False)],
            True,
        ),
    },
)
def test_several_patterns(patterns: list[Any], matches: bool) -> None:
    assert targeted(targets(patterns), HOME) is matches


@table(
    "url expected",
    {
        "first": ("https://a.example?test=0", 0),
        "last": ("https://a.example?test=2", 2),
        "beyond": ("https://a.example?test=3", None),
        "negative": ("https://a.example?test=-1", None),
        "a text": ("https://a.example?test=b", None),
        "a float": ("https://a.example?test=1.5", None),
        "empty": ("https://a.example?test=", None),
        "without a value": ("https://a.example?test", None),
        "a digit of another script": ("https://a.example?test=\u0661", None),
        "a number without end": (f"https://a.example?test={'9' * 5_000}", None),
        "among others": ("/path?a=1&test=1&b=2", 1),
        "the first counts": ("/?test=1&test=2", 1),
        "a longer name": ("/?test2=1", None),
        "before a fragment": ("/?test=1#test=2", 1),
        "only in a fragment": ("/#?test=1", 1),
        "no query": ("https://a.example/test=1", None),
        "nothing": ("", None),
    },
)
def test_query_strings(url: str, expected: int | None) -> None:
    assert query_string_override("test", url, 3) == expected


@table(
    "expression url inside",
    {
        "the whole address": ("^https://shop", HOME, True),
        "the path": ("^/cart", HOME, True),
        "neither": ("^cart", HOME, False),
        "no address": (".*", "", False),
        "no expression": ("(", HOME, False),
        "a number": (7, HOME, False),
    },
)
def test_old_expressions(expression: Any, url: str, inside: bool) -> None:
    experiment = {"key": "exp", "variations": [0, 1], "url": expression}
    context = Context(attributes={"id": "u1"}, url=url)
    assert run_experiment(experiment, context).in_experiment is inside


@pytest.mark.parametrize("url", ["https://[::1", "x" * 20_000])
def test_an_address_that_cannot_be_read_matches_nothing(url: str) -> None:
    assert address(url) is None
    assert not targeted(targets([target("*"), target(".*", "regex")]), url)
