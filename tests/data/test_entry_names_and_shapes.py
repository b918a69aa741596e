"""The names of classes become a tuple of text, the shape of a picture one of whole numbers; others are refused."""

import re

import numpy as np
import pytest

import tinynet as tn
from tinynet.data.entry import read_class_names, read_labels, read_shape


@pytest.mark.parametrize(
    ("given", "names"),
    [(("a", "b"), ("a", "b")), (["a", "b"], ("a", "b")), ((1, 2), ("1", "2")), ([np.int64(1), "b"], ("1", "b")),
     (np.array(["a", "b"]), ("a", "b")), ((), ()), ((np.str_("a"),), ("a",))],
    ids=repr,
)  # fmt: skip
def test_names_become_a_tuple_of_text(given, names):
    found = read_class_names(given, "mine")
    assert (type(found), found, [type(each) for each in found]) == (tuple, names, [str] * len(names))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.array([["a", "b"]]), "class_names as a list, got an array of shape (1, 2)"),
        (3, "class_names as a list, got 3"),
        ([1.5], "class_names as text, got 1.5"),
        (("a", None), "class_names as text, got None"),
        ({"a"}, "class_names as a list, got a set"),
        ("ab", "class_names as a list, got a str"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_names_is_refused(given, message):
    remedy = "give the names in the order of the labels: class_names=['first', 'second']"
    with pytest.raises(tn.DataError, match=f"^{re.escape(f'mine: expected {message}; {remedy}')}$"):
        read_class_names(given, "mine")


@pytest.mark.parametrize(
    ("given", "shape"),
    [((2, 3), (2, 3)), ([2, 3], (2, 3)), ((np.int64(2), 3), (2, 3)), (np.array([2, 0]), (2, 0)), ((), ())],
    ids=repr,
)
def test_shapes_become_a_tuple_of_whole_numbers(given, shape):
    found = read_shape(given, "mine", "image_shape")
    assert (type(found), found, [type(size) for size in found]) == (tuple, shape, [int] * len(shape))


@pytest.mark.parametrize("given", [(2, -1), (-1,), [-1, 2], (2.5, 3), ("a", 3), 3, "23", {2, 3}, (True, 2)], ids=repr)
def test_what_is_no_shape_is_refused_with_an_example(given):
    with pytest.raises(tn.DataError, match=r"^mine: image_shape: expected .*; write image_shape=\(28, 28\)$"):
        read_shape(given, "mine", "image_shape")


@pytest.mark.parametrize("name", ["labels", "targets"])
def test_labels_are_called_what_the_caller_calls_them(name):
    with pytest.raises(
        tn.DataError, match=f"^mine: expected {name} of numbers, got complex128; use np.real.{name}. or"
    ):
        read_labels(np.array([1j]), "mine", name=name)
