"""What the arguments of fields mean, by type, field and argument."""

from collections.abc import Mapping

_PAGE = "How many at most; up to 200."
_AFTER = "The cursor after which the page begins."

PAGES: Mapping[str, str] = {"first": _PAGE, "after": _AFTER}
"""Of every connection."""

ARGUMENTS: Mapping[tuple[str, str, str], str] = {
    ("Experiment", "launchReadiness", "environment"): "Yours, as long as given.",
    ("Feedback", "tags", "rejected"): "Whether those that do not fit are listed too.",
    ("Metric", "health", "unit"): "What would be randomised.",
    ("Metric", "proposedCap", "unit"): "What would be randomised.",
    ("MetricResults", "effectByCohort", "variant"): "The variant's key.",
    ("MetricResults", "effectByLook", "variant"): "The variant's key.",
    ("MetricResults", "effectSinceExposure", "variant"): "The variant's key.",
    ("MetricResults", "segments", "dimension"): "Only this one of the plan's.",
    ("MetricResults", "segments", "variant"): "Only this variant, by key.",
    ("Query", "assignments", "subject"): "Who asks.",
    ("Query", "assignments", "keys"): "Of these experiments; of all without.",
    ("Query", "assignments", "ifNoneMatch"): "The etag that the caller has.",
    ("Query", "assignments", "qualifying"): "Leave out what does not target them.",
    ("Query", "backlogItem", "id"): "Global id.",
    ("Query", "backlogItems", "state"): "Only in one of these states.",
    ("Query", "experiment", "by"): "Its key, or its global id.",
    ("Query", "experiments", "filter"): "All of it must hold.",
    ("Query", "explainAssignment", "key"): "The experiment's key.",
    ("Query", "explainAssignment", "subject"): "Of whom.",
    ("Query", "explainSurveys", "subject"): "Of whom.",
    ("Query", "exportResults", "phase"): "The phase's global id.",
    ("Query", "feedback", "filter"): "All of it must hold.",
    ("Query", "holdouts", "withEnded"): "Whether those that are over are listed too.",
    ("Query", "insights", "kind"): "Only of one of these kinds.",
    ("Query", "killSwitches", "thrown"): "True: in force; false: released.",
    ("Query", "layer", "key"): "The layer's key.",
    ("Query", "layers", "withArchived"): "Whether archived ones are listed too.",
    ("Query", "metrics", "includeArchived"): "Whether archived ones are listed too.",
    ("Query", "node", "id"): "Global id.",
    ("Query", "nodes", "ids"): "Global ids; the answer has their order.",
    ("Query", "segments", "withArchived"): "Whether archived ones are listed too.",
    ("Query", "stateAudits", "phase"): "The phase's global id.",
    ("Query", "survey", "by"): "Its key, or its global id.",
    ("Query", "surveys", "status"): "Only in one of these states.",
    ("Query", "surveysFor", "subject"): "To whom.",
    ("Query", "themes", "status"): "Only in one of these states.",
    ("Query", "unattributedExposures", "experimentKey"): "Only under this key.",
    ("Query", "viewer", "subject"): "Who asks.",
    ("Query", "webhookDeliveries", "status"): "Only those that stand so.",
    ("Subscription", "assignmentInvalidated", "subject"): "Whose.",
    ("Subscription", "assignmentInvalidated", "etag"): "Of the set that one has.",
    ("Subscription", "resultsUpdated", "by"): "The experiment's key or global id.",
    ("Survey", "published", "number"): "Which version; the newest without.",
    ("Survey", "summary", "number"): "Of which version; of the newest without.",
    ("SurveySummary", "nps", "questionKey"): "Which; the first NPS question without.",
    ("SurveySummary", "npsByVariant", "experimentKey"): "The experiment.",
    ("SurveySummary", "npsByVariant", "questionKey"): "Which; the first one without.",
    ("Viewer", "assignments", "keys"): "Of these experiments; of all without.",
}
