"""Which columns of a query can never be null, as far as its text shows."""

from collections.abc import Callable, Iterable

from sqlglot import Expr, exp

Columns = list[tuple[str, bool]]
"""Name of each column, and whether it can never be null."""

Lookup = Callable[[exp.Table], Columns]


def not_null_columns(query: Expr, lookup: Lookup) -> frozenset[str]:
    """Names of the columns that can never be null; `lookup` returns the columns of a table."""
    return frozenset(name for name, never_null in _columns(query, lookup, {}) or () if never_null)


def _columns(query: Expr, lookup: Lookup, outer: dict[str, Columns | None]) -> Columns | None:
    """The query's columns in order, or None if they cannot be determined."""
    if isinstance(query, exp.Subquery):
        return _columns(query.this, lookup, outer)
    known = dict(outer)
    with_ = query.args.get("with_")
    for cte in with_.expressions if with_ else ():
        known[cte.alias] = _columns(cte.this, lookup, known)
    if isinstance(query, exp.SetOperation):
        left, right = _columns(query.left, lookup, known), _columns(query.right, lookup, known)
        if left is None or right is None or len(left) != len(right):
            return None
        return [(name, one and other) for (name, one), (_, other) in zip(left, right, strict=True)]
    if not isinstance(query, exp.Select):
        return None
    columns: Columns = []
    sources = _sources(query, lookup, known)
    for projection in query.expressions:
        projected = _projected(projection, sources)
        if projected is None:
            return None
        columns += projected
    grouping = query.args.get("group")
    if grouping is not None and any(grouping.args.get(kind) for kind in ("rollup", "cube", "grouping_sets")):
        return _nullable(columns)
    return columns


def _projected(projection: Expr, sources: dict[str, Columns | None]) -> Columns | None:
    """The columns of one item of a SELECT list."""
    if not projection.is_star:
        return [(projection.alias_or_name, _never_null(projection, sources))]
    table = projection.args.get("table") if isinstance(projection, exp.Column) else None
    chosen = [sources.get(table.name)] if table is not None else list(sources.values())
    star = projection if isinstance(projection, exp.Star) else projection.this
    if any(source is None for source in chosen) or any(star.args.values()):
        return None
    return [column for source in chosen if source for column in source]


def _sources(query: exp.Select, lookup: Lookup, known: dict[str, Columns | None]) -> dict[str, Columns | None]:
    found: dict[str, Columns | None] = {}
    from_ = query.args.get("from_")
    if from_ is None:
        return found
    found[from_.this.alias_or_name] = _source(from_.this, lookup, known)
    for join in query.args.get("joins") or ():
        side = (join.args.get("side") or "").upper()
        if side in ("RIGHT", "FULL"):
            found = {name: _nullable(columns) for name, columns in found.items()}
        columns = _source(join.this, lookup, known)
        found[join.this.alias_or_name] = _nullable(columns) if side in ("LEFT", "FULL") else columns
    return found


def _source(source: Expr, lookup: Lookup, known: dict[str, Columns | None]) -> Columns | None:
    if isinstance(source, exp.Subquery):
        return _columns(source, lookup, known)
    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        if not source.db:
            return known.get(source.name)
        return lookup(source)
    return None


def _nullable(columns: Columns | None) -> Columns | None:
    return None if columns is None else [(name, False) for name, _ in columns]


def _never_null(node: Expr, sources: dict[str, Columns | None]) -> bool:
    if isinstance(node, exp.Alias | exp.Paren | exp.Cast) and not isinstance(node, exp.TryCast):
        return _never_null(node.this, sources)
    if isinstance(node, exp.Literal | exp.Boolean | exp.Count):
        return True
    if isinstance(node, exp.Column):
        return _column_never_null(node, sources.items())
    return False


def _column_never_null(column: exp.Column, sources: Iterable[tuple[str, Columns | None]]) -> bool:
    for alias, columns in sources:
        if column.table and column.table != alias:
            continue
        for name, never_null in columns or ():
            if name == column.name:
                return never_null
    return False
