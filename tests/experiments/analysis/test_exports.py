"""From what was exported the numbers come again, and so do the hashes."""

import json
from typing import Any

import msgspec
import pytest

from core.database import Sessions
from experiments.analysis import queries
from experiments.analysis.disclosure import without_effect
from experiments.analysis.errors import EffectHidden
from experiments.analysis.exports import (
    ExportKind,
    check_shown,
    header,
    look_record,
    recompute,
    result_records,
    sum_records,
)
from experiments.analysis.models import Look, Snapshot
from experiments.analysis.results import Report
from experiments.design import PhaseDesign
from tests.conftest import Tenant
from tests.experiments.analysis.designs import looked, paid
from tests.experiments.analysis.stored import NOW, prepared, publish

pytestmark = pytest.mark.stores

WIN = paid((10_000, 400), (10_000, 480))


async def published(
    sessions: Sessions, tenant: Tenant
) -> tuple[PhaseDesign, Snapshot, list[Look]]:
    """A snapshot after its look."""
    scope = (tenant.project_id, tenant.environment_id)
    experiment, plan = await prepared(sessions, *scope, WIN[0])
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, WIN[1])
    async with sessions() as session:
        return plan, snapshot, list(await queries.looks_of(session, plan.phase_id))


def exported(
    plan: PhaseDesign, snapshot: Snapshot, looks: list[Look]
) -> list[dict[str, Any]]:
    """The records as a file has them."""
    top = header(
        ExportKind.SUMS,
        plan,
        snapshot,
        queries.read_report(snapshot),
        watermark=snapshot.watermark,
        at=NOW,
        invalid=False,
    )
    records = [top, *(look_record(look, state=True) for look in looks)]
    return [msgspec.json.decode(msgspec.json.encode(each)) for each in records]


async def test_exported_sums_give_the_same_numbers_and_hashes(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, snapshot, looks = await published(sessions, tenant)
    found = recompute(exported(plan, snapshot, looks))
    assert found.agrees is True
    assert found.metrics == queries.read_report(snapshot).metrics


async def test_a_sum_that_was_changed_does_not_hash_as_before(
    sessions: Sessions, tenant: Tenant
) -> None:
    top, look = exported(*await published(sessions, tenant))
    changed = json.loads(json.dumps(look).replace('"480"', '"481"'))
    assert changed != look
    assert recompute([top, changed]).agrees is False


async def test_hashes_of_another_version_are_not_compared(
    sessions: Sessions, tenant: Tenant
) -> None:
    top, look = exported(*await published(sessions, tenant))
    assert recompute([{**top, "code_version": "analysis-1"}, look]).agrees is None


async def test_a_sum_stands_once_whatever_it_was_compared_with(
    sessions: Sessions, tenant: Tenant
) -> None:
    _, _, looks = await published(sessions, tenant)
    found = list(sum_records([*looks, *looks]))
    assert [(each["arm"], each["n"], each["y"]) for each in found] == [
        ("control", "10000", "400"),
        ("sixty", "10000", "480"),
    ]


def test_what_is_no_export_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with its header"):
        recompute([])
    with pytest.raises(ValueError, match="begins with its header"):
        recompute([{"record": "look"}])


def test_readings_stand_in_one_row_a_comparison() -> None:
    (row,) = result_records(looked(*WIN).metrics)
    assert (row["metric"], row["arm"], row["verdict"]) == ("paid", "sixty", "WIN")
    assert row["absolute"] == pytest.approx(0.008)
    assert row["valid_method"] == "FIXED_HORIZON"
    assert row["unbiased"] is None


@pytest.mark.parametrize("kind", [k for k in ExportKind if k != "EXPOSURES"])
def test_nothing_shows_an_effect_that_the_page_hides(kind: ExportKind) -> None:
    early: Report = looked(*WIN, waiting_for="more units")
    hidden = without_effect(looked(*WIN))
    for report in (early, hidden):
        with pytest.raises(EffectHidden):
            check_shown(kind, report)
        check_shown(ExportKind.EXPOSURES, report)
    check_shown(kind, looked(*WIN))
