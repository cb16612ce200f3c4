"""An installation of its own for the examples."""

from tests.installed import installation, key

__all__ = ["installation", "key"]
