"""The document that SDKs fetch, as one key is given it: plain, or encrypted."""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from weakref import WeakKeyDictionary

import msgspec

from experiments.assignment.definitions import Snapshot
from experiments.assignment.language.encryption import encrypt
from experiments.assignment.payload import payload, payload_bytes

MAX_KEYS = 32
"""Encrypted documents of one snapshot that are kept; a further one is made again."""

_PARTS = {
    "features": "encryptedFeatures",
    "experiments": "encryptedExperiments",
    "savedGroups": "encryptedSavedGroups",
}
"""What is encrypted, and under which name an SDK looks for it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A document as it is sent."""

    content: bytes
    etag: str
    """Names the bytes, so it is the same in every process."""


_kept: WeakKeyDictionary[Snapshot, OrderedDict[str | None, Written]]
_kept = WeakKeyDictionary()


def written_for(snapshot: Snapshot, key: str | None) -> Written:
    """The document for who evaluates with this payload key, or without one."""
    kept = _kept.get(snapshot)
    if kept is None:
        kept = _kept[snapshot] = OrderedDict()
    found = kept.get(key)
    if found is not None:
        kept.move_to_end(key)
        return found
    content = payload_bytes(snapshot) if key is None else _encrypted(snapshot, key)
    digest = blake2b(content, digest_size=15).hexdigest()
    found = kept[key] = Written(content, f'"{digest}"')
    if len(kept) > MAX_KEYS:
        kept.popitem(last=False)
    return found


def _encrypted(snapshot: Snapshot, key: str) -> bytes:
    """The same document with nothing to read but its version.

    The version is part of where each text stands: going back to earlier definitions
    does not look like them.
    """
    document = payload(snapshot)
    version = document["dateUpdated"]
    hidden: dict[str, object] = {"features": {}, "experiments": []}
    for part, name in _PARTS.items():
        content = msgspec.json.encode(document.pop(part))
        hidden[name] = encrypt(content, key, place=f"{part} {version}")
    return msgspec.json.encode({**document, **hidden})
