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
