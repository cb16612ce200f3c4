"""An item of the checklist as JSON, for the record of a launch."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from experiments.readiness.items import Item, ItemCode, ItemStatus, Waiver


def item_document(item: Item) -> dict[str, Any]:
    """The item; `item_of` reads it back."""
    waiver = item.waiver
    return {
        "code": item.code,
        "status": item.status,
        "message": item.message,
        "evidence": dict(item.evidence),
        "evaluated_at": item.evaluated_at.isoformat(),
        "waiver": waiver
        and {
            "reason": waiver.reason,
            "actor": waiver.actor,
            "at": waiver.at.isoformat(),
        },
    }


def item_of(document: Mapping[str, Any]) -> Item:
    """An item as it stood; nothing of it can be waived or blocks any more."""
    waiver = document["waiver"]
    return Item(
        code=ItemCode(document["code"]),
        status=ItemStatus(document["status"]),
        message=document["message"],
        evidence=document["evidence"],
        evaluated_at=datetime.fromisoformat(document["evaluated_at"]),
        blocking=False,
        waivable=False,
        waiver=waiver
        and Waiver(
            waiver["reason"], waiver["actor"], datetime.fromisoformat(waiver["at"])
        ),
    )
