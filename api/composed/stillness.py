"""Which metrics would guard nothing, because every unit has the same value."""

from api.context import Context
from core.clock import now
from core.database import is_unreachable
from experiments import queries
from experiments.design import MetricRole, UnitKind
from experiments.drafts import Measure
from experiments.events.errors import TooManyRows
from experiments.freezing import metric_design
from experiments.metric_health import HealthCode, metric_healths
from experiments.service.templating import MAX_METRICS
from experiments.templates import guardrails_among

LOOKED_AT = 6
"""The likeliest guardrails, whose events are read."""


async def still_metrics(context: Context, primary: str) -> frozenset[str]:
    """The keys of those that do not vary among the likeliest guardrails.

    None where their events cannot be read: a draft does not wait for the log.
    """
    caller = context.caller
    listed = queries.listed_metrics(caller.project_id, with_archived=False)
    async with context.readers() as session:
        at = await now(session)
        rows = (await session.exec(listed.limit(MAX_METRICS))).all()
    likely = guardrails_among(primary, rows)[:LOOKED_AT]
    designs = [
        metric_design(Measure(each, MetricRole.GUARDRAIL, None)) for each in likely
    ]
    try:
        found = await metric_healths(
            context.log,
            designs,
            environment_id=caller.environment_id,
            unit=UnitKind.USER,
            now=at,
        )
    except TooManyRows:
        return frozenset()
    except Exception as crash:
        if not is_unreachable(crash):
            raise
        return frozenset()
    return frozenset(
        each.key
        for each, health in zip(likely, found, strict=True)
        if any(told.code is HealthCode.NO_VARIANCE for told in health.warnings)
    )
