"""Administrators let people in, and one of them always stays."""

import asyncio
import base64
from typing import Any
from uuid import UUID

import pytest

from api.graphql.ids import global_id
from core import signin, tenancy
from core.tenancy import Role
from tests.api.conftest import Edge, make_tenant
from tests.api.test_auth import asked, sign_in

pytestmark = pytest.mark.stores

INVITE = """mutation ($input: InviteMemberInput!) { inviteMember(input: $input) {
  __typename
  ... on InviteMemberPayload { member { id name role } signInLink replayed }
  ... on Error { code path }
} }"""


REMOVE = """mutation ($input: RemoveMemberInput!) { removeMember(input: $input) {
  __typename
  ... on RemoveMemberPayload { member { id } replayed }
  ... on Error { code path }
} }"""


def invitation(key: str, email: str, role: str) -> dict[str, str]:
    """An input."""
    return {"idempotencyKey": key, "email": email, "role": role, "name": "Grace"}


async def test_an_invitation_carries_a_link_that_works_once(edge: Edge) -> None:
    asked_for = invitation("i", "Grace@Acme.test", "EDITOR")
    first = (await edge.ask(INVITE, input=asked_for))["data"]["inviteMember"]
    again = (await edge.ask(INVITE, input=asked_for))["data"]["inviteMember"]
    assert first["member"] == again["member"]
    assert first["member"]["role"] == "EDITOR"
    assert "/console/sign-in/" in first["signInLink"]
    assert (again["signInLink"], again["replayed"]) == (None, True)


@pytest.mark.parametrize("email", ["grace", "@acme.test", "a b@acme.test", "  ", "a@"])
async def test_an_address_has_a_name_and_a_host(edge: Edge, email: str) -> None:
    answer = await edge.ask(INVITE, input=invitation("i", email, "VIEWER"))
    assert answer["data"]["inviteMember"]["path"] == ["email"]


async def test_the_last_administrator_stays_one(edge: Edge) -> None:
    await edge.ask(INVITE, input=invitation("1", "a@acme.test", "ADMIN"))
    refused = await edge.ask(INVITE, input=invitation("2", "a@acme.test", "VIEWER"))
    assert refused["data"]["inviteMember"] == {
        "__typename": "ConflictError",
        "code": "LAST_ADMIN",
        "path": ["role"],
    }
    await edge.ask(INVITE, input=invitation("3", "b@acme.test", "ADMIN"))
    allowed = await edge.ask(INVITE, input=invitation("4", "a@acme.test", "VIEWER"))
    assert allowed["data"]["inviteMember"]["member"]["role"] == "VIEWER"


async def test_two_administrators_cannot_demote_each_other(edge: Edge) -> None:
    project_id = edge.tenant.project.id
    for email in ("a@acme.test", "b@acme.test"):
        await sign_in(edge.database, project_id, Role.ADMIN, email)

    async def demote(email: str) -> None:
        async with edge.database.sessions.begin() as session:
            await tenancy.invite(
                session, project_id=project_id, email=email, name="", role=Role.VIEWER
            )

    results = await asyncio.gather(
        demote("a@acme.test"), demote("b@acme.test"), return_exceptions=True
    )
    assert sum(isinstance(result, tenancy.LastAdmin) for result in results) == 1


async def removed(edge: Edge, member_id: UUID, key: str = "r") -> dict[str, Any]:
    """What removeMember answers."""
    given = {"idempotencyKey": key, "id": global_id("Member", member_id)}
    answer: dict[str, Any] = (await edge.ask(REMOVE, input=given))["data"]
    found: dict[str, Any] = answer["removeMember"]
    return found


async def test_who_is_removed_is_out_and_stays_out(edge: Edge) -> None:
    project_id = edge.tenant.project.id
    member, token = await sign_in(edge.database, project_id, Role.EDITOR)
    async with edge.database.sessions.begin() as session:
        link = await signin.make_link(session, member_id=member.id, minutes=5)
    cookie = f"hone_session={token}"
    assert (await asked(edge, cookie=cookie)).status_code == 200
    first, again = [await removed(edge, member.id) for _ in range(2)]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert (await removed(edge, member.id, "r2"))["replayed"] is False
    await asyncio.sleep(2.1)
    assert (await asked(edge, cookie=cookie)).status_code == 401
    with pytest.raises(signin.LinkSpent):
        async with edge.database.sessions.begin() as session:
            await signin.use_link(session, token=link, days=1)
    listed = await edge.ask("{ project { members { id } } }")
    assert listed["data"]["project"]["members"] == []
    # Letting them in again revives neither the session nor the link.
    await edge.ask(INVITE, input=invitation("i", member.email, "EDITOR"))
    await asyncio.sleep(2.1)
    assert (await asked(edge, cookie=cookie)).status_code == 401
    with pytest.raises(signin.LinkSpent):
        async with edge.database.sessions.begin() as session:
            await signin.use_link(session, token=link, days=1)


async def test_a_removal_is_in_the_audit_trail(edge: Edge) -> None:
    member, _ = await sign_in(edge.database, edge.tenant.project.id, Role.EDITOR)
    await removed(edge, member.id)
    trail = await edge.ask("{ auditLog(first: 1) { edges { node { action } } } }")
    assert trail["data"]["auditLog"]["edges"][0]["node"]["action"] == "member.remove"


async def test_the_last_administrator_is_not_removed(edge: Edge) -> None:
    project_id = edge.tenant.project.id
    ada, token = await sign_in(edge.database, project_id, Role.ADMIN)
    refused = await removed(edge, ada.id)
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "LAST_ADMIN")
    assert (await asked(edge, cookie=f"hone_session={token}")).status_code == 200
    await sign_in(edge.database, project_id, Role.ADMIN, "b@acme.test")
    assert (await removed(edge, ada.id, "r2"))["__typename"] == "RemoveMemberPayload"


async def test_two_administrators_cannot_remove_each_other(edge: Edge) -> None:
    project_id = edge.tenant.project.id
    ada, _ = await sign_in(edge.database, project_id, Role.ADMIN, "a@acme.test")
    bob, _ = await sign_in(edge.database, project_id, Role.ADMIN, "b@acme.test")

    async def remove(member_id: UUID) -> None:
        async with edge.database.sessions.begin() as session:
            await signin.shut_out(session, project_id=project_id, member_id=member_id)

    results = await asyncio.gather(
        remove(ada.id), remove(bob.id), return_exceptions=True
    )
    assert sum(isinstance(result, tenancy.LastAdmin) for result in results) == 1


async def test_another_projects_member_is_not_found(edge: Edge) -> None:
    rival = await make_tenant(edge.database, "rival")
    await sign_in(edge.database, rival.project.id, Role.ADMIN, "a@rival.test")
    theirs, token = await sign_in(edge.database, rival.project.id, Role.VIEWER)
    assert (await removed(edge, theirs.id))["code"] == "NOT_FOUND"
    assert (await asked(edge, cookie=f"hone_session={token}")).status_code == 200


async def test_only_an_administrator_lifts_roles(edge: Edge) -> None:
    for role in (Role.VIEWER, Role.RESEARCHER, Role.EDITOR, Role.REVIEWER):
        email = f"{role}@acme.test"
        _, token = await sign_in(edge.database, edge.tenant.project.id, role, email)
        response = await edge.client.post(
            "/graphql",
            json={
                "query": INVITE,
                "variables": {"input": invitation("x", email, "ADMIN")},
            },
            headers={"cookie": f"hone_session={token}"},
        )
        error = response.json()["errors"][0]
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_no_input_names_a_tenant_or_an_owner(edge: Edge) -> None:
    smuggled = {**invitation("i", "a@acme.test", "VIEWER"), "projectId": "x"}
    response = await edge.post(INVITE, input=smuggled)
    assert response.status_code == 400
    listed = await edge.ask("{ __schema { types { name inputFields { name } } } }")
    names = {
        (kind["name"], field["name"])
        for kind in listed["data"]["__schema"]["types"]
        for field in kind["inputFields"] or ()
    }
    assert not {name for name in names if name[1] in ("projectId", "createdBy")}


async def test_a_node_of_a_stricter_type_is_as_absent_as_none(edge: Edge) -> None:
    ids = [
        base64.urlsafe_b64encode(text.encode()).decode()
        for text in ("ApiKey:" + "0" * 32, "Nothing:" + "0" * 32, "x")
    ]
    query = "query ($id: ID!) { node(id: $id) { id } }"
    answers = [await edge.ask(query, key=edge.tenant.viewer, id=text) for text in ids]
    assert all(answer["data"] == {"node": None} for answer in answers)
    assert len({str(answer["errors"]) for answer in answers}) == 1
    codes = {answer["errors"][0]["extensions"]["code"] for answer in answers}
    assert codes == {"NOT_FOUND"}
    assert (await asked(edge, query)).status_code == 401
