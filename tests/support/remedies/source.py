"""The remedies in the messages of tinynet, found in its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.child import ROOT

POSITION = {"mismatch": 3, "instance": 3, "expect": 2}  # of the remedy among the arguments; elsewhere it is named


def remedies_by_module() -> dict[str, set[str]]:
    """For each module (layers/dense.py) a pattern for each remedy in it. A value in an f-string is `.*` there.

    Found are the remedies of `mismatch`, `instance` and `expect`, arguments named `remedy`, what functions return whose
    names end so, and what follows "; " in an error that is raised with a text of its own.
    """
    found = {}
    for path in sorted((ROOT / "tinynet").rglob("*.py")):
        if patterns := remedies_of(path):
            found[path.relative_to(ROOT / "tinynet").as_posix()] = patterns
    return found


def remedies_of(path: Path) -> set[str]:
    """The same for one file."""
    return set(_Module(path).remedies())


class _Module:
    """The source of one module."""

    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    def remedies(self) -> Iterator[str]:
        yield from self._within(self.tree, [self.tree])

    def _within(self, node: ast.AST, scopes: list[ast.AST]) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inner = [*scopes, child] if isinstance(child, ast.FunctionDef) else scopes
            if isinstance(child, ast.FunctionDef) and child.name.endswith("remedy"):
                yield from self._returned(child)
            if isinstance(child, ast.Call):
                for value in _remedy_arguments(child):
                    yield from self._patterns(value, inner)
            if isinstance(child, ast.Assign) and any(getattr(each, "attr", "") == "remedy" for each in child.targets):
                yield from self._patterns(child.value, inner)
            if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
                yield from _own_text(child.exc)
            yield from self._within(child, inner)

    def _patterns(self, value: ast.expr, scopes: list[ast.AST], seen: tuple[str, ...] = ()) -> Iterator[str]:
        """The patterns of an expression: of each branch, of each value that was assigned to its name."""
        if isinstance(value, (ast.Constant, ast.JoinedStr)):
            yield _pattern(value)
        elif isinstance(value, ast.IfExp):
            yield from self._patterns(value.body, scopes, seen)
            yield from self._patterns(value.orelse, scopes, seen)
        elif isinstance(value, ast.BoolOp):
            for each in value.values:
                yield from self._patterns(each, scopes, seen)
        elif isinstance(value, ast.Name) and value.id not in seen:
            for assigned in self._assigned(value.id, scopes):
                yield from self._patterns(assigned, scopes, (*seen, value.id))
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.functions:
            yield from self._returned(self.functions[value.func.id])

    def _returned(self, function: ast.FunctionDef) -> Iterator[str]:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from self._patterns(node.value, [self.tree, function])

    def _assigned(self, name: str, scopes: list[ast.AST]) -> list[ast.expr]:
        """What is assigned to a name in the innermost function that does so, or in the module."""
        for scope in reversed(scopes):
            if values := [value for target, value in _assignments(scope) if target == name]:
                return values
        return []


def _remedy_arguments(call: ast.Call) -> list[ast.expr]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in POSITION and len(call.args) > POSITION[name]:
        return [call.args[POSITION[name]]]
    return [keyword.value for keyword in call.keywords if keyword.arg == "remedy"]


def _own_text(exc: ast.Call) -> Iterator[str]:
    """The remedy in a text that is no call of `mismatch`."""
    for argument in exc.args:
        if isinstance(argument, (ast.Constant, ast.JoinedStr)) and r";\ " in (text := _pattern(argument)):
            yield text.rsplit(r";\ ", 1)[-1]


def _pattern(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return re.escape(str(value.value))
    parts = value.values if isinstance(value, ast.JoinedStr) else []
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in parts)


def _assignments(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of each assignment in a function or module, tuples taken apart."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for each, value in zip(target.elts, node.value.elts):
                        if isinstance(each, ast.Name):
                            yield each.id, value
