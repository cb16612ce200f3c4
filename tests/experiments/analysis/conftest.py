"""Designs and states, built by hand."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shared_data() -> Path:
    """The folder of data that is not part of the repository."""
    folder = Path(os.environ.get("HONE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}")
    return folder
