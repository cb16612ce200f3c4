"""The seed that makes each phase a randomisation of its own."""

import hashlib
from uuid import UUID

SEED_DIGITS = 16


def phase_seed(project_id: UUID, experiment_key: str, number: int) -> str:
    """The same for ever, and different for each project, experiment and phase."""
    text = f"{project_id}:{experiment_key}:{number}"
    return hashlib.sha256(text.encode()).hexdigest()[:SEED_DIGITS]
