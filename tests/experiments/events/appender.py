"""A process that appends and folds until it is killed, telling what is acknowledged.

Run as `python -m tests.experiments.events.appender URL ENVIRONMENT SEED`; each line on
standard output is the id of an event whose append has returned.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from experiments.events.log import EXPOSURE, NewEvent, open_log

BATCH = 20


def batch(seed: int, number: int) -> list[NewEvent]:
    """The events of one batch; every process sends the same ones for the same seed."""
    at = datetime.now(UTC) - timedelta(days=10)
    events = []
    for place in range(BATCH):
        name = f"{seed}-{number}-{place}"
        exposed = place % 2 == 0
        events.append(
            NewEvent(
                id=name,
                name=EXPOSURE if exposed else "paid",
                user_id=f"u{seed}-{number}-{place // 2}",
                occurred_at=at if exposed else at + timedelta(hours=1),
                value=None if exposed else Decimal(1),
                experiment_key="gate" if exposed else None,
                variant_key="ab"[number % 2] if exposed else None,
            )
        )
    return events


async def main(url: str, environment_id: UUID, seed: int) -> None:
    """Append batch after batch, each twice, with folds in between."""
    log = open_log(url)
    await log.open()
    for number in range(100_000):
        events = batch(seed, number)
        append = log.append(environment_id, events)
        if number % 3 == 0:
            await asyncio.gather(append, log.fold(environment_id, limit=500))
        else:
            await append
        sys.stdout.write("".join(f"{event.id}\n" for event in events))
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2]), int(sys.argv[3])))
