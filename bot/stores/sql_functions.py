"""Functions that SQLite and PostgreSQL know by other names."""

from typing import Any

from sqlalchemy import Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class whole(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """A number that is not negative, rounded down: the two databases cast otherwise."""

    type = Integer()
    inherit_cache = True


@compiles(whole, "sqlite")
def _whole_in_sqlite(element: whole, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS INTEGER)"


@compiles(whole, "postgresql")
def _whole_in_postgresql(element: whole, compiler: Any, **options: Any) -> str:
    return f"CAST(floor({compiler.process(element.clauses, **options)}) AS INTEGER)"


class given_pair(GenericFunction[str]):  # noqa: N801
    """The past answer that the decision in an `evidence` names."""

    type = Text()
    inherit_cache = True


@compiles(given_pair, "sqlite")
def _given_pair_in_sqlite(element: given_pair, compiler: Any, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.decision.pair')"


@compiles(given_pair, "postgresql")
def _given_pair_in_postgresql(element: given_pair, compiler: Any, **options: Any) -> str:
    return f"(CAST({compiler.process(element.clauses, **options)} AS json) #>> '{{decision,pair}}')"
