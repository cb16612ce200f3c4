"""A mapping is read whole or refused with what is wrong, and rows become events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.imports import mapping, rows
from api.imports.mapping import MappingWrong, parse
from api.imports.rows import RowWrong
from tests.loop.table import MAPPING

EXAMPLE = Path(__file__).parents[2] / "examples" / "cookie_cats.toml"


def table(folder: Path, *lines: str) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(("person,form,finished,spent", *lines)) + "\n")
    return path


def test_the_example_can_be_read() -> None:
    read = mapping.load(EXAMPLE)
    assert read.needed_columns == (
        "userid",
        "version",
        "retention_7",
        "retention_1",
        "sum_gamerounds",
    )
    assert read.metrics[0][1].key == "retention_7"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[experiment]", "[experiment", "TOML|Expected"),
        ('key = "shorter-form"', 'key = "not a key"', "experiment"),
        ("control = true", "control = false", "one arm is the control"),
        ('value = "short"', 'value = "long"', "arm value"),
        ('key = "short"', 'key = "long"', "arm key"),
        ('key = "spent"', 'key = "finished"', "metric key"),
        ('metric = "finished"', 'metric = "spent"', "PRIMARY"),
        ("at = 2020-01-01T00:00:00Z", "", "either `at` or `column`"),
        ("at = 2020-01-01T00:00:00Z", "at = 2020-01-01T00:00:00", "zone"),
        ("until = 2020-01-20T00:00:00Z", "until = 2019-01-20T00:00:00Z", "ends after"),
        ('after = "2h"', 'after = "two hours"', "time span"),
        ('after = "2h"', 'after = ""', "time span"),
        ('unit = "person"', 'unit = "person"\nother = "x"', "unknown field"),
        ("minimum_effect = 0.01", "minimum_effect = 0", "minimum_effect"),
    ],
)
def test_what_contradicts_itself_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(MappingWrong, match=said):
        parse(MAPPING.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("12h", timedelta(hours=12)),
        ("7d12h", timedelta(days=7, hours=12)),
        ("1d2h3m", timedelta(days=1, hours=2, minutes=3)),
        ("30m", timedelta(minutes=30)),
    ],
)
def test_a_time_span_adds_its_parts(text: str, span: timedelta) -> None:
    assert mapping.duration(text) == span


@pytest.mark.parametrize("cell", ["FALSE", "0", "", " no ", "0.0", "NA"])
def test_what_did_not_happen_is_no_event(tmp_path: Path, cell: str) -> None:
    read = parse(MAPPING)
    (row,) = rows.read(table(tmp_path, f"p1,short,{cell},0"), read)
    (exposure,) = rows.events_of(row, read)
    assert exposure["name"] == "$exposure"
    assert exposure["variantKey"] == "short"


def test_a_row_is_an_exposure_and_an_event_for_each_outcome(tmp_path: Path) -> None:
    read = parse(MAPPING)
    (row,) = rows.read(table(tmp_path, "p1,long,TRUE,12.34"), read)
    exposure, finished, spent = rows.events_of(row, read)
    assert finished["name"] == "form_finished"
    assert "value" not in finished
    assert spent["value"] == "12.34"
    at = datetime.fromisoformat(exposure["at"])
    assert datetime.fromisoformat(finished["at"]) - at == timedelta(hours=2)
    assert datetime.fromisoformat(spent["at"]) - at == timedelta(days=3)


def test_events_keep_their_ids_wherever_their_row_stands(tmp_path: Path) -> None:
    read = parse(MAPPING)
    lines = [f"p{n},short,TRUE,{n}" for n in range(1, 20)]
    forward = list(rows.batches(rows.read(table(tmp_path, *lines), read), read, 7))
    backward = list(
        rows.batches(rows.read(table(tmp_path, *reversed(lines)), read), read, 1000)
    )
    once = {event["id"]: event for batch in forward for event in batch}
    assert once == {event["id"]: event for batch in backward for event in batch}
    assert len(once) == 19 * 3


def test_exposures_are_spread_over_their_whole_interval(tmp_path: Path) -> None:
    read = parse(MAPPING)
    lines = [f"p{n},short,TRUE,0" for n in range(500)]
    found = rows.overview(table(tmp_path, *lines), read)
    instants = [row.exposed_at for row in rows.read(table(tmp_path, *lines), read)]
    assert found.first_exposure == min(instants)
    assert datetime(2020, 1, 1, tzinfo=UTC) <= min(instants)
    assert max(instants) < datetime(2020, 1, 20, tzinfo=UTC)
    assert max(instants) - min(instants) > timedelta(days=18)


def test_exposure_times_may_be_a_column(tmp_path: Path) -> None:
    text = MAPPING.replace("at = 2020-01-01T00:00:00Z", 'column = "seen"').replace(
        "until = 2020-01-20T00:00:00Z", ""
    )
    path = tmp_path / "table.csv"
    path.write_text("person,form,finished,spent,seen\np1,short,1,0,2021-05-06 07:08\n")
    (row,) = rows.read(path, parse(text))
    assert row.exposed_at == datetime(2021, 5, 6, 7, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no rows"),
        (["p1,short,TRUE,1", "p1,long,TRUE,1"], "Line 3: the unit p1 occurs twice"),
        (["p1,medium,TRUE,1"], "Line 2: no arm .* 'medium'"),
        ([",short,TRUE,1"], "Line 2: no unit"),
        (["p1,short,TRUE,much"], "Line 2: spent is 'much', no number"),
        (["p1,short,TRUE,NaN"], "Line 2: spent"),
    ],
)
def test_a_broken_table_is_refused_by_its_line(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    read = parse(MAPPING)
    with pytest.raises(RowWrong, match=said):
        rows.overview(table(tmp_path, *lines), read)


def test_a_row_that_ends_early_had_no_outcomes(tmp_path: Path) -> None:
    (row,) = rows.read(table(tmp_path, "p1,short"), parse(MAPPING))
    assert row.outcomes == ()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("person,form,finished\np1,short,1\n")
    with pytest.raises(RowWrong, match="no column spent"):
        rows.overview(path, parse(MAPPING))
