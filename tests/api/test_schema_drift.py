"""schema.graphql is the contract: it says what the code serves."""

from pathlib import Path

from api.graphql.schema import export_schema

FILE = Path(__file__).parents[2] / "schema.graphql"


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    committed = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    assert committed == export_schema(), (
        "schema.graphql is not what the code serves. If the change is meant, run\n"
        "    .venv/bin/hone schema --write\n"
        "and commit the file."
    )
