"""A small finished experiment as a table, with its mapping and its own arithmetic."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

MAPPING = """
[experiment]
key = "shorter-form"
name = "A shorter form"

[hypothesis]
statement = "Fewer fields are finished more often."
metric = "finished"
direction = "INCREASE"
minimum_effect = 0.01

[columns]
unit = "person"
arm = "form"

[exposure]
at = 2020-01-01T00:00:00Z
until = 2020-01-20T00:00:00Z

[[arms]]
value = "long"
key = "long"
name = "12 fields"
control = true
payload = { value = 12 }

[[arms]]
value = "short"
key = "short"
name = "5 fields"
payload = { value = 5 }

[[outcomes]]
column = "finished"
event = "form_finished"
after = "2h"

[outcomes.metric]
key = "finished"
name = "Form finished"
kind = "CONVERSION"
role = "PRIMARY"
direction = "INCREASE"

[[outcomes]]
column = "spent"
event = "paid"
value = "VALUE"
after = "3d"

[outcomes.metric]
key = "spent"
name = "Spent in a week"
kind = "SUM"
role = "SECONDARY"
direction = "INCREASE"
cap_quantile = 0.99
unit = "EUR"
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Both files, and the columns that are in them."""

    data: Path
    mapping: Path
    short: np.ndarray
    finished: np.ndarray
    spent: np.ndarray

    def p_value(self, values: np.ndarray) -> float:
        """Welch's test, by another library."""
        return float(
            stats.ttest_ind(
                values[self.short], values[~self.short], equal_var=False
            ).pvalue
        )

    def difference(self, values: np.ndarray) -> float:
        """Short minus long."""
        return float(values[self.short].mean() - values[~self.short].mean())


def write(folder: Path, *, units: int, seed: int = 7) -> Table:
    """A table in which the short form is finished more often: 40% and 50%."""
    random = np.random.default_rng(seed)
    short = random.random(units) < 0.5
    finished = random.random(units) < np.where(short, 0.5, 0.4)
    spent = np.where(finished, np.round(random.lognormal(2.0, 1.0, units), 2), 0.0)
    data, mapping = folder / "table.csv", folder / "mapping.toml"
    with data.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "form", "finished", "spent"])
        for number in range(units):
            form = "short" if short[number] else "long"
            happened = "TRUE" if finished[number] else "FALSE"
            writer.writerow([f"p{number}", form, happened, f"{spent[number]:.2f}"])
    mapping.write_text(MAPPING)
    return Table(data, mapping, short, finished.astype(float), spent)
