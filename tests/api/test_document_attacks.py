"""Hostile documents are refused with a code, quickly, and before they are executed."""

import time
from collections.abc import AsyncIterator

import pytest

from api.decoding import GraphQLRequest
from api.documents import Documents, Invalidated
from api.policies import Policies
from api.problems import Refused
from core.database import Database
from core.settings import Settings
from tests.api.conftest import Edge, make_edge
from tests.api.planted import PLANTED, SECRET


@pytest.fixture
async def planted(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    """The edge over the planted schema."""
    async with make_edge(database, settings, schema=PLANTED) as edge:
        yield edge


def nested(levels: int) -> str:
    """A query this deep."""
    return "{ item " + "{ child " * levels + "{ name }" + " }" * levels + " }"


def aliases(count: int) -> str:
    """The same field under many names."""
    return "{" + " ".join(f"a{number}: boom" for number in range(count)) + "}"


def spread_bomb(levels: int) -> str:
    """Fragments that spread the next one twice: 2^levels selections, no alias."""
    parts = ["{ item { ...F0 } }"]
    parts += [
        f"fragment F{n} on Item {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    ]
    return " ".join([*parts, f"fragment F{levels} on Item {{ name }}"])


def alias_bomb(levels: int) -> str:
    """Fragments that ask for the next one under two aliases: 2^levels objects."""
    parts = ["{ item { ...F0 } }"]
    for n in range(levels):
        inner = f"{{ ...F{n + 1} }}"
        parts.append(f"fragment F{n} on Item {{ a: child {inner} b: child {inner} }}")
    return " ".join([*parts, f"fragment F{levels} on Item {{ name }}"])


def amplified(first: int, depth: int) -> str:
    """A list in a list in a list."""
    return f"{{ items(first: {first}) {{ " * 1 + (
        f"items(first: {first}) {{ " * (depth - 1) + "name" + " }" * depth + " }"
    )


MANY = " item { name }"


def crowd(fragments: int, fields: int) -> str:
    """The same field again and again, a little in each of many fragments."""
    spreads = " ".join(f"...F{number}" for number in range(fragments))
    parts = [f"fragment F{n} on Query {{{MANY * fields}}}" for n in range(fragments)]
    return " ".join([f"{{ {spreads} }}", *parts])


CIRCLE = """{ item { ...A } }
fragment A on Item { child { ...B } } fragment B on Item { child { ...A } }"""
INTROSPECTION_CIRCLE = (
    "{ __schema { types " + "{ fields { type " * 6 + "{ name }" + " } }" * 6 + " } }"
)
TOO_DEEP, TOO_EXPENSIVE = "QUERY_TOO_DEEP", "QUERY_TOO_EXPENSIVE"
INVALID, TOO_LARGE, BAD_INPUT = "GRAPHQL_INVALID", "QUERY_TOO_LARGE", "BAD_INPUT"

ATTACKS = {
    "1 depth 100": (nested(100), TOO_DEEP),
    "2 depth 5000": ("{ item " * 4000, TOO_DEEP),
    "2 depth within the bytes": ("{a" * 900 + "}" * 900, TOO_DEEP),
    "3 ten thousand aliases": (aliases(10_000), TOO_LARGE),
    "3 six hundred aliases": (aliases(600), TOO_EXPENSIVE),
    "4 alias brute force": (
        "mutation {" + " ".join(f"a{n}: change" for n in range(100)) + "}",
        TOO_EXPENSIVE,
    ),
    "6 known directives": ("{ boom " + "@skip(if: false) " * 200 + "}", INVALID),
    "6 many known directives": (
        "{ boom " + "@skip(if: false) " * 2000 + "}",
        TOO_LARGE,
    ),
    "6 unknown directives": ("{ boom " + "@aa " * 900 + "}", INVALID),
    "7 circular fragments": (CIRCLE, TOO_DEEP),
    "8 alias bomb": (alias_bomb(14), TOO_EXPENSIVE),
    "9 spread bomb": (spread_bomb(22), TOO_EXPENSIVE),
    "10 duplicated leaf": ("{" + " boom" * 900 + "}", TOO_EXPENSIVE),
    "10 duplicated object": (
        "{" + ' item(id: "1") { name }' * 180 + "}",
        TOO_EXPENSIVE,
    ),
    "10 duplicated over fragments": (crowd(9, 45), TOO_EXPENSIVE),
    "10 duplicated in inline fragments": (
        "{" + f"... on Query {{{MANY * 20}}}" * 20 + "}",
        TOO_EXPENSIVE,
    ),
    "10 duplicated below duplicates": (
        "{" + f" item {{{' child { name }' * 10}}}" * 40 + "}",
        TOO_EXPENSIVE,
    ),
    "10 duplicated in another operation": (
        "query A { boom } query B {" + MANY * 450 + "}",
        "OPERATION_NOT_FOUND",
    ),
    "10 duplicated in an unused fragment": (
        "{ boom } fragment F on Query {" + MANY * 450 + "}",
        TOO_EXPENSIVE,
    ),
    "11 list amplification": (amplified(50, 8), TOO_EXPENSIVE),
    "11 list amplification to the cap": (amplified(200, 3), TOO_EXPENSIVE),
    "11 list amplification by default": (
        "{ items { items { items { name } } } }",
        TOO_EXPENSIVE,
    ),
    "12 first too high": ("{ items(first: 2147483647) { name } }", BAD_INPUT),
    "12 first too low": ("{ items(first: -1) { name } }", BAD_INPUT),
    "12 first and last": ("{ items(first: 1, last: 1) { name } }", INVALID),
    "15 introspection in circles": (INTROSPECTION_CIRCLE, INVALID),
    "16 typename ten thousand times": ("{" + " __typename" * 10_000 + "}", TOO_LARGE),
    "16 many commas": ("{ boom" + "," * 24_000 + "}", None),
    "16 a mass of commas": ("{ boom" + "," * 31_000 + "}", BAD_INPUT),
    "16 a mass of comments": ("{ boom" + "#\n" * 10_000 + "}", TOO_LARGE),
    "17 a huge number": (f"{{ number(value: {'9' * 20_000}) }}", INVALID),
    "20 no such fragment": ("{ item { ...Nobody } }", INVALID),
    "21 defer": ("{ item { ... @defer { name } } }", INVALID),
    "21 stream": ("{ items(first: 2) @stream { name } }", INVALID),
    "56 a NUL by escape": ('{ echo(value: "\\u0000") }', BAD_INPUT),
    "56 a NUL by braces": ('{ echo(value: "\\u{0}") }', BAD_INPUT),
    "56 a lone surrogate": ('{ echo(value: "\\uD800") }', INVALID),
    "56 infinity": ("{ echo(value: 1e999) }", INVALID),
    "56 a deep value": (f"{{ echo(value: {'[' * 400}{']' * 400}) }}", TOO_DEEP),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_answered_with_its_code(planted: Edge, name: str) -> None:
    query, code = ATTACKS[name]
    response = await planted.post(query)
    body = response.json()
    if code is None:
        assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
        return
    assert response.status_code == 400
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == code
    assert len(response.content) < 16_000


@pytest.mark.slow
@pytest.mark.parametrize("bomb", [spread_bomb, alias_bomb])
def test_a_bomb_is_refused_within_50_milliseconds(bomb: object) -> None:
    assert callable(bomb)
    documents = Documents(PLANTED, Policies(PLANTED))
    for levels in (12, 22, 60):
        request = GraphQLRequest(bomb(levels), {}, None)
        started = time.process_time()
        with pytest.raises(Refused, match=r"spreads to|nests at"):
            documents.operation(request)
        assert time.process_time() - started < 0.05


async def test_no_suggestion_gives_a_name_away(planted: Edge) -> None:
    answers = [
        await planted.ask("{ itm { name } }"),
        await planted.ask("{ item { nam } }"),
        await planted.ask("query ($v: Strin) { boom }"),
    ]
    assert all("Did you mean" not in str(answer) for answer in answers)
    assert "itm" in answers[0]["errors"][0]["message"]


async def test_a_crash_is_masked_and_its_id_is_in_the_log(
    planted: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    answer = await planted.ask("{ boom }")
    error = answer["errors"][0]
    assert SECRET not in str(answer)
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["errorId"] in error["message"]


async def test_a_refusal_of_a_read_keeps_its_code(planted: Edge) -> None:
    answer = await planted.ask("{ refused }")
    assert answer["data"] == {"refused": None}
    assert answer["errors"][0]["extensions"] == {"code": "BAD_INPUT", "path": ["id"]}


async def test_variables_are_named_and_not_echoed_at_length(planted: Edge) -> None:
    response = await planted.post(
        "query ($v: Int!) { number(value: $v) }", v="x" * 500_000
    )
    assert response.status_code == 400
    assert len(response.content) < 2000


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, "1"])
async def test_an_int_is_32_bits(planted: Edge, value: object) -> None:
    response = await planted.post("query ($v: Int!) { number(value: $v) }", v=value)
    assert response.status_code == 400


async def test_an_unnamed_operation_among_many_is_refused(planted: Edge) -> None:
    query = "query A { number(value: 1) } query B { number(value: 2) }"
    responses = [
        await planted.send({"query": query, "operationName": name})
        for name in (None, "C", "B")
    ]
    assert [response.status_code for response in responses] == [400, 400, 200]
    assert responses[2].json() == {"data": {"number": 2}}


async def test_only_the_named_operation_costs(planted: Edge) -> None:
    query = "query Cheap { boom } query Dear { items(first: 200) { items(first: 200) "
    query += "{ name } } }"
    cheap = await planted.send({"query": query, "operationName": "Cheap"})
    dear = await planted.send({"query": query, "operationName": "Dear"})
    assert cheap.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert dear.json()["errors"][0]["extensions"]["code"] == TOO_EXPENSIVE


def test_an_operation_that_is_not_asked_for_cannot_hold_validation_up() -> None:
    documents = Documents(PLANTED, Policies(PLANTED))
    query = "query A { boom } query B {" + MANY * 450 + "}"
    with pytest.raises(Refused, match="at most 50 times"):
        documents.operation(GraphQLRequest(query, {}, "A"))


@pytest.mark.parametrize("first", [201, 0, -1])
async def test_a_page_by_variable_is_bounded_too(planted: Edge, first: int) -> None:
    query = "query ($n: Int! = 5) { items(first: $n) { name } }"
    refused = await planted.post(query, n=first)
    assert refused.json()["errors"][0]["extensions"]["code"] == BAD_INPUT
    assert len((await planted.ask(query))["data"]["items"]) == 5


@pytest.mark.parametrize(
    ("head", "variables"),
    [
        ("($n: Int!)", {"n": 200}),
        ("($n: Int!)", {"n": 200.0}),
        ("($n: Int! = 200)", {}),
        ("($n: Int! = 5)", {"n": 200.0}),
    ],
)
async def test_a_page_weighs_what_its_variable_comes_to(
    planted: Edge, head: str, variables: dict[str, float]
) -> None:
    query = f"query {head} {{ items(first: $n) {{ items(first: $n) {{ name }} }} }}"
    refused = await planted.send({"query": query, "variables": variables})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["code"] == TOO_EXPENSIVE


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("how", ["literal", "variable", "default"])
async def test_a_list_of_ids_weighs_its_length(
    edge: Edge, count: int, how: str
) -> None:
    ids = [f"x{number}" for number in range(count)]
    text = "[" + ", ".join(f'"{one}"' for one in ids) + "]"
    head, given = {
        "literal": ("", text),
        "variable": ("query ($ids: [ID!]!)", "$ids"),
        "default": (f"query ($ids: [ID!]! = {text})", "$ids"),
    }[how]
    query = f"""{head} {{ nodes(ids: {given}) {{ ... on Survey {{
      responses(first: 200) {{ edges {{ node {{ id }} }} }} }} }} }}"""
    sent = {"ids": ids} if how == "variable" else {}
    response = await edge.send({"query": query, "variables": sent})
    errors = response.json().get("errors", ())
    codes = {error["extensions"]["code"] for error in errors}
    assert codes == (set() if count == 1 else {TOO_EXPENSIVE})


async def test_one_id_stands_for_a_list_of_one(edge: Edge) -> None:
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Survey {
      responses(first: 200) { edges { node { id } } } } } }"""
    answer = await edge.ask(query, ids="x")
    assert answer == {"data": {"nodes": [None]}}


def test_the_cache_keeps_within_its_bytes() -> None:
    documents = Documents(PLANTED, Policies(PLANTED), bound=2_000_000)
    for number in range(500):
        documents.operation(GraphQLRequest(f"query Q{number} {{ boom }}", {}, None))
    assert 0 < documents.bytes <= 2_000_000


def test_an_invalid_document_is_not_kept() -> None:
    documents = Documents(PLANTED, Policies(PLANTED))
    with pytest.raises(Invalidated):
        documents.operation(GraphQLRequest("{ nothing }", {}, None))
    assert documents.bytes == 0


async def test_a_hash_alone_finds_no_document(planted: Edge) -> None:
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    response = await planted.send({"extensions": hashed})
    assert response.status_code == 400
