"""The audit runs against the same edge as the tests of the API."""

from tests.api.conftest import edge, settings

__all__ = ["edge", "settings"]
