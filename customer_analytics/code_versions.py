"""The code version of an asset, derived from the source of what it calls."""

import ast
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_READ = (ast.Name, ast.Attribute, ast.arg, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_COVERED = tuple(f"{__package__}.{name}." for name in ("assets", "ingestion", "ml", "tables", "transforms"))


def code_version(function: Callable[..., Any]) -> str:
    """A hash of an asset's function and of the functions, classes and constants that it uses, at any depth.

    Covers the packages that decide what the rows contain: `assets`, `ingestion`, `ml`, `tables` and `transforms`.
    Leaves out adapters, checks, settings and libraries. Docstrings, lines of comments, decorators, and moves
    between modules change nothing. The source is parsed, not imported.
    """
    function = inspect.unwrap(function)
    sources: dict[str, str] = {}
    waiting = [f"{function.__module__}.{function.__name__}"]
    while waiting:
        if (name := waiting.pop()) not in sources:
            module, _, variable = name.rpartition(".")
            sources[name], used = _definitions(module).get(variable, ("", []))
            waiting += used
    return hashlib.sha256("\n".join(sorted(sources.values())).encode()).hexdigest()[:12]


@cache
def _definitions(module: str) -> Mapping[str, tuple[str, list[str]]]:
    """By name, the source of each definition of a module and the qualified names of the definitions it uses."""
    path = _path(module)
    text = path.read_text(encoding="utf-8") if path else ""
    statements: dict[str, ast.stmt] = {}
    imports: dict[str, str] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            statements[statement.name] = statement
            statement.decorator_list = []
        else:
            for node in ast.walk(statement):
                imports |= _imported(node)
                if name := _assigned(node):
                    statements[name] = statement
    scope = imports | {name: f"{module}.{name}" for name in statements}
    lines = text.splitlines()
    return {name: ("", _covered(target)) for name, target in imports.items()} | {
        name: _read(statement, lines, scope) for name, statement in statements.items()
    }


def _read(statement: ast.stmt, lines: Sequence[str], scope: Mapping[str, str]) -> tuple[str, list[str]]:
    """The source of a statement without docstrings and comments, and what it uses."""
    nodes = [node for node in ast.walk(statement) if isinstance(node, _READ)]
    local: dict[str, str] = {}
    docstrings: set[int] = set()
    for node in nodes:
        local |= _imported(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False):
            docstrings.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        elif isinstance(statement, ast.FunctionDef):
            # A function's arguments and variables hide the module's names.
            local.setdefault(node.arg if isinstance(node, ast.arg) else _assigned(node), "")
    scope = {**scope, **local}
    code = [
        line
        for number, line in enumerate(lines[statement.lineno - 1 : statement.end_lineno], statement.lineno)
        if number not in docstrings and line.strip() and not line.lstrip().startswith("#")
    ]
    names = {_dotted(node, scope) for node in nodes}
    return "\n".join(code), [used for name in names for used in _covered(name)]


def _assigned(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def _imported(node: ast.AST) -> Mapping[str, str]:
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return {}


def _dotted(node: ast.AST, scope: Mapping[str, str]) -> str:
    """The qualified name that an expression refers to; empty if it refers to none."""
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value, scope)):
        return f"{owner}.{node.attr}"
    return scope.get(node.id, "") if isinstance(node, ast.Name) else ""


@cache
def _covered(name: str) -> list[str]:
    """The definition in a covered package that a qualified name is, or belongs to; empty if there is none."""
    parts = name.split(".") if name.startswith(_COVERED) else []
    modules = (length for length in range(len(parts) - 1, 1, -1) if _path(".".join(parts[:length])))
    return [".".join(parts[: length + 1]) for length in modules][:1]


@cache
def _path(module: str) -> Path | None:
    path = _ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
