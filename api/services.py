"""What the process opened once and every request shares."""

from dataclasses import dataclass, field
from functools import cached_property

from api.measures import Measures
from api.rates import Rates
from api.registry import Registry
from api.watching import Watches
from core.database import Database
from core.settings import Settings
from core.traits_cache import Traits
from experiments.events.log import EventLog
from experiments.service.definitions import Definitions
from workers.queue import Queue


@dataclass(frozen=True)
class Services:
    """The stores, the settings and the queue behind the edge."""

    settings: Settings
    database: Database
    log: EventLog
    queue: Queue
    measures: Measures = field(default_factory=Measures)
    watches: Watches = field(default_factory=Watches)

    @cached_property
    def definitions(self) -> Definitions:
        """What each environment serves, in memory."""
        return Definitions(self.database.readers, reach=self.database.reach)

    @cached_property
    def traits(self) -> Traits:
        """What is on record of subjects, remembered for a moment."""
        return Traits(self.database.readers, reach=self.database.reach)

    @cached_property
    def rates(self) -> Rates:
        """How often each credential may ask."""
        return Rates(self.settings, self.measures)

    @cached_property
    def registry(self) -> Registry:
        """The documents that may be named by their hash."""
        return Registry(self.database.readers)
