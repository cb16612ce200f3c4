"""What the values of enums mean that say what an experiment has shown."""

from collections.abc import Mapping

RESULTS: Mapping[str, Mapping[str, str]] = {
    "Adjustment": {
        "NONE": "Nothing.",
        "LIN": "The value before exposure, and the strata (Lin 2013).",
    },
    "ComparisonMethod": {
        "WELCH": "Means, each variant with its own variance.",
        "SCORE": "Shares of few conversions, by the score test.",
        "DELTA": "Ratios of totals, by the delta method.",
        "NORMAL": "An estimate and its standard error, taken as normal.",
        "LIN": "Means adjusted in each variant apart, with interactions.",
        "ANCOVA": "Means adjusted with one slope for all variants.",
        "CUPED": "Means adjusted by the value before exposure alone.",
        "RELATIVE_DELTA": "A lift in per cent, by the delta method.",
        "POST_STRATIFIED": "Means within strata, weighted together.",
        "LEVERAGE": "Adjusted means with errors for few units (HC2).",
        "CLUSTERED": "Users whose accounts were randomised.",
        "BELL_MCCAFFREY": "The same with few accounts (CR2).",
        "PERMUTATION": "The observed values, dealt anew many times.",
        "QUANTILE": "Quantiles of the units' values.",
        "SURVIVAL": "Times until an event, with those who still wait.",
        "TRIMMED": "Means without the largest values.",
    },
    "ExportKind": {
        "EXPOSURES": "Units at their first exposure.",
        "VALUES": "The units' values in one metric, with those from before exposure.",
        "SUMS": "The exact sums that looks read.",
        "LOOKS": "What the looks made of them.",
        "RESULTS": "The readings that are shown now.",
    },
    "ExposureStatus": {
        "RECORDED": "It is durable.",
        "DUPLICATE": "It was durable before.",
        "NOT_IN_EXPERIMENT": "The subject is not randomised; nothing was stored.",
        "UNKNOWN_EXPERIMENT": "Nothing is served under the key; nothing was stored.",
        "REJECTED": "It is malformed; nothing was stored.",
    },
    "GuardrailOutcome": {
        "SAFE": "Shown to be within its margin, or better.",
        "HARMED": "Worse beyond doubt. Blocks shipping.",
        "UNRESOLVED": "Neither is shown. Shipping needs somebody's acceptance.",
    },
    "HorizonState": {
        "BEFORE": "Fewer units than planned have matured.",
        "AT": "The first look at the planned number or past it.",
        "AFTER": "Later ones; they decide nothing any more.",
    },
    "LiftStatus": {
        "BOUNDED": "It can, with an interval.",
        "BASELINE_TOO_NOISY": "The control is too close to zero to divide by it.",
    },
    "MeasurementBasis": {
        "HOLDBACK": "Those held back against those who had it from the start.",
        "OBSERVATIONAL": "Before against after, and whatever else has changed.",
        "CANNOT_MEASURE": "An effect of the size that was shipped would not be seen.",
    },
    "RecommendationOutcome": {
        "SHIP": "A variant wins, and harms nothing.",
        "DONT_SHIP": "Every variant loses, or what wins does harm.",
        "NO_MEANINGFUL_DIFFERENCE": "Whatever difference there is does not matter.",
        "KEEP_RUNNING": "More is awaited.",
        "INCONCLUSIVE": "It is over, and does not show which is better.",
        "INVALID": "A check failed: nothing may be concluded.",
    },
    "Registration": {
        "REGISTERED": "Before.",
        "EXPLORATORY": "After: a lead for another experiment.",
    },
    "StoppingRule": {
        "FIXED_HORIZON": "Read once, at the planned units.",
        "OBRIEN_FLEMING": "Read daily, against a boundary that is hard at first.",
        "POCOCK": "Read daily, against a boundary that is nearly level.",
    },
    "TestFamily": {
        "PRIMARY": "The variants in the primary metric (Holm).",
        "SECONDARY": "The secondary metrics (Benjamini-Hochberg).",
        "SEGMENT": "The primary metric in all segments (Benjamini-Hochberg).",
    },
    "ValidMethod": {
        "FIXED_HORIZON": "Holds at the one planned look.",
        "HOLM": "The same, of several variants that share one error rate.",
        "GROUP_SEQUENTIAL": "Holds at each look of a boundary.",
        "ALWAYS_VALID": "Holds whenever somebody looks.",
    },
    "Verdict": {
        "WIN": "Better, beyond doubt.",
        "LOSS": "Worse, beyond doubt.",
        "FLAT": "Any difference is smaller than the smallest that matters.",
        "NOT_ENOUGH_DATA": "None of these can be said.",
        "INVALID": "A check failed: nothing is said.",
    },
    "Widening": {
        "AMOUNTS": "The deviation grows as the mean does: everyone pays a tenth more.",
        "COUNTS": "The chance of single events grows with the mean, the rest squared.",
        "NONE": "Both arms vary alike, as textbooks' tables have it.",
    },
}
