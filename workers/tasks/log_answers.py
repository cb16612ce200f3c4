"""Final survey answers -> the event log, under their own ids and without their text."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from experiments.events.log import NewEvent, Status
from surveys.handoff import FinalAnswer, mark_logged, take_unlogged
from surveys.questions import QuestionKind
from surveys.scoring import points
from workers.context import TaskContext

logger = logging.getLogger("hone.workers")

BATCH = 500
LONGEST_NAME = 64
IMPORT = "survey-answers"
"""Named as an import, so that an answer that waited long is not too old."""


async def run(context: TaskContext) -> int:
    """Append one batch, then stamp it; returns how many this worker stamped.

    No transaction spans both stores. Between the two another worker may append the
    same answers: ids make them duplicates in the log.
    """
    async with context.database.sessions.begin() as session:
        answers = await take_unlogged(session, limit=BATCH)
    by_environment: dict[UUID, list[NewEvent]] = defaultdict(list)
    for answer in answers:
        by_environment[answer.environment_id].append(event_of(answer))
    for environment_id, events in by_environment.items():
        await _append(context, environment_id, events)
    async with context.database.sessions.begin() as session:
        return await mark_logged(session, [answer.answer_id for answer in answers])


async def _append(
    context: TaskContext, environment_id: UUID, events: Sequence[NewEvent]
) -> None:
    verdicts = await context.log.append(environment_id, events, batch_id=IMPORT)
    for verdict in verdicts:
        if verdict.status is Status.REJECTED:
            # It would be refused again: stamped, so that it is not tried for ever.
            logger.warning("Answer %s is no event: %s", verdict.id, verdict.code)


def event_of(answer: FinalAnswer) -> NewEvent:
    """The event that an answer is: its number or its choices, never its words."""
    return NewEvent(
        id=str(answer.answer_id),
        name=event_name(answer.survey_key, answer.question_key),
        user_id=answer.user_id,
        anonymous_id=answer.anonymous_id,
        account_id=answer.account_id,
        occurred_at=answer.answered_at,
        value=None if answer.number is None else Decimal(answer.number),
        properties={
            "response": str(answer.response_id),
            "choices": list(answer.choice_ids),
            **_measures(answer),
        },
    )


def _measures(answer: FinalAnswer) -> dict[str, int]:
    """What metrics filter by, and what a mean of scores is the mean of."""
    if answer.number is None:
        return {}
    found = {"answer": answer.number}
    if answer.kind is QuestionKind.NPS:
        found["score"] = points(answer.number)
    return found


def event_name(survey_key: str, question_key: str) -> str:
    """What a metric calls the answers to a question."""
    name = f"survey:{survey_key}/{question_key}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"survey:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
