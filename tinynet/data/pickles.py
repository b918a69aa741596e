"""Read the arrays in a pickle without building an object: nothing that a pickle names is imported or called.

A pickle is a program for a machine with a stack. `pickle.load` runs it, and so gives it whatever it names; even a list
of allowed names is not safe, because a dtype of objects turns bytes into addresses. Here a loop over the bytes knows
the operations that plain data need (numbers, text, bytes, tuples, lists, dictionaries), and the way in which NumPy
writes an array:

    REDUCE  numpy.dtype("u1", ...)                    BUILD  with (3, "|", None, None, None, -1, -1, 0)
    REDUCE  _reconstruct(numpy.ndarray, (0,), b"b")   BUILD  with (1, shape, dtype, fortran, bytes)
    REDUCE  _frombuffer(bytes, dtype, shape, order)   (protocol 5)

Anything else is a ValueError; so are numbers that are not of the length that the bytes say. Source: the module
pickletools of Python, and `numpy.ndarray.__reduce__`.
"""

from __future__ import annotations

import codecs
import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

MAX_OPERATIONS = 1 << 19  # a batch of CIFAR-10 has 60,000
MAX_AXES = 4
LONG_CHARACTER = 0xF0  # begins a character of 4 bytes in UTF-8; in memory, all others of its text then take 4, too
MAX_DIGITS = 20  # of a number in decimal
ORDERS = ("|", "<", ">", "=")
DTYPE = re.compile(r"[biuf][1248]")
ARRAY = [(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")]
ARRAY_OF_BUFFER = [(f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")]


def read_pickle(content: bytes) -> dict[Any, Any]:
    """The dictionary in a pickle of protocol 0 to 5, with the arrays that are its values. Text of Python 2 is bytes."""
    machine = _Machine(content)
    for _ in range(MAX_OPERATIONS):
        operation = machine.take(1)
        if operation == b".":
            (root,) = machine.last(1)
            if not isinstance(root, dict):
                raise ValueError("it holds something else than a dictionary")
            return {key: value.numbers if isinstance(value, _Array) else value for key, value in root.items()}
        if operation not in OPERATIONS:
            raise ValueError(f"its operation {operation!r} is one that no array of numbers needs")
        OPERATIONS[operation](machine)
    raise ValueError(f"it has more than {MAX_OPERATIONS:,} operations")


class _Name(NamedTuple):
    """A function or class that the pickle names."""

    module: str
    name: str


class _Dtype:
    def __init__(self, code: Any) -> None:
        self.code, self.order = _ascii(code), "|"
        if not DTYPE.fullmatch(self.code):
            raise ValueError("an array holds other things than numbers")


class _Array:
    numbers: np.ndarray | None = None


class _Machine:
    """The stack, its parts below each mark, and the values that the pickle numbers to use them again."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.encoded = 0  # bytes made of text: a pickle could ask for the same ones again and again

    def take(self, count: int) -> bytes:
        part = self.content[self.at : self.at + count]
        if len(part) < count:
            raise ValueError("it ends too early")
        self.at += count
        return part

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def counted(self, form: str) -> bytes:
        return self.take(self.number(form))

    def text(self, form: str) -> str:
        part = self.counted(form)
        if np.frombuffer(part, np.uint8).max(initial=0) >= LONG_CHARACTER:
            raise ValueError("it has a character that takes four bytes")
        return part.decode()

    def escaped_text(self) -> str:
        line = self.line()
        if b"\\U" in line:
            raise ValueError("it has a character that takes four bytes")
        return line.decode("raw-unicode-escape")

    def line(self) -> bytes:
        return self.take(self.content.index(b"\n", self.at) + 1 - self.at)[:-1]

    def decimal(self) -> int:
        digits = self.line().removesuffix(b"L")
        if len(digits) > MAX_DIGITS:
            raise ValueError("it has a number of too many digits")
        return int(digits)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("it takes more from its stack than there is")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def ignore(self, count: int) -> None:
        self.take(count)

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.below.pop()
        return values

    def extend(self, values: Iterable[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("it appends to something else than a list")
        self.stack[-1].extend(values)

    def make_dictionary(self) -> None:
        values = self.since_mark()
        self.push({})
        self.update(values)

    def update(self, values: list[Any]) -> None:
        if not all(isinstance(key, (bytes, str)) for key in values[::2]):  # other keys could be made to collide
            raise ValueError("a key of a dictionary is not text")
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def remember(self, number: int) -> None:
        if number > MAX_OPERATIONS:
            raise ValueError("it numbers more values than it can hold")
        self.memo[number] = self.stack[-1]

    def name(self, module: Any, name: Any) -> None:
        self.push(_Name(_ascii(module), _ascii(name)))

    def reduce(self) -> None:
        function, arguments = self.last(2)
        if not (isinstance(function, _Name) and isinstance(arguments, tuple)):
            raise ValueError("it calls something else than a function")
        self.push(self.call(function, *arguments))

    def call(self, function: _Name, *arguments: Any) -> Any:
        """What the function would return; for an array that is filled later, an empty one."""
        if function == ("numpy", "dtype"):
            return _Dtype(arguments[0])
        if function in ARRAY:
            return _Array()
        if function in ARRAY_OF_BUFFER:
            content, dtype, shape, order = arguments
            return _filled(_Array(), shape, dtype, order == "F", content)
        if function == ("_codecs", "encode") and arguments[1:] == ("latin1",):
            self.encoded += len(arguments[0])
            if self.encoded > len(self.content):
                raise ValueError("it encodes more text than it holds")
            return arguments[0].encode("latin1")
        if function in [("__builtin__", "bytes"), ("builtins", "bytes")] and not arguments:
            return b""
        raise ValueError(f"it asks for {'.'.join(function)}, which no data set needs")

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(state, tuple):
            raise ValueError("an array is not made of a tuple")
        if isinstance(self.stack[-1], _Dtype):
            _, order, *fields = state
            if fields[:3] != [None, None, None]:
                raise ValueError("an array holds other things than numbers")
            if _ascii(order) not in ORDERS:  # NumPy would read "O," before "u1" as a field of objects
                raise ValueError("a dtype has no order of bytes")
            self.stack[-1].order = _ascii(order)
        else:
            _, shape, dtype, fortran, content = state
            _filled(self.stack[-1], shape, dtype, fortran, content)


def _filled(array: _Array, shape: Any, dtype: Any, fortran: Any, content: Any) -> _Array:
    """`array` with the numbers in the bytes `content`, which it shares."""
    if not (isinstance(array, _Array) and isinstance(dtype, _Dtype) and isinstance(content, bytes)):
        raise ValueError("an array is not made of a dtype and bytes")
    if not (isinstance(shape, tuple) and len(shape) <= MAX_AXES and all(type(size) is int for size in shape)):
        raise ValueError("the shape of an array is none")
    kind = np.dtype(dtype.order + dtype.code)
    if math.prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"an array of other than {len(content):,} bytes")
    array.numbers = np.ndarray(shape, kind, content, order="F" if fortran else "C")
    return array


def _ascii(text: Any) -> str:
    if not isinstance(text, (bytes, str)):
        raise ValueError("a name is not text")
    return str(text, "ascii") if isinstance(text, bytes) else text


def _quoted(text: bytes) -> bytes:
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("text without quotes")
    return codecs.escape_decode(text[1:-1])[0]  # as pickle reads it


OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    # numbers
    b"K": lambda machine: machine.push(machine.number("<B")),
    b"M": lambda machine: machine.push(machine.number("<H")),
    b"J": lambda machine: machine.push(machine.number("<i")),
    b"\x8a": lambda machine: machine.push(int.from_bytes(machine.counted("<B"), "little", signed=True)),
    b"I": lambda machine: machine.push(machine.decimal()),
    b"L": lambda machine: machine.push(machine.decimal()),
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    # bytes and text
    b"U": lambda machine: machine.push(machine.counted("<B")),
    b"T": lambda machine: machine.push(machine.counted("<I")),
    b"S": lambda machine: machine.push(_quoted(machine.line())),
    b"C": lambda machine: machine.push(machine.counted("<B")),
    b"B": lambda machine: machine.push(machine.counted("<I")),
    b"\x8e": lambda machine: machine.push(machine.counted("<Q")),
    b"\x96": lambda machine: machine.push(machine.counted("<Q")),
    b"\x8c": lambda machine: machine.push(machine.text("<B")),
    b"X": lambda machine: machine.push(machine.text("<I")),
    b"\x8d": lambda machine: machine.push(machine.text("<Q")),
    b"V": lambda machine: machine.push(machine.escaped_text()),
    # tuples, lists, dictionaries
    b"(": lambda machine: machine.mark(),
    b")": lambda machine: machine.push(()),
    b"\x85": lambda machine: machine.push(tuple(machine.last(1))),
    b"\x86": lambda machine: machine.push(tuple(machine.last(2))),
    b"\x87": lambda machine: machine.push(tuple(machine.last(3))),
    b"t": lambda machine: machine.push(tuple(machine.since_mark())),
    b"]": lambda machine: machine.push([]),
    b"l": lambda machine: machine.push(machine.since_mark()),
    b"a": lambda machine: machine.extend(machine.last(1)),
    b"e": lambda machine: machine.extend(machine.since_mark()),
    b"}": lambda machine: machine.push({}),
    b"d": lambda machine: machine.make_dictionary(),
    b"s": lambda machine: machine.update(machine.last(2)),
    b"u": lambda machine: machine.update(machine.since_mark()),
    # values used again
    b"q": lambda machine: machine.remember(machine.number("<B")),
    b"r": lambda machine: machine.remember(machine.number("<I")),
    b"p": lambda machine: machine.remember(machine.decimal()),
    b"\x94": lambda machine: machine.remember(len(machine.memo)),
    b"h": lambda machine: machine.push(machine.memo[machine.number("<B")]),
    b"j": lambda machine: machine.push(machine.memo[machine.number("<I")]),
    b"g": lambda machine: machine.push(machine.memo[machine.decimal()]),
    # arrays
    b"c": lambda machine: machine.name(machine.line(), machine.line()),
    b"\x93": lambda machine: machine.name(*machine.last(2)),
    b"R": lambda machine: machine.reduce(),
    b"b": lambda machine: machine.build(),
    # the protocol and the length of a frame, which are of no use here
    b"\x80": lambda machine: machine.ignore(1),
    b"\x95": lambda machine: machine.ignore(8),
}
