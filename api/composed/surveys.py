"""Surveys for a subject: its traits decide the offer, its arms go with the answer."""

from collections.abc import Sequence

from api.composed.assignments import assigned, is_trusted
from api.context import Context
from core.clock import now
from core.database import AsyncSession
from core.problems import Forbidden
from core.subject_token import verify
from core.subjects import SubjectContext, stored_traits
from core.tenancy import Environment
from surveys.offering import OfferedSurvey, surveys_for


async def decided_surveys(
    context: Context, subject: SubjectContext
) -> Sequence[OfferedSurvey]:
    """Decide every live survey for a subject; nothing is claimed or written.

    A trait on record wins over one that a browser sends.
    """
    caller = context.caller
    async with context.readers() as session:
        stored = await stored_traits(session, caller.environment_id, subject)
        attributes = subject.rule_attributes(
            stored, stored_first=not is_trusted(context)
        )
        return await surveys_for(
            session,
            project_id=caller.project_id,
            environment_id=caller.environment_id,
            subject=subject,
            attributes=attributes,
        )


async def assignments_of(context: Context, subject: SubjectContext) -> dict[str, str]:
    """The variant of each experiment that the subject is randomised in right now."""
    if subject.person_id is None and subject.account_id is None:
        return {}
    found = await assigned(context, subject, None)
    return {
        key: decision.variant.key
        for key, decision in found.decisions.items()
        if decision is not None and decision.in_experiment
    }


async def check_may_name(
    context: Context, session: AsyncSession, subject: SubjectContext
) -> None:
    """A page in a browser speaks for a user or an account only with a signed token.

    Raises:
        Forbidden: A client key names somebody for whom X-Hone-Subject does not vouch.
    """
    named = subject.user_id is not None or subject.account_id is not None
    if not named or is_trusted(context):
        return
    if not context.subject_token:
        raise Forbidden(
            "With a client key, naming a user or an account needs X-Hone-Subject, "
            "signed by your server.",
            path=("subject",),
        )
    environment = await session.get_one(Environment, context.caller.environment_id)
    signed = verify(
        environment.subject_secret, context.subject_token, await now(session)
    )
    pairs = (
        (subject.user_id, signed.user_id),
        (subject.account_id, signed.account_id),
    )
    if any(wanted is not None and wanted != vouched for wanted, vouched in pairs):
        raise Forbidden("X-Hone-Subject names somebody else.", path=("subject",))
