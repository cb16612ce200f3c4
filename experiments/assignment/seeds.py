"""The seeds that make each phase, layer and holdout a randomisation of its own."""

import hashlib
from uuid import UUID

SEED_DIGITS = 16


def phase_seed(project_id: UUID, experiment_key: str, number: int) -> str:
    """The same for ever, and different for each project, experiment and phase."""
    return _digits(f"{project_id}:{experiment_key}:{number}")


def layer_seed(project_id: UUID, key: str) -> str:
    """The seed of a layer: of "project id::layer:key".

    No experiment has an empty key, so no phase has this text.
    """
    return _digits(f"{project_id}::layer:{key}")


def holdout_seed(project_id: UUID, key: str) -> str:
    """The seed of a holdout: of "project id::holdout:key"."""
    return _digits(f"{project_id}::holdout:{key}")


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:SEED_DIGITS]
