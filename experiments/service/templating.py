"""Writing an experiment down from a template."""

from collections.abc import Collection
from uuid import UUID

from core.audit import Actor
from core.database import AsyncSession
from experiments import queries
from experiments.errors import MetricUnknown
from experiments.models import Experiment
from experiments.service.drafting import draft
from experiments.templates import Choice, drafted_from
from experiments.treatments import TreatmentKind

MAX_METRICS = 200
"""Metrics among which guardrails are looked for."""


async def draft_from_template(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    template: TreatmentKind,
    metric_key: str,
    choice: Choice,
    still: Collection[str] = (),
) -> Experiment:
    """Write down a draft whose arms, plan and guardrails are filled in.

    How many units it needs is left to be proposed. Metrics that are `still`, whose
    units all have one value, guard nothing and are passed over.

    Raises:
        MetricUnknown: The project has no such metric.
        DesignInvalid: The effect that matters is no size.
        TreatmentInvalid: The meter or flow is no key, or a limit is none.
        KeyTaken, KeyReserved: The key is in use, or was.
    """
    found = await queries.metrics_by_keys(
        session, project_id=project_id, keys=[metric_key]
    )
    if metric_key not in found:
        raise MetricUnknown(metric_key, path=("metric",))
    listed = queries.listed_metrics(project_id, with_archived=False)
    rows = (await session.exec(listed.limit(MAX_METRICS))).all()
    others = [each for each in rows if each.key not in still]
    return await draft(
        session,
        project_id=project_id,
        actor=actor,
        key=key,
        treatment=template,
        changes=drafted_from(template, choice, metric=found[metric_key], others=others),
    )
