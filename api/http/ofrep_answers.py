"""Decisions as OFREP writes them: each is turned into bytes once."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from api.composed.assignments import Everything, Given
from api.records import LOGGER
from experiments.assignment.definitions import Base
from experiments.assignment.evaluator import Decision, Reason

_COARSER = {
    Reason.HOLDOUT: Reason.SPLIT,
    Reason.IDENTITY_LINK: Reason.SPLIT,
    Reason.OVERRIDE: Reason.TARGETING_MATCH,
    Reason.KILL_SWITCH: Reason.DISABLED,
    Reason.HOLDBACK: Reason.SPLIT,
    Reason.SHIPPED: Reason.TARGETING_MATCH,
}
"""The protocol knows five reasons; what is finer goes into the metadata."""
FORMAT = "1"
"""Changes with how the same decisions are written; part of every ETag."""
_UNEVALUATED = "This flag could not be evaluated."

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Fragment:
    """One evaluated flag.

    Clients compare flag by flag to see which have changed. So the version of all
    definitions is said in a flag that is asked for alone, but of a set only once.
    """

    given: bytes
    coded: bytes
    """For a caller whose code holds the defaults: while disabled, no value."""

    def in_set(self, *, coded: bool) -> bytes:
        """As an item of a bulk answer."""
        return self.coded if coded else self.given

    def alone(self, version: int, *, coded: bool) -> bytes:
        """As a whole answer: one more member at the end of its metadata."""
        opened = self.in_set(coded=coded).removesuffix(b"}}")
        return b'%b,"configVersion":%d}}' % (opened, version)


class Fragments:
    """What was written of one environment's decisions at its current version."""

    def __init__(self, environment_id: UUID) -> None:
        self._flag_set = str(environment_id)
        self._version = -1
        self._written: dict[Decision, Fragment] = {}
        self._bases: dict[tuple[Base, bool], list[bytes]] = {}

    def etag(self, found: Given, *, coded: bool, streams: bytes) -> str:
        """Names a bulk answer by all that it depends on, before it is written."""
        parts = (found.etag, self._flag_set, FORMAT, f"{coded:d}", streams.decode())
        digest = blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
        return f'"{found.version}-{digest}"'

    def bulk(self, found: Given, *, coded: bool, streams: bytes) -> bytes:
        """The answer for every flag; one that has no decision is broken."""
        self._follow(found.version)
        metadata = {"configVersion": found.version, "flagSetId": self._flag_set}
        return b'{"flags":[%b],"metadata":%b%b}' % (
            b",".join(self._items(found, coded=coded)),
            _encode(metadata),
            streams,
        )

    def one(self, decision: Decision, version: int, *, coded: bool) -> bytes:
        """The answer for one flag."""
        self._follow(version)
        return self._of(decision).alone(version, coded=coded)

    def _follow(self, version: int) -> None:
        if version != self._version:
            self._version = version
            self._written.clear()
            self._bases.clear()

    def _items(self, found: Given, *, coded: bool) -> list[bytes]:
        if not isinstance(found, Everything):
            return [
                self._item(key, decision, coded=coded)
                for key, decision in found.decisions.items()
            ]
        keys, relevant = found.index.keys, found.relevant
        base = self._bases.get((relevant.base, coded))
        if base is None:
            decisions = zip(keys, relevant.base.decisions, strict=True)
            base = [self._item(key, each, coded=coded) for key, each in decisions]
            self._bases[relevant.base, coded] = base
        items, written = base.copy(), self._written
        for place, decision in zip(relevant.places, relevant.decisions, strict=True):
            known = written.get(decision)
            if known is None:
                items[place] = self._item(keys[place], decision, coded=coded)
            else:
                items[place] = known.coded if coded else known.given
        return items

    def _item(self, key: str, decision: Decision | None, *, coded: bool) -> bytes:
        if decision is not None:
            try:
                return self._of(decision).in_set(coded=coded)
            except (TypeError, ValueError) as crash:
                said = {"fields": {"flag": key}}
                LOGGER.error("flag not written", exc_info=crash, extra=said)
        return failure("GENERAL", _UNEVALUATED, key)

    def _of(self, decision: Decision) -> Fragment:
        known = self._written.get(decision)
        if known is None:
            known = self._written[decision] = _fragment(decision, self._flag_set)
        return known


def failure(code: str, details: str, key: str | None = None) -> bytes:
    """An answer without an evaluation."""
    named = {} if key is None else {"key": key}
    return _encode({**named, "errorCode": code, "errorDetails": details})


def _fragment(decision: Decision, flag_set: str) -> Fragment:
    definition = decision.phase.definition
    reason = _COARSER.get(decision.reason, decision.reason)
    cause = decision.cause if reason is decision.reason else decision.reason
    told = {"key": definition.experiment_key, "reason": reason.value}
    served = {"variant": decision.variant.key, "value": _value(decision)}
    metadata = {
        "experimentKey": definition.experiment_key,
        "phase": definition.exposing,
        "version": definition.version,
        "inExperiment": decision.in_experiment,
        "cause": cause.value,
        "flagSetId": flag_set,
    }
    given = _encode({**told, **served, "metadata": metadata})
    if reason is not Reason.DISABLED:
        return Fragment(given, given)
    # Some clients fail without a variant, so it is named all the same.
    del served["value"]
    return Fragment(given, _encode({**told, **served, "metadata": metadata}))


def _value(decision: Decision) -> Any:
    """The variant's value, as a float where any variant's is one.

    A client that asks for a float takes 1.0 and refuses 1.
    """
    value = decision.variant.value
    if isinstance(value, int) and not isinstance(value, bool):
        variants = decision.phase.definition.variants
        if any(isinstance(variant.value, float) for variant in variants):
            return float(value)
    return value
