"""Writing experiments and metrics down, and changing them."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.conditions import ConditionInvalid
from core.database import Sessions
from core.ids import new_id
from core.problems import Problem, StaleVersion
from experiments import queries, service
from experiments.design import MetricRole
from experiments.drafts import Changes, MeasureSpec, VariantSpec
from experiments.errors import (
    DesignInvalid,
    ExperimentUnknown,
    KeyReserved,
    KeyTaken,
    MetricArchived,
    MetricInUse,
    MetricUnknown,
    TreatmentInvalid,
)
from experiments.models import Experiment
from experiments.queries import ExperimentFilter
from experiments.service.change import Intent
from tests.experiments.company import CONVERSION, READY, Company, step

pytestmark = pytest.mark.stores


async def test_a_draft_keeps_its_parts_in_order(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session, targeting={"plan": "free"})
    async with sessions() as session:
        found = await queries.experiment_by_key(
            session, project_id=company.project_id, key="short-form"
        )
        draft = await queries.draft_of(session, found)
    assert [v.key for v in draft.variants] == ["long", "short"]
    assert [v.payload for v in draft.variants] == [{"value": 9}, {"value": 3}]
    assert [m.metric.key for m in draft.measures] == ["paid", "revenue"]
    assert found.targeting == {"plan": "free"}
    assert (found.status, found.version) == ("DRAFT", 1)


async def test_a_key_is_used_once_and_the_transaction_lives_on(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session)
        with pytest.raises(KeyTaken, match="short-form"):
            await company.draft(session)
        await company.draft(session, key="other")
    async with sessions() as session:
        listed = await session.exec(
            queries.listed_experiments(company.project_id, ExperimentFilter())
        )
        assert len(listed.all()) == 2


@pytest.mark.parametrize(
    ("changes", "error", "path"),
    [
        ({"name": " "}, DesignInvalid, ("name",)),
        ({"coverage": 1.01}, DesignInvalid, ("coverage",)),
        ({"coverage": float("nan")}, DesignInvalid, ("coverage",)),
        ({"planned_units": 0}, DesignInvalid, ("plannedUnits",)),
        (
            {"targeting": {"plan": {"$like": "f"}}},
            ConditionInvalid,
            ("targeting", "plan", "$like"),
        ),
        (
            {"measures": (MeasureSpec("nothing", MetricRole.PRIMARY),)},
            MetricUnknown,
            ("metrics", "0", "metricKey"),
        ),
        (
            {"measures": (MeasureSpec("paid", MetricRole.PRIMARY),) * 2},
            DesignInvalid,
            ("metrics", "1", "metricKey"),
        ),
        (
            {"variants": tuple(READY.variants or ())[:1] * 2},
            DesignInvalid,
            ("variants", "1", "key"),
        ),
        (
            {"variants": (VariantSpec("a b", "", 0.5, False, {"value": 1}),)},
            DesignInvalid,
            ("variants", "0", "key"),
        ),
        (
            {"variants": (VariantSpec("a", "", 1.5, False, {"value": 1}),)},
            DesignInvalid,
            ("variants", "0", "weight"),
        ),
        (
            {"variants": (VariantSpec("a", "", 0.5, False, {"values": 1}),)},
            TreatmentInvalid,
            ("variants", "0", "payload"),
        ),
    ],
)
async def test_a_part_that_breaks_a_rule_is_refused_by_its_path(
    sessions: Sessions,
    company: Company,
    changes: dict[str, Any],
    error: type[Problem],
    path: tuple[str, ...],
) -> None:
    async with sessions() as session:
        with pytest.raises(error) as refused:
            await company.draft(session, **changes)
    assert refused.value.path == path


async def test_an_update_changes_only_what_it_names(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session, targeting={"plan": "free"})
    async with sessions.begin() as session:
        updated = await service.update(
            session,
            step(company, experiment),
            changes=Changes(coverage=0.5, targeting={}),
        )
        draft = await queries.draft_of(session, updated)
    assert (updated.version, updated.coverage) == (2, 0.5)
    assert updated.targeting is None
    assert updated.name == "Shorter form"
    assert len(draft.variants) == 2
    assert len(draft.measures) == 2


async def test_an_update_of_an_old_version_is_refused_with_the_current_one(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        with pytest.raises(StaleVersion) as refused:
            await service.update(
                session,
                Intent(
                    project_id=company.project_id,
                    experiment_id=experiment.id,
                    expected_version=7,
                    actor=company.actor,
                ),
                changes=Changes(name="Other"),
            )
    assert refused.value.current_version == 1


async def test_another_project_sees_nothing(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        with pytest.raises(ExperimentUnknown):
            await queries.experiment_by_id(
                session, project_id=new_id(), experiment_id=experiment.id
            )
        with pytest.raises(ExperimentUnknown):
            await queries.experiment_by_key(
                session, project_id=new_id(), key=experiment.key
            )


async def test_a_list_is_filtered_by_state_and_by_words(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session, key="one", name="50% off")
        await company.draft(session, key="two", name="Nothing")
    for chosen, keys in (
        (ExperimentFilter(search="50%"), ["one"]),
        (ExperimentFilter(search="TWO"), ["two"]),
        (ExperimentFilter(search="%"), ["one"]),
        (ExperimentFilter(statuses=("RUNNING",)), []),  # type: ignore[arg-type]
    ):
        async with sessions() as session:
            found = await session.exec(
                queries.listed_experiments(company.project_id, chosen)
            )
            assert [experiment.key for experiment in found.all()] == keys


async def test_every_change_is_audited_with_what_was_before(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        await service.update(
            session,
            step(company, experiment),
            changes=Changes(name="Other"),
        )
        found = await session.exec(
            select(AuditRow)
            .where(AuditRow.subject_id == experiment.id)
            .order_by(AuditRow.id)  # type: ignore[arg-type]
        )
        first, second = found.all()
    assert (first.action, second.action) == ("experiment.draft", "experiment.update")
    assert second.before is not None
    assert second.after is not None
    assert (second.before["name"], second.after["name"]) == ("Shorter form", "Other")
    assert second.actor_name == "ada"


async def test_a_metric_in_use_is_not_archived(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session)
        metrics = await queries.metrics_by_keys(
            session, project_id=company.project_id, keys=["paid"]
        )
        with pytest.raises(MetricInUse, match="short-form"):
            await service.archive_metric(
                session,
                project_id=company.project_id,
                metric_id=metrics["paid"].id,
                expected_version=1,
                actor=company.actor,
            )


async def test_an_archived_metric_keeps_its_key_and_joins_nothing(
    sessions: Sessions, company: Company
) -> None:
    scope: dict[str, Any] = {"project_id": company.project_id, "actor": company.actor}
    async with sessions.begin() as session:
        metric = await service.define_metric(
            session, key="old", spec=CONVERSION, **scope
        )
        updated = await service.update_metric(
            session,
            metric_id=metric.id,
            expected_version=1,
            spec=replace(CONVERSION, window_days=14),
            **scope,
        )
        assert (updated.version, updated.window_days) == (2, 14)
        with pytest.raises(StaleVersion):
            await service.archive_metric(
                session, metric_id=metric.id, expected_version=1, **scope
            )
        archived = await service.archive_metric(
            session, metric_id=metric.id, expected_version=2, **scope
        )
        assert archived.archived_at is not None
        with pytest.raises(KeyReserved):
            await service.define_metric(session, key="old", spec=CONVERSION, **scope)
        with pytest.raises(MetricArchived):
            await company.draft(
                session, measures=(MeasureSpec("old", MetricRole.PRIMARY),)
            )
        listed = await session.exec(
            queries.listed_metrics(company.project_id, with_archived=False)
        )
        assert {row.key for row in listed.all()} == {"paid", "revenue"}


async def test_the_owner_is_whoever_drafted_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment: Experiment = await company.draft(session)
    assert experiment.owner_name == "ada"
