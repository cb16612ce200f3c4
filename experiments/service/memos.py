"""The memo: generated from what is known, edited by people, never overwritten."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from core.tenancy import Project
from experiments import queries
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.governance import queries as governance
from experiments.governance.ramps import steps_of
from experiments.lifecycle import ExperimentStatus
from experiments.models import TEXT_LENGTH, Experiment, Phase
from experiments.readiness.queries import waivers_of
from experiments.service.recording import record
from experiments.service.reporting import report_of
from experiments.shipping.deviations import deviations_of, variant_names
from experiments.shipping.errors import MemoIncomplete
from experiments.shipping.models import MEMO_LENGTH, Memo, MemoKind
from experiments.shipping.parts import MemoParts, parts_of_memo, with_results
from experiments.shipping.queries import last_memo
from experiments.shipping.writing import memo_text, spelled

FOLLOW_UP_DAYS = 30

ONE_VARIANT = "One variant is compared with the control in one primary metric"
SEVERAL_VARIANTS = "The variants share one error rate by Holm's procedure"
FAMILIES = (
    "; secondary metrics are one family by Benjamini and Hochberg, segments of the "
    "primary metric another."
)


@dataclass(frozen=True, slots=True)
class MemoChanges:
    """What a person writes; None leaves a part as it is."""

    text: str | None = None
    """The whole memo as Markdown; else it is written from the parts."""
    users_notice: str | None = None
    follow_up_on: date | None = None
    dissent: str | None = None


async def generate_memo(
    session: AsyncSession, *, project_id: UUID, experiment_id: UUID, actor: Actor
) -> Memo:
    """Write the memo anew from what is known; what people wrote into its parts stays.

    Raises:
        ExperimentUnknown: The project has none such.
        PhaseUnknown: It was never started.
        StaleVersion: Somebody else wrote a version at the same time.
    """
    experiment = await _written(session, project_id, experiment_id)
    before = await last_memo(session, experiment.id)
    parts = await generated(session, experiment, before)
    return await append(
        session, experiment, parts, MemoKind.GENERATED, actor=actor, before=before
    )


async def edit_memo(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    expected_version: int,
    actor: Actor,
    changes: MemoChanges,
) -> Memo:
    """Write a later version with a person's words in it.

    Raises:
        ExperimentUnknown: The project has none such.
        MemoIncomplete: There is none yet to edit.
        DesignInvalid: A part is too long.
        StaleVersion: The memo has another version by now.
    """
    experiment = await _written(session, project_id, experiment_id)
    before = await last_memo(session, experiment.id)
    if before is None:
        raise MemoIncomplete("Generate a memo first.", path=("experiment",))
    if before.version != expected_version:
        raise StaleVersion(before.version)
    for name, given, most in (
        ("text", changes.text, MEMO_LENGTH),
        ("usersNotice", changes.users_notice, TEXT_LENGTH),
        ("dissent", changes.dissent, TEXT_LENGTH),
    ):
        if given is not None and len(given) > most:
            raise DesignInvalid(f"It has at most {most:,} characters.", path=(name,))
    parts = parts_of_memo(before.parts)
    said = {
        name: value
        for name in ("users_notice", "follow_up_on", "dissent")
        if (value := getattr(changes, name)) is not None
    }
    return await append(
        session,
        experiment,
        replace(parts, **said),
        MemoKind.EDITED,
        actor=actor,
        before=before,
        text=changes.text,
    )


async def generated(
    session: AsyncSession, experiment: Experiment, before: Memo | None
) -> MemoParts:
    """The facts as they are now, with what people wrote in the version before.

    Raises:
        PhaseUnknown: The experiment was never started.
    """
    phase = await queries.current_phase(session, experiment.id)
    phases = await queries.phases_of(
        session,
        environment_id=phase.environment_id,
        experiment_ids=[experiment.id],
    )
    report = await report_of(session, phase.id)
    ramp = (await governance.ramps(session, [phase.id])).get(phase.id)
    steps = () if ramp is None else steps_of(ramp.steps)
    parts = MemoParts(
        title=experiment.name or experiment.key,
        question=experiment.statement,
        design_hash=phase.design_hash,
        phase=phase.number,
        planned_units=phase.planned_units,
        multiplicity=_multiplicity(phase),
        deviations=deviations_of(
            phases[experiment.id], report, planned=[each.coverage for each in steps]
        ),
        waivers=tuple(
            f"{spelled(each.code)}, by {each.actor_name}: {each.reason}"
            for each in await waivers_of(session, experiment.id)
        ),
        not_reviewed=await governance.not_reviewed(session, phase.id),
        variant_names=variant_names(phase),
        users_notice=_notice(phase),
        follow_up_on=await _follow_up(session, experiment),
    )
    if report is not None:
        parts = with_results(parts, report)
    return parts if before is None else _with_words(parts, before)


def _with_words(parts: MemoParts, before: Memo) -> MemoParts:
    """What people wrote into the version before, and what was measured, stays."""
    old = parts_of_memo(before.parts)
    return replace(
        parts,
        users_notice=old.users_notice,
        follow_up_on=old.follow_up_on,
        dissent=old.dissent,
        decision=old.decision,
        measured=old.measured,
    )


async def append(
    session: AsyncSession,
    experiment: Experiment,
    parts: MemoParts,
    kind: MemoKind,
    *,
    actor: Actor,
    before: Memo | None,
    text: str | None = None,
) -> Memo:
    """Write the next version; of two at once the database lets one through.

    Raises:
        StaleVersion: Somebody else wrote a version at the same time.
    """
    version = 1 if before is None else before.version + 1
    memo = Memo(
        project_id=experiment.project_id,
        experiment_id=experiment.id,
        version=version,
        kind=kind,
        text=(memo_text(parts) if text is None else text)[:MEMO_LENGTH],
        parts=parts.document(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        at=await now(session),
    )
    try:
        async with session.begin_nested():
            session.add(memo)
    except IntegrityError as error:
        raise StaleVersion(version) from error
    await record(
        session,
        experiment,
        "memo.write",
        actor=actor,
        before=None if before is None else {"memo_version": before.version},
        after={"memo_version": version, "kind": kind},
    )
    return memo


async def _written(
    session: AsyncSession, project_id: UUID, experiment_id: UUID
) -> Experiment:
    experiment = await queries.experiment_by_id(
        session, project_id=project_id, experiment_id=experiment_id
    )
    if experiment.status is ExperimentStatus.ARCHIVED:
        raise DesignInvalid("It was put away; its memo stays as it is.")
    return experiment


def _notice(phase: Phase) -> str:
    """What a decision for the variants would change, to be put in better words."""
    names = dict(variant_names(phase))
    arms = phase.design["arms"]
    control = next(names[arm["key"]] for arm in arms if arm["is_control"])
    others = " or ".join(names[arm["key"]] for arm in arms if not arm["is_control"])
    return f"If it is shipped, whoever has {control} gets {others}; else nobody does."


async def _follow_up(session: AsyncSession, experiment: Experiment) -> date:
    project = await session.get_one(Project, experiment.project_id)
    today = (await now(session)).astimezone(ZoneInfo(project.time_zone)).date()
    return today + timedelta(days=FOLLOW_UP_DAYS)


def _multiplicity(phase: Phase) -> str:
    """How many questions were asked, and what keeps them from being answered by chance.

    A variant that was dropped counts: it was tried.
    """
    several = len(design_of(phase).arms) > 2
    return (SEVERAL_VARIANTS if several else ONE_VARIANT) + FAMILIES
