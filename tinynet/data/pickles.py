"""Read the arrays of uint8 in a pickle without running it: nothing that a pickle names is imported or called.

A pickle is a program for a machine with a stack. `pickle.load` runs it, and so gives it whatever it names; even a list
of allowed names is not safe, because a dtype of objects turns bytes into addresses. Here `pickletools.genops` decodes
the operations, and `_Machine` does those that plain data need. NumPy writes an array as

    REDUCE  numpy.dtype("u1", ...)                    BUILD  with (3, "|", None, None, None, -1, -1, 0)
    REDUCE  _reconstruct(numpy.ndarray, (0,), b"b")   BUILD  with (1, shape, dtype, fortran, bytes)
    REDUCE  _frombuffer(bytes, dtype, shape, order)   (protocol 5)

Anything else is an error; so are arrays of other numbers, and arrays whose shape does not fit their bytes.
"""

from __future__ import annotations

import itertools
import math
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_OPERATIONS = 1 << 18  # a batch of CIFAR-10 has 30,000; in protocol 2 of Python 3, 90,000
MARK, UINT8 = object(), object()
UINT8_STATES = [(3, order, None, None, None, -1, -1, 0) for order in ("|", b"|")]
PUSHED: dict[str, Callable[[Any], Any]] = {  # operations that put something on the stack, made of their argument
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "BINUNICODE", "SHORT_BINUNICODE"), lambda argument: argument),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), bytes),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), lambda text: text.encode("latin-1")),  # of Python 2
    "NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False, "MARK": lambda _: MARK,
    "EMPTY_TUPLE": lambda _: (), "EMPTY_LIST": lambda _: [], "EMPTY_DICT": lambda _: {},
}  # fmt: skip
TAKEN = {  # operations that take so many values from the stack; None: those above the last mark
    "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": None, "APPEND": 1, "APPENDS": None, "SETITEM": 2, "SETITEMS": None,
    "STACK_GLOBAL": 2, "REDUCE": 2, "BUILD": 1,
}  # fmt: skip
NAMES = {"numpy dtype": "dtype", "numpy ndarray": "ndarray", "_codecs encode": "encode"}
for _core in ("numpy.core", "numpy._core"):  # of NumPy 1 and 2
    NAMES |= {f"{_core}.multiarray _reconstruct": "_reconstruct", f"{_core}.numeric _frombuffer": "_frombuffer"}


def read_pickle(content: bytes) -> dict[Any, Any]:
    """The dictionary in a pickle of protocol 2 to 5, with the arrays that are its values. Text of Python 2 is bytes.

    Raises whatever pickletools does for other bytes, too.
    """
    machine = _Machine(len(content))
    for operation, argument, _ in itertools.islice(pickletools.genops(content), MAX_OPERATIONS):
        if operation.name == "STOP":
            root = machine.stack.pop()
            _check(type(root) is dict, "it holds something else than a dictionary")
            return {key: value.numbers if isinstance(value, _Array) else value for key, value in root.items()}
        machine.run(operation.name, argument)
    raise ValueError(f"it has more than {MAX_OPERATIONS:,} operations, or no end")


def _check(fits: bool, otherwise: str) -> None:
    if not fits:
        raise ValueError(otherwise)


class _Function(str):
    """The name of a function."""


def _function(name: str) -> _Function:
    _check(name in NAMES, f"it asks for {name[:100].replace(' ', '.')}, which no data set needs")
    return _Function(NAMES[name])


class _Array:
    numbers: np.ndarray | None = None

    def fill(self, shape: Any, dtype: Any, fortran: bool, content: Any) -> None:
        """Take `content`, without a copy, as an array of this shape."""
        _check(dtype is UINT8 and type(content) is bytes, "an array is not made of uint8 and bytes")
        right = type(shape) is tuple and len(shape) <= 4 and all(type(size) is int and size >= 0 for size in shape)
        _check(right and math.prod(shape) == len(content), f"a shape that does not fit {len(content):,} bytes")
        self.numbers = np.ndarray(shape, np.uint8, content, order="F" if fortran else "C")


class _Machine:
    def __init__(self, room: int) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}  # values that are used again
        self.room = room  # bytes that may be made of text: a pickle could ask for the same ones again and again

    def run(self, name: str, argument: Any) -> None:
        """Do the operation that pickletools calls `name`."""
        if name in PUSHED:
            self.stack.append(PUSHED[name](argument))
        elif name in TAKEN:
            self.combine(name, self.take(TAKEN[name]))
        elif name == "GLOBAL":
            self.stack.append(_function(argument))
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        else:
            _check(name in ("PROTO", "FRAME"), f"its operation {name} is one that no array of uint8 needs")

    def take(self, count: int | None) -> list[Any]:
        """Take values from the stack, and the mark below them."""
        if count is not None:
            return [self.stack.pop() for _ in range(count)][::-1]
        return [*iter(self.stack.pop, MARK)][::-1]

    def combine(self, name: str, values: list[Any]) -> None:
        """Do an operation with these values, and with what lies below them."""
        if name.startswith("TUPLE"):
            self.stack.append(tuple(values))
        elif name.startswith("APPEND"):
            _check(type(self.stack[-1]) is list, "it appends to something else than a list")
            self.stack[-1].extend(values)
        elif name.startswith("SETITEM"):
            keys = all(type(key) in (bytes, str) for key in values[::2])  # numbers could be made to collide
            _check(keys and type(self.stack[-1]) is dict, "a key of a dictionary is not text")
            self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
        elif name == "STACK_GLOBAL":
            self.stack.append(_function(" ".join(values)))
        elif name == "REDUCE":
            function, arguments = values
            _check(type(function) is _Function and type(arguments) is tuple, "it calls something else than a function")
            self.stack.append(self.call(function, *arguments))
        else:
            _check(type(values[0]) is tuple, "an array is not made of a tuple")
            if self.stack[-1] is UINT8:
                _check(values[0] in UINT8_STATES, "an array holds other things than uint8")
            else:
                self.stack[-1].fill(*values[0][1:])

    def call(self, function: str, *arguments: Any) -> Any:
        """What the function would return; for an array that BUILD fills, an empty one."""
        if function == "dtype":
            _check(arguments[0] in ("u1", b"u1"), "an array holds other things than uint8")
            return UINT8
        if function == "encode":
            text, encoding = arguments
            self.room -= len(text)
            _check(self.room >= 0, "it encodes more text than it holds")
            _check(encoding == "latin1", "it encodes text in another way than bytes are")
            return text.encode("latin1")
        array = _Array()
        if function == "_frombuffer":
            content, dtype, shape, order = arguments
            _check(order in ("C", "F"), "the axes of an array are in another order")
            array.fill(shape, dtype, order == "F", content)
        else:
            _check(function == "_reconstruct", f"it calls numpy.{function}, which no data set needs")
        return array
