"""Keyset pages: nothing twice, nothing lost, and no cursor but our own."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from api.pagination import MAX_PAGE, Order, page_size, paged
from core import audit
from core.audit import WORKER, AuditRow
from core.database import Database
from core.ids import new_id
from core.problems import Invalid
from tests.api.conftest import make_tenant

pytestmark = pytest.mark.stores
NEWEST = Order("audit.at", AuditRow.at, AuditRow.id, datetime)
BY_ACTION = Order("audit.action", AuditRow.action, AuditRow.id, str, descending=False)
BY_NUMBER = Order("audit.number", AuditRow.number, AuditRow.id, int)


async def fill(database: Database, count: int, *, same: bool) -> None:
    """Rows at one instant or one second apart."""
    tenant = await make_tenant(database, "acme")
    began = datetime(2026, 1, 1, tzinfo=UTC)
    async with database.sessions.begin() as session:
        for number in range(count):
            row = await audit.record(
                session,
                actor=WORKER,
                project_id=tenant.project.id,
                action=f"a{number % 3}",
                subject="Thing",
                subject_id=new_id(),
            )
            row.at = began + timedelta(seconds=0 if same else number)
            row.number = number


async def walked(database: Database, order: Order, size: int) -> list[AuditRow]:
    """Every row, page by page; a new row arrives after the first page."""
    found: list[AuditRow] = []
    after: str | None = None
    while True:
        async with database.readers() as session:
            page = await paged(
                session, select(AuditRow), order, first=size, after=after
            )
        found.extend(page.rows)
        assert page.has_previous is (after is not None)
        if not page.has_next:
            return found
        after = page.cursors[-1]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("order", [NEWEST, BY_ACTION, BY_NUMBER], ids=lambda o: o.name)
async def test_pages_join_to_the_whole_list(
    database: Database, order: Order, same: bool
) -> None:
    await fill(database, 23, same=same)
    rows = await walked(database, order, 4)
    assert len({row.id for row in rows}) == len(rows) == 23
    keys = [(getattr(row, order.column.key), row.id) for row in rows]
    assert keys == sorted(keys, reverse=order.descending)


ONE = "0190f3a7c2b17c3e9f4d5e6a7b8c9d0e"


def forged(*parts: object) -> str:
    """A cursor of somebody else's making."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "ä",
        "x" * 5000,
        forged(),
        forged("audit.at", "2026-01-01T00:00:00", ONE),
        forged("audit.at", "yesterday", ONE),
        forged("audit.at", 5, ONE),
        forged("audit.at", "2026-01-01T00:00:00+00:00", "' OR 1=1 --"),
        forged("audit.action", "a", ONE),
        forged("audit.at", "2026-01-01T00:00:00+00:00", ONE, 1),
        forged("audit.at", None, ONE),
    ],
)
async def test_a_foreign_cursor_is_refused(database: Database, after: str) -> None:
    async with database.readers() as session:
        with pytest.raises(Invalid, match="cursor") as caught:
            await paged(session, select(AuditRow), NEWEST, first=1, after=after)
    assert caught.value.code == "BAD_INPUT"


@pytest.mark.parametrize("first", [0, -1, MAX_PAGE + 1, 2**31])
def test_a_page_has_a_bound(first: int) -> None:
    with pytest.raises(Invalid):
        page_size(first)
