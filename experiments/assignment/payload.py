"""The document that SDKs fetch, as bytes that are made once for each snapshot."""

from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

import msgspec

from experiments.assignment.definitions import Snapshot
from experiments.assignment.lowering import lowered
from experiments.assignment.rules import Json

FORMAT = 1
"""Counts changes in how the same definitions are written down; 0 to 999."""

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

_written: WeakKeyDictionary[Snapshot, bytes] = WeakKeyDictionary()


def payload(snapshot: Snapshot) -> Json:
    """The document: every feature, nothing that an SDK would have to look up.

    Segments are written out in the conditions, and nothing here changes a page by
    itself, so there are no saved groups and no automatic experiments.
    """
    return {
        "status": 200,
        **lowered(snapshot),
        "experiments": [],
        "savedGroups": {},
        "dateUpdated": date_updated(snapshot.version),
    }


def payload_bytes(snapshot: Snapshot) -> bytes:
    """The document as it is sent. The same snapshot gives the same bytes object."""
    found = _written.get(snapshot)
    if found is None:
        found = msgspec.json.encode(payload(snapshot))
        _written[snapshot] = found
    return found


def date_updated(version: int) -> str:
    """An instant that is later for each later version of the definitions.

    SDKs ignore a document whose date they have seen, so it must differ whenever the
    document does. It is no time of day: the seconds since 2020 are the version, and
    the milliseconds are the format, which changes when the code lowers differently.
    """
    instant = _EPOCH + timedelta(seconds=version, milliseconds=FORMAT)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1_000:03}Z"
