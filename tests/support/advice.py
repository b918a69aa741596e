"""Follow the advice of an error message literally: find the code in it, and run it."""

import ast
import builtins
import re

import numpy as np
import numpy.lib.recfunctions

import tinynet as tn

_KNOWN = {**vars(builtins), **vars(tn), "np": np, "numpy": numpy, "from_arrays": tn.data.from_arrays}


def code_in(message, names):
    """The longest expression of known names in the remedy of a message, as text. AssertionError if there is none."""
    remedy = message.split("; ", 1)[1]
    words = [found.span() for found in re.finditer(r"\S+", remedy)]
    found = [
        part
        for number, (start, _) in enumerate(words)
        for _, end in words[number:]
        if _is_code(part := remedy[start:end].rstrip(",.:"), {*_KNOWN, *names})
    ]
    assert found, f"no code in: {message}"
    return max(found, key=len)


def _is_code(text, known):
    """Whether `text` is an expression with a call, an index or a list in it: no bare name, no bare number, no prose."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    if any(isinstance(node, ast.Name) and node.id not in known for node in ast.walk(tree)):
        return False
    return isinstance(tree, (ast.Call, ast.BinOp, ast.Subscript, ast.List)) or text.startswith("(")


def follow(error, **names):
    """The value of the advised expression. `names` are the caller's own: images, labels, x, ..."""
    return eval(code_in(str(error), names), {**_KNOWN, **names})  # noqa: S307


def until_it_works(call, names, most=6):
    """`call(**names)`; whenever it raises a documented error, change what the advice names and try again."""
    for _ in range(most):
        try:
            return call(**names)
        except (tn.DataError, tn.ShapeError) as error:
            advised = follow(error, **names)
            if isinstance(advised, tn.data.Dataset):
                return advised
            changed = next(name for name in names if re.search(rf"\b{name}\b", code_in(str(error), names)))
            names = {**names, changed: advised}
    raise AssertionError("the advice does not end")
