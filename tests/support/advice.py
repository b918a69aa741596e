"""Follow the advice of an error message literally: find the code in it, and run it."""

import ast
import re

import numpy as np
import numpy.lib.recfunctions

import tinynet as tn


def code_in(message):
    """The longest expression in the remedy of a message, as source text. AssertionError if it holds none."""
    remedy = message.split("; ", 1)[1]
    words = [found.span() for found in re.finditer(r"\S+", remedy)]
    found = [
        part
        for number, (start, _) in enumerate(words)
        for _, end in words[number:]
        if _is_advice(part := remedy[start:end].rstrip(",.:"))
    ]
    assert found, f"no code in: {message}"
    return max(found, key=len)


def _is_advice(text):
    """Whether `text` is an expression with a call, an index or a list in it: no bare name, no bare number."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    return isinstance(tree, (ast.Call, ast.BinOp, ast.Subscript, ast.List)) or text.startswith("(")


def follow(error, **names):
    """The value of the advised expression. `names` are the caller's own: images, labels, x, ..."""
    code = code_in(str(error))
    return eval(code, {"np": np, "numpy": numpy, "from_arrays": tn.data.from_arrays, **vars(tn), **names})  # noqa: S307


def until_it_works(call, names, most=6):
    """`call(**names)`; whenever it raises a documented error, change what the advice names and try again."""
    for _ in range(most):
        try:
            return call(**names)
        except (tn.DataError, tn.ShapeError) as error:
            advised = follow(error, **names)
            if isinstance(advised, tn.data.Dataset):
                return advised
            changed = next(name for name in names if re.search(rf"\b{name}\b", code_in(str(error))))
            names = {**names, changed: advised}
    raise AssertionError("the advice does not end")
