"""The schema: every noun's root fields side by side, built once at import."""

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig

from api.graphql import (
    administration,
    alarm_changes,
    answering,
    assignment_changes,
    assignments,
    audit,
    backlog,
    backlog_changes,
    decision_changes,
    documents,
    drop_changes,
    environment_changes,
    events,
    experiment_changes,
    experiments,
    explanations,
    exposures,
    feedback,
    feedback_changes,
    holdouts,
    identity,
    imports,
    insights,
    kill_switch_changes,
    kill_switches,
    layer_changes,
    layers,
    member_changes,
    memo_changes,
    metric_changes,
    metrics,
    node,
    phase_changes,
    power,
    project,
    project_changes,
    readiness_changes,
    result_changes,
    result_exports,
    review_changes,
    rule_changes,
    schedule_changes,
    segment_changes,
    segments,
    shipping_changes,
    state_audits,
    subject_changes,
    subject_secret,
    survey_changes,
    survey_offers,
    surveys,
    tag_changes,
    tags,
    template_changes,
    themes,
    viewer,
    webhook_changes,
    webhooks,
)
from api.graphql.plain_inputs import build_plainly
from api.graphql.scalars import SCALARS
from api.graphql.value_texts import described
from api.policies import Policies

NOUNS = (
    administration,
    alarm_changes,
    answering,
    assignment_changes,
    assignments,
    audit,
    backlog,
    backlog_changes,
    decision_changes,
    documents,
    drop_changes,
    environment_changes,
    events,
    experiment_changes,
    experiments,
    explanations,
    exposures,
    feedback,
    feedback_changes,
    holdouts,
    identity,
    imports,
    insights,
    kill_switch_changes,
    kill_switches,
    layer_changes,
    layers,
    member_changes,
    memo_changes,
    metric_changes,
    metrics,
    node,
    phase_changes,
    power,
    project,
    readiness_changes,
    project_changes,
    result_changes,
    result_exports,
    review_changes,
    rule_changes,
    schedule_changes,
    segment_changes,
    segments,
    shipping_changes,
    state_audits,
    subject_changes,
    subject_secret,
    survey_changes,
    survey_offers,
    surveys,
    tag_changes,
    tags,
    template_changes,
    themes,
    viewer,
    webhook_changes,
    webhooks,
)
"""Each may export `Query`, `Mutation` and `Subscription` mixins."""


def _root(name: str, description: str) -> type:
    mixins = tuple(getattr(noun, name) for noun in NOUNS if hasattr(noun, name))
    return strawberry.type(type(name, mixins, {}), name=name, description=description)


SCHEMA = strawberry.Schema(
    query=_root("Query", "Everything that can be read."),
    mutation=_root("Mutation", "Everything that can be changed."),
    subscription=_root("Subscription", "Everything that can be followed."),
    config=StrawberryConfig(scalar_map=SCALARS),
)


def _told_of_choices(schema: GraphQLSchema) -> GraphQLSchema:
    """Strawberry keeps to itself which inputs take exactly one of their fields."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            definition = kind.extensions.get("strawberry-definition")
            kind.is_one_of = bool(getattr(definition, "is_one_of", False))
    return schema


GRAPHQL = described(build_plainly(_told_of_choices(SCHEMA._schema)))
POLICIES = Policies(GRAPHQL)


def export_schema() -> str:
    """The schema as the text that schema.graphql holds."""
    # Sorted here and not by strawberry's option, which swaps the enums for plain ones.
    return print_schema(lexicographic_sort_schema(GRAPHQL)).rstrip() + "\n"
