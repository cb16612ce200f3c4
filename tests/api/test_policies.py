"""Every field declares its policy, and the document is checked against all of them."""

from itertools import pairwise

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

from api.auth import Caller, CallerKind
from api.decoding import GraphQLRequest
from api.documents import Documents
from api.execution import authorise
from api.graphql.schema import GRAPHQL, POLICIES
from api.policies import ANYBODY, CAPABILITIES, Policies, Policy, of_server_key
from api.problems import Refused
from core.audit import Actor, ActorKind
from core.ids import new_id
from core.tenancy import Role
from tests.api.paths import paths
from tests.api.planted import PLANTED

KINDS = (CallerKind.MEMBER, CallerKind.SERVER)
IDENTITIES = [(kind, role) for kind in KINDS for role in Role]
IDENTITIES.append((CallerKind.CLIENT, Role.VIEWER))


def caller(kind: CallerKind, role: Role) -> Caller:
    """Somebody with this credential and role."""
    actor = Actor(ActorKind.MEMBER, new_id(), "ada")
    return Caller(kind, new_id(), new_id(), role, actor)


def allowed(query: str, asking: Caller) -> bool:
    """Whether the planted schema would execute this for the caller."""
    documents = Documents(PLANTED, Policies(PLANTED))
    operation = documents.operation(GraphQLRequest(query, {}, None))
    try:
        authorise(asking, operation)
    except Refused:
        return False
    return True


CLIENT = caller(CallerKind.CLIENT, Role.VIEWER)
VIEWER = caller(CallerKind.MEMBER, Role.VIEWER)
ADMIN = caller(CallerKind.MEMBER, Role.ADMIN)


def test_every_field_of_the_schema_declares_its_policy() -> None:
    assert POLICIES.undeclared == []
    fields = {
        (name, field)
        for name, kind in GRAPHQL.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        and not name.startswith("__")
        for field in kind.fields
    }
    assert fields == {place for place, _ in POLICIES.items()}


def test_an_undeclared_field_is_found_and_refused_to_everybody() -> None:
    assert Policies(PLANTED).undeclared == ["Careless.hidden"]
    assert not allowed("{ careless { hidden } }", ADMIN)
    assert allowed("{ careless { name } }", ADMIN)


@pytest.mark.parametrize(
    "query",
    [
        "{ item { price } }",
        "{ item { ...P } } fragment P on Item { price }",
        "{ item { ...A } } fragment A on Item { child { ...B } } "
        "fragment B on Item { price }",
        "{ item { ... on Named { ... on Item { price } } } }",
        "{ either { ... on Item { price } } }",
        "{ item { free: price @skip(if: true) } }",
    ],
)
def test_a_field_is_guarded_however_it_is_reached(query: str) -> None:
    assert not allowed(query, VIEWER)
    assert allowed(query, ADMIN)


def test_a_type_is_guarded_behind_a_public_field() -> None:
    assert not allowed("{ item { vault { content } } }", CLIENT)
    assert not allowed("{ either { ... on Vault { content } } }", CLIENT)
    assert not allowed("{ named { ... on Vault { content } } }", CLIENT)
    assert allowed("{ named { name } }", CLIENT)


def test_only_the_named_operation_is_judged() -> None:
    documents = Documents(PLANTED, Policies(PLANTED))
    query = "query Mine { item { name } } query Theirs { item { price } }"
    authorise(CLIENT, documents.operation(GraphQLRequest(query, {}, "Mine")))
    with pytest.raises(Refused, match="use a server key"):
        authorise(CLIENT, documents.operation(GraphQLRequest(query, {}, "Theirs")))


def test_a_client_key_reads_no_schema() -> None:
    assert not allowed("{ __schema { types { name } } }", CLIENT)
    assert not allowed(
        '{ ...S } fragment S on Query { __type(name: "A") { name } }', CLIENT
    )
    assert allowed("{ __typename item { __typename } }", CLIENT)
    assert allowed("{ __schema { types { name } } }", VIEWER)


def test_a_role_may_do_what_the_ones_before_it_may() -> None:
    ordered = [CAPABILITIES[role] for role in Role]
    assert all(less < more for less, more in pairwise(ordered))
    assert CAPABILITIES[Role.ADMIN] == frozenset(Policy)


def test_a_key_never_reviews() -> None:
    assert all(Policy.REVIEW not in of_server_key(role) for role in Role)


def test_no_identity_reaches_a_field_beyond_its_capabilities() -> None:
    """The matrix: every field by a real document, for every kind of credential."""
    documents = Documents(GRAPHQL, POLICIES)
    tried = leaks = 0
    for place, path in paths(GRAPHQL).items():
        operation = documents.operation(GraphQLRequest(path.document, {}, None))
        needed = {POLICIES.required(*step) for step in path.steps}
        assert POLICIES.required(*place) in needed
        for kind, role in IDENTITIES:
            asking = caller(kind, role)
            held = ANYBODY if kind is CallerKind.CLIENT else CAPABILITIES[role]
            if kind is CallerKind.SERVER:
                held -= {Policy.REVIEW}
            tried += 1
            try:
                authorise(asking, operation)
            except Refused:
                leaks += needed <= held
            else:
                leaks += not needed <= held
    assert tried > len(IDENTITIES) * 60
    assert leaks == 0
