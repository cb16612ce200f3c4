"""Every reading, look, segment, day and pair of a results page over GraphQL."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from experiments.analysis import service
from experiments.analysis.impact import Reach
from experiments.analysis.models import InteractionTest, Snapshot
from experiments.analysis.series import Studied, since_exposure
from experiments.design import MetricKind, MetricRole, PhaseDesign
from experiments.events.state import PhaseState, SegmentState, SurvivalState
from experiments.events.study_curves import SinceExposure
from experiments.events.study_slices import Slice
from experiments.models import Experiment, Phase
from experiments.plan import AnalysisPlan, Dimension
from tests.api.conftest import Edge
from tests.experiments.analysis.designs import (
    START,
    arm_state,
    conversions,
    design,
    metric,
    state,
)
from tests.experiments.analysis.stored import NOW, prepared

pytestmark = pytest.mark.stores

DAY = timedelta(days=1)
PAID = metric("paid", name="paid conversion")
TICKETS = replace(
    metric("tickets", role=MetricRole.GUARDRAIL),
    margin=0.02,
    direction=PAID.direction,
)
VISITS = metric("visits", role=MetricRole.SECONDARY)
WAIT = metric("wait", kind=MetricKind.TIME_TO_EVENT, role=MetricRole.SECONDARY)
COUNTRY = Dimension("country", "country", ("DE", "FR"))
PLAN = AnalysisPlan(dimensions=(COUNTRY,), lookback_days=0)
CUT = START + timedelta(days=9, hours=6)

READ = """
query ($segments: Int! = 10, $after: String) {
  experiment(by: {key: "reports-limit"}) { results {
    verdict horizon nextCut warnings
    snapshot { phaseId watermark position inputsHash }
    looks { number horizon variants { variant statistic boundary information crossed } }
    impact { variant triggerRate dilutedEffect unitsPerMonth perMonth ciLow ciHigh
      unbiased note }
    futility { variant predictivePower }
    alarms { metric variant action bound }
    interactions { other metric of units p adjustedP estimate ciLow ciHigh warning }
    health {
      srmSequential { pValue logEvidence warned failed note }
      diagnosis slices { edges { node { attribute level counts pValue rejected } } }
      exposures { triggerRate conflictRate linkRate signUpRate }
    }
    metrics {
      metric quantile notes
      comparisons {
        verdict registration look horizon absolute stdErr
        valid { method level critical ciLow ciHigh pValue relative { status } }
        alwaysValid { method ciLow ciHigh }
        unbiased { look value ciLow ciHigh pValue }
        bayes { chanceToWin lossIfShipped lossIfKept mean ciLow ciHigh priorDeviation }
        margin { kind margin bound pValue alpha passed alwaysValid }
        worst { absolute relative text }
        harm { rang bound pValue alpha n }
        family { family size pValue rejected }
        capDependence { agrees } adjusted { absolute } adjustment { columns note }
      }
      segments(first: $segments, after: $after) {
        edges { node { variant dimension level registration absolute
          valid { method } family { family size } excluded } }
        pageInfo { hasNextPage endCursor }
      }
      heterogeneity { variant dimension statistic degrees pValue note }
      effectByLook(variant: "sixty") {
        edges { node { look estimate stdErr statistic boundary ciLow ciHigh pValue } }
      }
      effectSinceExposure(variant: "sixty") {
        edges { node { day date absolute ciLow ciHigh control { n } } }
      }
      effectByCohort(variant: "sixty") { edges { node { day } } }
      survival { variant note control { day share atRisk events ciLow ciHigh } }
      funnel { step }
    }
  } }
}
"""


def phase(**changes: Any) -> PhaseDesign:
    """A phase that is looked at daily, with a guardrail and two more metrics."""
    base = design(PAID, TICKETS, VISITS, WAIT, planned_units=40_000)
    return replace(base, plan=replace(PLAN, **changes))


def at_cut(plan: PhaseDesign, number: int, *, sixty: int = 560) -> PhaseState:
    """The state at a cut; `sixty` of the treatment's 10,000 units paid."""
    paying = {"control": 400, "sixty": sixty}
    found = state(
        plan,
        *(
            arm_state(each, arm, conversions(10_000, units))
            for each in (PAID, TICKETS, VISITS)
            for arm, units in paying.items()
        ),
        *(arm_state(WAIT, arm, conversions(10_000, 9_000)) for arm in paying),
        watermark=CUT + number * DAY,
    )
    return replace(
        found,
        segments=tuple(
            SegmentState(
                arm, PAID.metric_id, "country", level, counted, None, counted.y
            )
            for arm, units in paying.items()
            for level, counted in (
                ("DE", conversions(6_000, units - 150)),
                ("FR", conversions(4_000, 150)),
            )
        ),
        survival=tuple(
            SurvivalState(
                arm,
                WAIT.metric_id,
                tuple(range(10_000, 9_986, -2)),
                (2,) * 7,
            )
            for arm in paying
        ),
    )


async def stored(edge: Edge, plan: PhaseDesign) -> tuple[UUID, PhaseDesign]:
    """The experiment in the edge's project."""
    tenant = edge.tenant
    sessions = edge.database.sessions
    return await prepared(sessions, tenant.project.id, tenant.environment.id, plan)


async def take(
    edge: Edge,
    place: tuple[UUID, PhaseDesign],
    found: PhaseState,
    *,
    looks: bool = True,
    slices: tuple[Slice, ...] = (),
) -> Snapshot:
    """Analyse a state at its cut, with what a look studies."""
    plan = place[1]
    curve = [
        SinceExposure(arm, day, conversions(9_000, rate * (day + 1)))
        for arm, rate in (("control", 100), ("sixty", 130))
        for day in range(3)
    ]
    reach = Reach(1, dict(found.exposed), seen=80_000, monthly=60_000, days=30)
    async with edge.database.sessions.begin() as session:
        return await service.analyse(
            session,
            design=plan,
            state=replace(found, phase_id=plan.phase_id),
            experiment_id=place[0],
            project_id=edge.tenant.project.id,
            now=NOW,
            cut=found.watermark if looks else None,
            studied=Studied(reach, since_exposure(plan, PAID, curve)),
            slices=slices,
        )


async def read(edge: Edge, **variables: Any) -> dict[str, Any]:
    """The whole page."""
    answer = await edge.ask(READ, key=edge.tenant.viewer, **variables)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]["results"]
    return found


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a page."""
    return [edge["node"] for edge in connection["edges"]]


async def test_after_an_early_stop_every_reading_is_there(edge: Edge) -> None:
    place = await stored(edge, phase())
    snapshot = await take(edge, place, at_cut(place[1], 0))
    found = await read(edge)
    primary, guardrail, secondary, wait = found["metrics"]
    (comparison,) = primary["comparisons"]
    assert (found["verdict"], found["horizon"]) == ("WIN", "BEFORE")
    assert comparison["valid"]["method"] == "GROUP_SEQUENTIAL"
    assert comparison["alwaysValid"]["method"] == "ALWAYS_VALID"
    assert comparison["unbiased"]["look"] == 1
    assert comparison["bayes"]["chanceToWin"] > 0.9
    assert comparison["registration"] == "REGISTERED"
    assert comparison["stdErr"] > 0
    (held,) = guardrail["comparisons"]
    assert held["margin"]["margin"] == 0.02
    assert held["margin"]["alwaysValid"]
    assert held["harm"]["bound"] is not None
    assert held["worst"]["text"]
    (other,) = secondary["comparisons"]
    assert (other["family"]["family"], other["family"]["size"]) == ("SECONDARY", 2)
    (look,) = found["looks"]
    (point,) = look["variants"]
    assert point["crossed"]
    assert point["statistic"] > point["boundary"] > 0
    assert datetime.fromisoformat(found["snapshot"]["watermark"]) == CUT
    assert found["snapshot"]["inputsHash"] == snapshot.inputs_hash
    assert found["snapshot"]["phaseId"]
    (impact,) = found["impact"]
    assert impact["unbiased"]
    assert impact["triggerRate"] == 0.25
    assert impact["perMonth"] == pytest.approx(comparison["unbiased"]["value"] * 15_000)
    assert found["health"]["exposures"][0]["triggerRate"] == 0.25
    assert len(wait["survival"][0]["control"]) == 7


async def test_segments_come_in_pages_with_their_family(edge: Edge) -> None:
    place = await stored(edge, phase())
    await take(edge, place, at_cut(place[1], 0))
    primary = (await read(edge, segments=1))["metrics"][0]
    (first,) = nodes(primary["segments"])
    assert (first["dimension"], first["level"]) == ("country", "DE")
    assert (first["family"]["family"], first["family"]["size"]) == ("SEGMENT", 2)
    assert first["registration"] == "REGISTERED"
    cursor = primary["segments"]["pageInfo"]["endCursor"]
    rest = (await read(edge, after=cursor))["metrics"][0]["segments"]
    assert [each["level"] for each in nodes(rest)] == ["FR"]
    assert not rest["pageInfo"]["hasNextPage"]
    (test,) = primary["heterogeneity"]
    assert test["degrees"] == 1
    assert test["pValue"] < 0.05
    bad = await edge.ask(READ, after="YQ==")
    assert bad["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_the_effect_is_shown_by_look_and_by_day(edge: Edge) -> None:
    place = await stored(edge, phase())
    await take(edge, place, at_cut(place[1], 0, sixty=440))
    await take(edge, place, at_cut(place[1], 1, sixty=450))
    primary = (await read(edge))["metrics"][0]
    first, second = nodes(primary["effectByLook"])
    assert (first["look"], second["look"]) == (1, 2)
    assert first["estimate"] == pytest.approx(0.004)
    reach = first["boundary"] * first["stdErr"]
    assert first["ciHigh"] == pytest.approx(first["estimate"] + reach)
    days = nodes(primary["effectSinceExposure"])
    assert [each["day"] for each in days] == [0, 1, 2]
    assert days[2]["absolute"] == pytest.approx(90 / 9_000)
    assert days[0]["control"]["n"] == 9_000


async def test_an_older_snapshot_shows_the_looks_that_it_knew(edge: Edge) -> None:
    place = await stored(edge, phase())
    first = await take(edge, place, at_cut(place[1], 0, sixty=440))
    await take(edge, place, at_cut(place[1], 1, sixty=450))
    answer = await edge.ask(
        """{ experiment(by: {key: "reports-limit"}) {
          resultsHistory(first: 2) { edges { node { snapshot { number }
          metrics { effectByLook(variant: "sixty") { edges { node { look } } } }
        } } } } }"""
    )
    assert "errors" not in answer, answer
    history = nodes(answer["data"]["experiment"]["resultsHistory"])
    shown = {
        each["snapshot"]["number"]: len(nodes(each["metrics"][0]["effectByLook"]))
        for each in history
    }
    assert shown == {first.number: 1, first.number + 1: 2}


async def hides(edge: Edge) -> dict[str, Any]:
    """The page, on which no effect may be found anywhere."""
    found = await read(edge)
    assert found["impact"] == []
    assert found["futility"] is None
    assert all(look["variants"] == [] for look in found["looks"])
    for row in found["metrics"]:
        for name in ("segments", "effectByLook", "effectSinceExposure"):
            assert nodes(row[name]) == [], name
        assert row["survival"] == row["heterogeneity"] == []
        for comparison in row["comparisons"]:
            for name in (
                *("absolute", "stdErr", "valid", "alwaysValid", "unbiased"),
                *("bayes", "margin", "worst", "family", "adjusted"),
            ):
                assert comparison[name] is None, name
            if comparison["harm"] is not None:
                assert comparison["harm"]["bound"] is None
                assert comparison["harm"]["pValue"] is None
    return found


async def test_before_the_first_look_there_are_counts_and_health(edge: Edge) -> None:
    place = await stored(edge, phase())
    await take(edge, place, at_cut(place[1], 0), looks=False)
    found = await hides(edge)
    assert found["verdict"] == "NOT_ENOUGH_DATA"
    assert found["health"]["srmSequential"]["pValue"] == 1.0
    assert found["nextCut"]


async def test_a_plan_without_interim_shows_nothing_until_the_end(edge: Edge) -> None:
    place = await stored(edge, phase(interim=False))
    await take(edge, place, at_cut(place[1], 0, sixty=440))
    found = await hides(edge)
    assert [look["number"] for look in found["looks"]] == [1]
    assert found["verdict"] == "NOT_ENOUGH_DATA"


async def test_invalid_results_show_slices_and_no_effect(edge: Edge) -> None:
    place = await stored(edge, phase())
    broken = replace(at_cut(place[1], 0), exposed={"control": 10_000, "sixty": 11_200})
    slices = tuple(
        Slice("sdk_version", level, arm, units)
        for level, counts in (("v1", (7_000, 7_000)), ("v2", (3_000, 4_200)))
        for arm, units in zip(("control", "sixty"), counts, strict=True)
    )
    await take(edge, place, broken, slices=slices)
    found = await hides(edge)
    health = found["health"]
    assert found["verdict"] == "INVALID"
    assert health["srmSequential"]["failed"]
    assert "sdk_version is v2" in health["diagnosis"][0]
    worst = nodes(health["slices"])[0]
    assert (worst["level"], worst["counts"], worst["rejected"]) == (
        "v2",
        [3_000, 4_200],
        True,
    )


async def test_a_pair_that_interacts_is_shown_with_a_warning(edge: Edge) -> None:
    place = await stored(edge, phase())
    await take(edge, place, at_cut(place[1], 0))
    await crossed(edge, place[1])
    (found,) = (await read(edge))["interactions"]
    assert (found["other"], found["of"]) == ("pricing", "reports-limit")
    assert found["adjustedP"] == 0.01
    assert found["estimate"] == 0.04
    assert "depends on the variant of pricing" in found["warning"]


async def crossed(edge: Edge, plan: PhaseDesign) -> None:
    """Another experiment that was crossed with the first."""
    async with edge.database.sessions.begin() as session:
        phase = await session.get_one(Phase, plan.phase_id)
        first = await session.get_one(Experiment, phase.experiment_id)
        other = Experiment(**first.model_dump(exclude={"id", "key"}), key="pricing")
        session.add(other)
        await session.flush()
        beside = Phase(
            **phase.model_dump(exclude={"id", "experiment_id"}),
            experiment_id=other.id,
        )
        session.add(beside)
        await session.flush()
        session.add(
            InteractionTest(
                project_id=phase.project_id,
                environment_id=phase.environment_id,
                phase_id=phase.id,
                other_phase_id=beside.id,
                metric_key="paid",
                units=20_000,
                tests=1,
                p_value=0.001,
                sequential_p_value=0.002,
                adjusted_p_value=0.01,
                degrees=1,
                estimate=0.04,
                low=0.02,
                high=0.06,
                at=NOW,
            )
        )
