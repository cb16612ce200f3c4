"""Every change to experiments and metrics. Nothing here commits."""

from experiments.service.concluding import archive, decide
from experiments.service.drafting import draft, update
from experiments.service.importing import finish_import, fix_cap
from experiments.service.metrics import (
    archive_metric,
    define_metric,
    update_metric,
)
from experiments.service.publishing import mark_published
from experiments.service.running import pause, resume, start, stop

__all__ = [
    "archive",
    "archive_metric",
    "decide",
    "define_metric",
    "draft",
    "finish_import",
    "fix_cap",
    "mark_published",
    "pause",
    "resume",
    "start",
    "stop",
    "update",
    "update_metric",
]
