"""The parts of a draft: checked one by one, then written down."""

import math
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from core.database import AsyncSession
from experiments import queries
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.errors import DesignInvalid, MetricArchived, MetricUnknown
from experiments.models import (
    KEY_LENGTH,
    NAME_LENGTH,
    TEXT_LENGTH,
    Experiment,
    ExperimentMetric,
    Variant,
)
from experiments.plan import plan_document
from experiments.service.planning import check_plan
from experiments.treatments import document_of, treatment_of

KEY = re.compile(rf"[A-Za-z0-9._-]{{1,{KEY_LENGTH}}}")
MAX_VARIANTS = 20
MAX_MEASURES = 50
MAX_PLANNED_UNITS = 2**31 - 1
MAX_EFFECT = 1e15


def check_key(key: str, *, path: tuple[str, ...] = ("key",)) -> None:
    """Refuse a key that a client could not put into an address.

    Raises:
        DesignInvalid: It is not 1 to 128 letters, digits, dots, dashes or underscores.
    """
    if KEY.fullmatch(key) is None:
        raise DesignInvalid(
            f"A key has 1 to {KEY_LENGTH} letters, digits, '.', '_' or '-'.",
            path=path,
        )


def checked_name(name: str) -> str:
    """A name without the space around it.

    Raises:
        DesignInvalid: It is empty or too long.
    """
    if not 0 < len(name.strip()) <= NAME_LENGTH:
        raise DesignInvalid(
            f"A name has 1 to {NAME_LENGTH} characters.", path=("name",)
        )
    return name.strip()


def columns_of(changes: Changes) -> dict[str, Any]:
    """The experiment's own columns that change.

    Raises:
        DesignInvalid: A value is out of bounds.
    """
    columns: dict[str, Any] = {}
    if changes.name is not None:
        columns["name"] = checked_name(changes.name)
    if changes.unit is not None:
        columns["unit"] = changes.unit
    if changes.coverage is not None:
        if not 0 <= changes.coverage <= 1:
            raise DesignInvalid("Coverage is 0 to 1.", path=("coverage",))
        columns["coverage"] = changes.coverage
    if changes.planned_units is not None:
        if not 0 < changes.planned_units <= MAX_PLANNED_UNITS:
            raise DesignInvalid("Plan at least one unit.", path=("plannedUnits",))
        columns["planned_units"] = changes.planned_units
    if changes.plan is not None:
        columns["plan"] = plan_document(check_plan(changes.plan))
    if changes.hypothesis is not None:
        columns |= _hypothesis(changes.hypothesis)
    return columns


def _hypothesis(spec: HypothesisSpec) -> dict[str, Any]:
    path = ("hypothesis", "statement")
    if len(spec.statement) > TEXT_LENGTH:
        raise DesignInvalid(f"At most {TEXT_LENGTH} characters.", path=path)
    if spec.minimum_effect is not None and not 0 < spec.minimum_effect < MAX_EFFECT:
        raise DesignInvalid(
            "The minimum effect is a size, above zero.",
            path=("hypothesis", "minimumEffect"),
        )
    return {
        "statement": spec.statement.strip(),
        "hypothesis_metric": spec.metric_key,
        "hypothesis_direction": spec.direction,
        "minimum_effect": spec.minimum_effect,
    }


async def write_parts(
    session: AsyncSession, experiment: Experiment, changes: Changes
) -> None:
    """Replace the arms and the metrics that the changes name.

    Raises:
        DesignInvalid: Keys repeat, or a number is out of bounds.
        TreatmentInvalid: A payload does not fit the treatment.
        MetricUnknown: The project has no such metric.
        MetricArchived: A metric is out of use.
    """
    if changes.variants is not None:
        await _write_variants(session, experiment, changes.variants)
    if changes.measures is not None:
        await _write_measures(session, experiment, changes.measures)
    await session.flush()


async def _write_variants(
    session: AsyncSession, experiment: Experiment, specs: Sequence[VariantSpec]
) -> None:
    if len(specs) > MAX_VARIANTS:
        raise DesignInvalid(f"At most {MAX_VARIANTS} variants.", path=("variants",))
    rows = [_variant(experiment, index, spec) for index, spec in enumerate(specs)]
    _check_distinct([spec.key for spec in specs], "variants", "key")
    await session.exec(
        delete(Variant).where(col(Variant.experiment_id) == experiment.id)
    )
    session.add_all(rows)


def _variant(experiment: Experiment, index: int, spec: VariantSpec) -> Variant:
    path = ("variants", str(index))
    check_key(spec.key, path=(*path, "key"))
    if not 0 <= spec.weight <= 1:
        raise DesignInvalid("A weight is 0 to 1.", path=(*path, "weight"))
    if len(spec.name) > NAME_LENGTH:
        raise DesignInvalid(
            f"A name has at most {NAME_LENGTH} characters.", path=(*path, "name")
        )
    treatment = treatment_of(
        experiment.treatment, dict(spec.payload), path=(*path, "payload")
    )
    return Variant(
        experiment_id=experiment.id,
        position=index,
        key=spec.key,
        name=spec.name.strip() or spec.key,
        weight=spec.weight,
        is_control=spec.is_control,
        payload=document_of(treatment),
    )


async def _write_measures(
    session: AsyncSession, experiment: Experiment, specs: Sequence[MeasureSpec]
) -> None:
    if len(specs) > MAX_MEASURES:
        raise DesignInvalid(f"At most {MAX_MEASURES} metrics.", path=("metrics",))
    keys = [spec.metric_key for spec in specs]
    _check_distinct(keys, "metrics", "metricKey")
    metrics = await queries.metrics_by_keys(
        session, project_id=experiment.project_id, keys=keys
    )
    rows = []
    for index, spec in enumerate(specs):
        path = ("metrics", str(index))
        metric = metrics.get(spec.metric_key)
        if metric is None:
            raise MetricUnknown(spec.metric_key, path=(*path, "metricKey"))
        if metric.archived_at is not None:
            raise MetricArchived(
                f"The metric {metric.key} is archived.", path=(*path, "metricKey")
            )
        if spec.margin is not None and not 0 < spec.margin < math.inf:
            raise DesignInvalid(
                "A margin is a size, above zero.", path=(*path, "margin")
            )
        rows.append(
            ExperimentMetric(
                experiment_id=experiment.id,
                metric_id=metric.id,
                position=index,
                role=spec.role,
                margin=spec.margin,
                margin_kind=spec.margin_kind,
                harm_action=spec.harm_action,
            )
        )
    await session.exec(
        delete(ExperimentMetric).where(
            col(ExperimentMetric.experiment_id) == experiment.id
        )
    )
    session.add_all(rows)


def _check_distinct(keys: Sequence[str], part: str, field: str) -> None:
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise DesignInvalid(
                f"{key} is there twice.", path=(part, str(index), field)
            )
