"""What the values of enums mean whose domains know nothing of GraphQL.

By the enum's name in the schema, then by value. `described` gives them to the schema.
"""

from collections.abc import Mapping

from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema

from api.graphql.argument_texts import ARGUMENTS, PAGES
from api.graphql.experiment_texts import EXPERIMENTS
from api.graphql.result_texts import RESULTS

Texts = Mapping[str, Mapping[str, str]]

_COMPANY: Texts = {
    "ActorKind": {
        "MEMBER": "A person who is signed in.",
        "KEY": "A server key; it speaks for nobody.",
        "WORKER": "The service itself, in the background.",
        "OPERATOR": "Whoever runs the server, by its command line.",
    },
    "Governance": {
        "SOLO": "Nobody else has to agree; what nobody reviewed is stamped so.",
        "TEAM": "One reviewer who is no author agrees.",
        "STRICT": "One too; two where accounts would get less than they have.",
    },
    "KeyKind": {
        "CLIENT": "Public, for browsers and apps: assignments, events, answers.",
        "SERVER": "Secret, with the rights of a role.",
    },
    "Role": {
        "VIEWER": "Reads.",
        "RESEARCHER": "Tags feedback, writes surveys and insights too.",
        "EDITOR": "Drafts, starts, stops, decides and ships experiments too.",
        "REVIEWER": "Agrees to what others wrote, and sees INVALID results too.",
        "OPERATOR": "Pauses, throws kill switches and rolls back too.",
        "ADMIN": "Manages people, keys and the project too.",
    },
    "SubjectKind": {
        "USER": "A user's id.",
        "ANONYMOUS": "A visitor's id, from before they sign up.",
        "ACCOUNT": "An account's id.",
    },
    "DeliveryStatus": {
        "PENDING": "No receiver has taken it yet; it is tried again.",
        "DELIVERED": "A receiver took it.",
        "DEAD": "The last retry failed.",
    },
}
_VOICES: Texts = {
    "BacklogState": {
        "PROPOSED": "A rule or a person proposes it.",
        "TRIAGED": "Somebody looked at it, and it stays.",
        "PLANNED": "It is going to be built.",
        "IN_EXPERIMENT": "An experiment tests it.",
        "SHIPPED": "It is out.",
        "MEASURED": "What it changed is known.",
        "CLOSED_LOOP": "Those who asked for it were told.",
        "DECLINED": "It is not going to be built, and why is said.",
        "REOPENED": "It did not help, or the complaint came back.",
    },
    "EvidenceKind": {
        "COMMENT": "What somebody wrote.",
        "SNAPSHOT": "Results of an experiment, as they were.",
        "EXPERIMENT": "An experiment.",
        "RESPONSE": "An answer to a survey.",
        "TAG": "The comments that have a tag.",
    },
    "FeedbackSource": {
        "SURVEY": "The free text of an answer.",
        "WIDGET": "A form in the product.",
        "API": "Sent by a program.",
        "IMPORT": "A file.",
        "TICKET": "A ticket of support.",
    },
    "InsightKind": {
        "VERDICT": "An experiment came to a verdict.",
        "TAG_THRESHOLD": "A tag was given often enough.",
        "THEME_THRESHOLD": "A theme grew large enough. Not built yet.",
        "BLOCKER": "An account cannot go on. Not built yet.",
        "MANUAL": "Somebody wrote it.",
    },
    "OfferReason": {
        "ELIGIBLE": "It may be shown.",
        "NOT_TARGETED": "It is not meant for this subject.",
        "SHOWN_RECENTLY": "The subject has seen one not long ago.",
        "ANSWERED": "The subject has answered it.",
    },
    "PhraseMatch": {
        "ANY": "One of them is enough.",
        "ALL": "Each of them has to be there.",
    },
    "QuestionKind": {
        "NPS": "0 to 10: would you recommend it?",
        "CSAT": "How content somebody is. Not built yet.",
        "CES": "How easy it was. Not built yet.",
        "RATING": "A whole number on a scale.",
        "SINGLE": "One of several choices.",
        "MULTI": "Any number of several choices.",
        "TEXT": "Free text.",
        "BOOLEAN": "Yes or no. Not built yet.",
        "NUMBER": "A number. Not built yet.",
        "DATE": "A day. Not built yet.",
        "RANKING": "Choices in an order. Not built yet.",
        "MATRIX": "One scale for several lines. Not built yet.",
        "CONSENT": "An agreement. Not built yet.",
        "STATEMENT": "A text without an answer. Not built yet.",
    },
    "SurveyStatus": {
        "DRAFT": "Nobody is offered it yet.",
        "LIVE": "It is offered.",
        "PAUSED": "It is not offered for now.",
        "CLOSED": "It is over.",
    },
    "TagOrigin": {
        "HUMAN": "A person.",
        "RULE": "A rule of phrases.",
        "MODEL": "A model. Not built yet.",
    },
    "TagState": {
        "SUGGESTED": "Somebody has still to say.",
        "ACCEPTED": "It fits.",
        "REJECTED": "It does not.",
    },
    "ThemeStatus": {
        "PROPOSED": "It was found, and nobody has looked yet.",
        "CONFIRMED": "Somebody agrees that it is one.",
        "MERGED": "It is part of another one.",
        "DISMISSED": "It is none.",
    },
    "TicketStatus": {
        "OPEN": "Somebody still waits for an answer.",
        "CLOSED": "It is settled.",
    },
}

VALUES: Texts = {**_COMPANY, **_VOICES, **EXPERIMENTS, **RESULTS}


def described(schema: GraphQLSchema) -> GraphQLSchema:
    """Say of each value and argument what it means, where its own code does not."""
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLEnumType):
            for value, text in VALUES.get(name, {}).items():
                kind.values[value].description = text
        if isinstance(kind, GraphQLObjectType):
            for field, takes in kind.fields.items():
                for argument, told in takes.args.items():
                    own = told.description or ARGUMENTS.get((name, field, argument))
                    told.description = own or PAGES.get(argument)
    return schema
