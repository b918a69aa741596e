"""Functions and classes of a user as values: their names, and a hash of their code."""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import inspect
import os
import sys
import sysconfig
import textwrap
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.ndarray)
GENERATED = {  # by dataclasses, from fields that are described themselves
    "__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__setattr__", "__delattr__",
    "__getstate__", "__setstate__", "__replace__",
}  # fmt: skip


def name_of(value: Any) -> str:
    """The name of a function or class with its module; of tinynet's own without the file, which may change."""
    module = (getattr(value, "__module__", None) or type(value).__module__).replace("__mp_main__", "__main__")
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    package = module.partition(".")[0]
    return f"{package if package == 'tinynet' else module}.{name}" if name else ""


def is_global(value: Any) -> bool:
    """Whether a function is found under its name in its module."""
    found: Any = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or ""
    for part in str(name).split("."):
        found = getattr(found, part, None)
    return found is value


def is_library(value: Any) -> bool:
    """Whether a function or class belongs to Python, tinynet or another installed package, so its name suffices."""
    module = getattr(value, "__module__", None) or type(value).__module__
    return module.partition(".")[0] == "tinynet" or _is_installed(module)


@functools.cache
def _is_installed(module: str) -> bool:
    if module in ("__main__", "__mp_main__") or module not in sys.modules:
        return False
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:  # part of the interpreter, or made by a program
        return module.partition(".")[0] in sys.stdlib_module_names
    if {"site-packages", "dist-packages"} & set(file.split(os.sep)):
        return True
    return file.startswith(tuple(sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "platstdlib")))


def variables_around(value: Any) -> list[str]:
    """The variables of the function around it that a function, or a method of a class, uses."""
    if isinstance(value, type):
        return sorted({name for _, member in _functions(value) for name in variables_around(member)})
    return [name for name in value.__code__.co_freevars if name != "__class__"]  # which `super()` needs


def plain_members(value: Any) -> Iterator[tuple[str, Any]]:
    """What the code of a function or class uses: defaults, constants and functions of its module; methods and bases."""
    if isinstance(value, types.FunctionType):
        yield "defaults", [value.__defaults__, value.__kwdefaults__]
        around = zip(value.__code__.co_freevars, value.__closure__ or ())
        used = [(name, _contents(cell)) for name, cell in around]
        used += [(name, value.__globals__.get(name)) for name in sorted(_names_read(value.__code__))]
        for name, it in used:
            if _is_constant(it) or (isinstance(it, (types.FunctionType, type)) and not is_library(it)):
                yield name, it
        return
    yield "bases", list(value.__bases__)
    yield from _functions(value)
    for name, member in sorted(vars(value).items()):
        if not name.startswith("__") and _is_constant(member):
            yield name, member


def _functions(cls: type) -> Iterator[tuple[str, Any]]:
    """The functions of a class that is not of a library."""
    if is_library(cls):
        return
    for name, member in sorted(vars(cls).items()):
        found = [member.__func__] if isinstance(member, (staticmethod, classmethod)) else [member]
        if isinstance(member, property):
            found = [member.fget, member.fset]
        elif isinstance(member, functools.cached_property):
            found = [member.func]
        for function in found:
            if getattr(function, "explained", False):  # wrapped by tinynet for its error messages
                function = inspect.unwrap(function)
            generated = name in GENERATED and "__dataclass_fields__" in vars(cls)
            if isinstance(function, types.FunctionType) and not (generated and _source(function) is None):
                yield name, function


def hash_of_code(function: types.FunctionType) -> str:
    """The hash of a function's source without comments, docstrings and layout; without source, of its bytecode."""
    text = None if function.__name__ == "<lambda>" else _source(function)
    text = repr(_compiled(function.__code__)) if text is None else text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _source(function: types.FunctionType) -> str | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _compiled(code: types.CodeType) -> Any:
    """The bytecode without what depends on its place: line numbers and the name of the file."""
    constants = [
        _compiled(each)
        if isinstance(each, types.CodeType)
        else sorted(map(repr, each))
        if isinstance(each, frozenset)
        else repr(each)
        for each in code.co_consts
    ]
    return [code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars]


def _names_read(code: types.CodeType) -> set[str]:
    """The global names that code reads and does not set itself: a variable that it sets is a counter, not a setting."""
    used = [(each.opname, each.argval) for each in dis.get_instructions(code)]
    read = {name for operation, name in used if operation.startswith(("LOAD_GLOBAL", "LOAD_NAME"))}
    read |= {name for each in code.co_consts if isinstance(each, types.CodeType) for name in _names_read(each)}
    return read - {name for operation, name in used if operation == "STORE_GLOBAL"}


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _is_constant(value: Any) -> bool:
    """Whether a value is plain and cannot be changed in place, arrays aside."""
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(map(_is_constant, value)))
