"""The context of a forward pass: its defaults, the contexts of a layer's parts, and their random numbers."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.random import Purpose, Stream
from tinynet.layers.context import INFERENCE, TRAINING


def test_the_default_is_inference():
    assert tn.Context() == INFERENCE
    assert tn.Context() == tn.Context(training=False, seed=0, step=0, layer=0, first_row=0, input_gradient=True)
    assert (INFERENCE.training, TRAINING.training) == (False, True)
    x = np.ones(3)
    assert INFERENCE.all_reduce(x) is x


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"training": "no"}, TypeError, "Context: expected training as True or False, got 'no'; write training=False"),
        ({"seed": -1}, ValueError, "seed: expected a whole number from 0 to 18446744073709551615, got -1; try seed=0"),
        ({"step": 2**64}, ValueError, "Context: step: expected a whole number from 0 to 18446744073709551615, got"),
        ({"step": "3"}, ValueError, "Context: step: .*, got '3'; write 3"),
        ({"step": -1}, ValueError, "Context: step: .*, got -1; count the updates from 0"),
        (
            {"layer": 2**32},
            ValueError,
            "Context: layer: expected a whole number from 0 to 4294967295, got 4294967296",
        ),
        ({"layer": -1}, ValueError, "Context: layer: .*, got -1; leave it out"),
        ({"first_row": -1}, ValueError, "Context: first_row: expected a whole number from 0, got -1; leave it out"),
        ({"input_gradient": 2}, TypeError, "Context: expected input_gradient as True or False, got 2; write input_g"),
        ({"all_reduce": 3}, TypeError, "Context: expected all_reduce as a function, got 3; leave it out"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(given, error, message):
    with pytest.raises(error, match=f"^{message}"):
        tn.Context(**given)


def test_the_largest_seed_step_and_position_are_taken_and_flags_of_numpy_become_plain():
    largest = {"seed": 2**64 - 1, "step": 2**64 - 1, "layer": 2**32 - 1, "first_row": 2**62}
    assert tn.Context(**largest)[1:5] == tuple(largest.values())
    assert tn.Context(training=np.True_, input_gradient=0)[::5] == (True, False)


def test_a_step_is_an_int_unless_it_is_an_array_that_a_recorded_step_will_read():
    assert type(tn.Context(step=np.uint64(3)).step) is int
    later = np.array([3], "uint64")
    assert tn.Context(step=later).step is later


def test_the_context_of_a_part_differs_in_its_position_and_input_gradient_only():
    whole = tn.Context(True, seed=1, step=2, layer=3, first_row=4, all_reduce=np.negative)
    assert whole.at(5, input_gradient=False) == whole._replace(layer=8, input_gradient=False)
    assert whole.at(0, input_gradient=True) == whole


def test_random_numbers_are_named_by_seed_purpose_position_and_step():
    words = tn.Context(seed=1, step=2, layer=3, first_row=4).stream(Purpose.DROPOUT).words(5)
    np.testing.assert_array_equal(words, Stream(seed=1, purpose=Purpose.DROPOUT, layer=3, step=2).words(5))


NO_STEP = "^loss_and_gradient: expected the number of the step in the context, .*, got none; use tn.Trainer"


def test_a_loop_must_give_the_step_where_it_matters():
    with pytest.raises(ValueError, match=NO_STEP):
        tn.Context(training=True).in_loop(statistics=True)
    without = tn.Context(training=True).in_loop(statistics=False)
    assert (without.training, without.seed) == (True, 0)
    with pytest.raises(ValueError, match=NO_STEP):
        without.stream(Purpose.DROPOUT)


def test_a_step_that_is_given_is_kept_and_inference_needs_none():
    for context in (tn.Context(training=True, step=0), tn.Context(training=True, step=3), tn.Context()):
        for statistics in (True, False):
            assert context.in_loop(statistics) == context
