"""The log's SQL: written once, in DuckDB's dialect; sqlglot spells PostgreSQL's."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

import sqlglot
from sqlglot import exp


class Dialect(StrEnum):
    """Which store a statement is for."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and the names of its parameters, in the order of their numbers."""

    text: str
    parameters: tuple[str, ...]


@cache
def statements(step: str, dialect: Dialect) -> tuple[Statement, ...]:
    """The statements of `sql/<step>.sql`, in order."""
    return spelled(script(step), dialect)


def spelled(text: str, dialect: Dialect) -> tuple[Statement, ...]:
    """The statements of a text in DuckDB's dialect, as a store spells them."""
    trees = [tree for tree in sqlglot.parse(text, read=Dialect.DUCKDB) if tree]
    return tuple(
        statement for tree in trees for statement in _statements(tree, dialect)
    )


def script(name: str) -> str:
    """The text of `sql/<name>.sql`, for what one store alone has."""
    return (files("experiments.events") / "sql" / f"{name}.sql").read_text()


def _statements(tree: exp.Expr, dialect: Dialect) -> list[Statement]:
    marks = tree.find_all(exp.Placeholder)
    names = tuple(dict.fromkeys(mark.name for mark in marks))
    if dialect is Dialect.DUCKDB:
        return [Statement(tree.sql(dialect, comments=False), names)]
    working = isinstance(tree, exp.Create) and bool(tree.args.get("replace"))
    text = tree.transform(_for_postgres, names).sql(dialect, comments=False)
    if not working:
        return [Statement(text, names)]
    table = f"pg_temp.{tree.this.sql(dialect)}"
    return [
        Statement(f"DROP TABLE IF EXISTS {table}", ()),
        Statement(text.replace(" AS ", " ON COMMIT DROP AS ", 1), names),
        # Without counts PostgreSQL plans the next step for a table of any size.
        Statement(f"ANALYZE {table}", ()),
    ]


def _for_postgres(node: exp.Expr, names: tuple[str, ...]) -> exp.Expr:
    """What PostgreSQL spells in another way, all of it.

    HUGEINT becomes numeric(39,0), text compares by bytes as DuckDB and Python do,
    parameters are numbered, working tables end with their transaction, and a row's
    place in its table is its ctid.
    """
    if isinstance(node, exp.Placeholder):
        return exp.Parameter(this=exp.Literal.number(names.index(node.name) + 1))
    if isinstance(node, exp.DataType) and node.this is exp.DataType.Type.INT128:
        return exp.DataType.build("DECIMAL(39, 0)")
    if isinstance(node, exp.Column) and node.name == "rowid":
        return exp.column("ctid", table=node.table)
    if isinstance(node, exp.Create):
        node.set("replace", False)
    if isinstance(node, exp.ColumnDef) and node.args["kind"].is_type("varchar", "text"):
        collation = exp.CollateColumnConstraint(
            this=exp.to_identifier("C", quoted=True)
        )
        node.append("constraints", exp.ColumnConstraint(kind=collation))
    return node
