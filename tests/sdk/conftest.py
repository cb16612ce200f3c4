"""The edge with an experiment of every type of value, as for OpenFeature's clients."""

from tests.api.conftest import settings
from tests.ofrep.conftest import flags, planted, url

__all__ = ["flags", "planted", "settings", "url"]
