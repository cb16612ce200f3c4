"""Processes over fresh stores."""

from tests.installed import installation, key

__all__ = ["installation", "key"]
