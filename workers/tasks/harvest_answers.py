"""Free-text survey answers -> comments, one each."""

from core.database import AsyncSession
from core.subjects import SubjectContext
from feedback.service import harvest
from surveys.handoff import FinalAnswer, mark_harvested, take_unharvested
from workers.context import TaskContext
from workers.isolation import apart

BATCH = 100


async def run(context: TaskContext) -> int:
    """Harvest one batch of answers that will not change any more."""
    async with context.database.sessions.begin() as session:
        answers = await take_unharvested(session, limit=BATCH)
        rows = [(each.answer_id, each) for each in answers]
        read, failures = await apart(session, rows, _harvest)
        await mark_harvested(session, read)
    failures.raise_any()
    return len(answers)


async def _harvest(session: AsyncSession, answer: FinalAnswer) -> None:
    if answer.text is None or not answer.text.strip():
        return
    await harvest(
        session,
        project_id=answer.project_id,
        environment_id=answer.environment_id,
        answer_id=answer.answer_id,
        response_id=answer.response_id,
        text=answer.text,
        subject=SubjectContext(answer.user_id, answer.anonymous_id, answer.account_id),
        assignments_at=answer.assignments_at,
        said_at=answer.answered_at,
    )
