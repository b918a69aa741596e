"""Probabilities of 0 and 1."""

import numpy as np

import tinynet as tn

PICTURES = np.random.default_rng(0).integers(1, 256, (300, 8, 12)).astype("uint8")


def test_a_probability_of_1_changes_every_picture_and_one_of_0_none():
    """Also where the random number is the largest or the smallest of all."""
    for number in (0, 1, 65534, 65535):
        always = lambda k, number=number: np.full((len(PICTURES), k), number, "uint16")  # noqa: E731
        np.testing.assert_array_equal(tn.data.HorizontalFlip(1)(PICTURES, always), PICTURES[:, :, ::-1])
        np.testing.assert_array_equal(tn.data.HorizontalFlip(0)(PICTURES, always), PICTURES)
        assert (tn.data.RandomErasing(1)(PICTURES, always) == 0).any(axis=(1, 2)).all()
        np.testing.assert_array_equal(tn.data.RandomErasing(0)(PICTURES, always), PICTURES)
