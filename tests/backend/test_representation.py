"""A repr is the constructor call: required arguments in order, the others by name where they are not the defaults."""

import numpy as np
import pytest

from tinynet.backend.representation import constructor_call


class Example:
    def __init__(self, inputs, outputs, rate=0.5, padding="valid"):
        self.inputs, self.outputs, self.rate, self.padding = inputs, outputs, rate, padding

    def __repr__(self):
        return constructor_call(self, ("inputs", "outputs", "rate", "padding"))


@pytest.mark.parametrize(
    "call",
    ["Example(3, 4)", "Example(3, 4, rate=0.1)", "Example((3, 3), 4, padding='same')", "Example(3, 4, rate=None)"],
)
def test_a_repr_builds_the_same_object(call):
    assert repr(eval(call)) == call


def test_defaults_are_left_out_and_derived_classes_named():
    class Derived(Example):
        pass

    assert repr(Derived(3, outputs=4, rate=0.5, padding="valid")) == "Derived(3, 4)"


def test_an_array_is_shown_whatever_the_default_is():
    assert repr(Example(3, 4, rate=np.ones(2))) == "Example(3, 4, rate=array([1., 1.]))"
    assert repr(Example(3, 4, rate=np.float64(0.5))) == "Example(3, 4)"
