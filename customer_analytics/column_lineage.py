"""Column lineage read from a query, in Snowflake's SQL.

The sources of a column are the table columns that its expression names, traced through all subqueries: arguments
of functions and conditions of CASE. Columns that only select, group or order rows (WHERE, join conditions, GROUP
BY, partition and order of a window) are not sources, except for the order of a rank.

sqlglot's `lineage` needs one pass for each column and qualified columns; this is one pass for all columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import sqlglot
from sqlglot import exp

_FLATTENED = ("SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS")


class SourceColumn(NamedTuple):
    """A column of a table, which is identified by its qualified and quoted name."""

    table: str
    column: str


Sources = frozenset[SourceColumn]
_NOWHERE: Sources = frozenset()


class UnknownLineageError(ValueError):
    """The query has something that this module does not support, or names something that does not exist."""


@dataclass(frozen=True)
class _Column:
    """A column of a FROM clause; if not `in_star`, it is visible only with the alias of its relation."""

    name: str
    sources: Sources
    alias: str = ""
    in_star: bool = True


_Relation = list[_Column]


def column_sources(sql: str, tables: Mapping[str, Sequence[str]]) -> dict[str, Sources]:
    """The columns that each column of a query is computed from; none for a literal.

    Args:
        sql: One SELECT statement.
        tables: The columns of all tables that it reads, by qualified and quoted name as in `"DB"."SCHEMA"."T"`.

    Raises:
        UnknownLineageError: It reads an unknown table or column, or cannot be parsed.
    """
    try:
        query = sqlglot.parse_one(sql, dialect="snowflake")
    except sqlglot.ParseError as error:
        raise UnknownLineageError(f"The query cannot be parsed: {error}") from error
    return {column.name: column.sources for column in _Reader(tables).query(query)}


class _Reader:
    """Reads one query; common table expressions are further tables."""

    def __init__(self, tables: Mapping[str, Sequence[str]]) -> None:
        self._tables: dict[str, _Relation] = {
            table: [_Column(name, frozenset({SourceColumn(table, name)})) for name in columns]
            for table, columns in tables.items()
        }

    def query(self, node: exp.Expr, around: Sequence[_Column] = ()) -> _Relation:
        """The columns of a query; `around` are those of the enclosing queries, for correlated subqueries."""
        for cte in node.args["with_"].expressions if node.args.get("with_") else ():
            self._tables[_quoted([cte.args["alias"].this])] = self.query(cte.this)
        if isinstance(node, exp.Subquery):
            return self.query(node.this, around)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, around)
        if isinstance(node, exp.Select):
            return self._select(node, around)
        raise UnknownLineageError(f"{node.sql('snowflake')[:80]} is no query.")

    def _set_operation(self, node: exp.SetOperation, around: Sequence[_Column]) -> _Relation:
        if node.args.get("by_name"):
            raise UnknownLineageError("UNION BY NAME is not read.")
        left, right = self.query(node.left, around), self.query(node.right, around)
        if isinstance(node, exp.Except):
            return left
        return [replace(one, sources=one.sources | other.sources) for one, other in zip(left, right, strict=True)]

    def _select(self, node: exp.Select, around: Sequence[_Column]) -> _Relation:
        offered: _Relation = self._relation(node.args["from_"].this, around) if node.args.get("from_") else []
        for join in [*node.args.get("joins", ()), *node.args.get("laterals", ())]:
            offered = self._joined(offered, join, around)
        selected: _Relation = []
        for projection in node.expressions:
            if projection.is_star:
                selected += _star(projection, offered)
            else:
                # An alias may be used further on in the same SELECT, after the columns of FROM.
                sources = self._sources(projection, [offered, selected, around])
                selected.append(_Column(_name(projection.args.get("alias") or projection), sources))
        return selected

    def _relation(self, node: exp.Expr, around: Sequence[_Column]) -> _Relation:
        """The columns of one item of a FROM clause."""
        if node.args.get("pivots"):
            raise UnknownLineageError("PIVOT is not read.")
        if isinstance(node, exp.Table):
            name = _quoted(node.parts)
            if name not in self._tables:
                raise UnknownLineageError(f"{name} is none of the tables {', '.join(self._tables)}.")
            columns = self._tables[name]
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query) and not _is_join(node.this):
            columns = self.query(node.this, around)
        elif isinstance(node, exp.Subquery):
            columns = self._relation(node.this, around)
        elif isinstance(node, exp.Values):
            columns = []  # they are read as $1, $2, … or by names that the alias gives them
        elif isinstance(node, exp.Lateral | exp.TableFromRows):
            columns = self._flattened(node.this, around)
        else:
            raise UnknownLineageError(f"{node.sql('snowflake')[:80]} is not read in a FROM clause.")
        if alias := node.args.get("alias"):
            if isinstance(node, exp.Values):
                columns = [_Column(_name(column), _NOWHERE) for column in alias.columns]
            columns = [replace(c, alias=_name(alias), in_star=True) for c in columns if c.in_star]
        for join in node.args.get("joins", ()):
            columns = self._joined(columns, join, around)
        return columns

    def _joined(self, left: _Relation, join: exp.Expr, around: Sequence[_Column]) -> _Relation:
        """The columns of a join: those of USING once and first, then all others of both sides."""
        lateral = [*left, *around]
        if isinstance(join, exp.Lateral):
            return left + self._relation(join, lateral)
        if join.args.get("method") or join.args.get("kind") in ("SEMI", "ANTI"):
            raise UnknownLineageError(f"{join.sql('snowflake')[:80]} is not read.")
        right = self._relation(join.this, lateral)
        using = [_name(column) for column in join.args.get("using", ())]
        merged = []
        for name in using:
            of_left, of_right = _named(left, name), _named(right, name)
            sources = {"RIGHT": of_right, "FULL": of_left | of_right}.get(str(join.args.get("side")), of_left)
            merged.append(_Column(name, sources))
        sides = [replace(c, in_star=c.in_star and c.name not in using) for c in left + right]
        return merged + sides

    def _flattened(self, function: exp.Expr, around: Sequence[_Column]) -> _Relation:
        if not isinstance(function, exp.Explode):  # sqlglot's name of FLATTEN
            raise UnknownLineageError(f"{function.sql('snowflake')[:80]} is no table function that is read.")
        sources = self._sources(function, [around])
        return [_Column(name, sources) for name in _FLATTENED]

    def _sources(self, expression: exp.Expr, scopes: Sequence[Sequence[_Column]]) -> Sources:
        """The columns that an expression is computed from."""
        sources: set[SourceColumn] = set()
        for node in expression.walk(prune=lambda node: isinstance(node, exp.Query | exp.Window | exp.Column)):
            if isinstance(node, exp.Query):
                around = [column for scope in scopes for column in scope]
                sources.update(*(column.sources for column in self.query(node, around)))
            elif isinstance(node, exp.Window):
                ranks = not node.this.find(exp.Column) and "order" in node.args
                sources |= self._sources(node.args["order"] if ranks else node.this, scopes)
            elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
                sources |= _looked_up(node, scopes)
        return frozenset(sources)


def _looked_up(column: exp.Column, scopes: Sequence[Sequence[_Column]]) -> Sources:
    name = _name(column.this)
    alias = _name(column.args["table"]) if column.args.get("table") else None
    for scope in scopes:
        found = [c for c in scope if c.name == name and (c.in_star if alias is None else c.alias == alias)]
        if found:
            return _NOWHERE.union(*(c.sources for c in found))
    raise UnknownLineageError(f"{column.sql('snowflake')} is no column of what the query reads.")


def _named(relation: Iterable[_Column], name: str) -> Sources:
    return _NOWHERE.union(*(c.sources for c in relation if c.name == name and c.in_star))


def _star(projection: exp.Expr, offered: _Relation) -> _Relation:
    """The columns that `*`, `alias.*`, `* EXCLUDE …` or `* RENAME …` stands for."""
    star = projection.this if isinstance(projection, exp.Column) else projection
    alias = _name(projection.args["table"]) if projection.args.get("table") else None
    if star.args.get("replace"):
        raise UnknownLineageError("SELECT * REPLACE is not read.")
    excluded = {_name(column) for column in star.args.get("except_") or ()}
    renamed = {_name(column.this): _name(column.args["alias"]) for column in star.args.get("rename") or ()}
    return [
        _Column(renamed.get(c.name, c.name), c.sources)
        for c in offered
        if (c.in_star if alias is None else c.alias == alias) and c.name not in excluded
    ]


def _is_join(node: exp.Expr) -> bool:
    """Whether parentheses hold relations of a FROM clause and no query."""
    return isinstance(node, exp.Subquery) and bool(node.args.get("joins") or node.args.get("alias"))


def _name(node: exp.Expr) -> str:
    """The name that Snowflake knows it by: upper case unless quoted."""
    identifier = node if isinstance(node, exp.Identifier) else node.find(exp.Identifier)
    if identifier is None:
        return node.sql("snowflake").upper()
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def _quoted(parts: Iterable[exp.Expr]) -> str:
    return ".".join('"' + _name(part).replace('"', '""') + '"' for part in parts)
