"""JSON of a file: what Python's reader takes has the same value; what means two things, or takes long, is refused."""

import json
import random
import time

import pytest

from tests.stress.fuzz_files import VALUES, mutate_json
from tinynet.io.strict_json import DEEPEST, LONGEST_NUMBER, parse


def test_values_are_those_of_the_standard_library():
    chance, value = random.Random(0), {"a": [1, -2.5e-300, None, True, "\u00e9\n\U0001f600", {}], "b": {"a": [[]]}}
    for _ in range(300):
        text = json.dumps(mutate_json(value, chance))
        assert parse(text) == parse(text.encode()) == json.loads(text)
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value
    assert all(parse(json.dumps(each)) == each for each in VALUES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 1}', "the same name twice"),
        ('[{"b": {"a": 1, "\\u0061": 2}}]', "the same name twice"),
        ("[NaN]", "NaN, which is no JSON"),
        ('{"a": -Infinity}', "-Infinity"),
        (b'"\xff"', "utf-8"),
        ('"a"'.encode("utf-16"), "utf-8"),
        (b'\xef\xbb\xbf{}', "BOM"),
        ("", "Expecting value"),
        ("{} {}", "Extra data"),
        ('{"a": 01}', "delimiter"),
        ("9" * (LONGEST_NUMBER + 1), "a number of 4,301 digits"),
        ("-" + "9" * 5_000_000, "a number of 5,000,001 digits"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "more than 300 levels"),
        ('{"a":' * 500 + "1" + "}" * 500, "more than 300 levels"),
        ("[" * 1_000_000, "more than 300 levels"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_refused_is_refused_at_once(text, message):
    began = time.process_time()
    with pytest.raises(ValueError, match=message):
        parse(text)
    assert time.process_time() - began < 1


def test_the_limits_themselves_are_allowed():
    assert parse("9" * LONGEST_NUMBER) == 10**LONGEST_NUMBER - 1
    assert json.dumps(parse("[" * DEEPEST + "]" * DEEPEST)) == "[" * DEEPEST + "]" * DEEPEST
