"""Small models."""

import tinynet as tn


def small_model(**arguments):
    """20 -> 16 -> 4 with ReLU and dropout."""
    return tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.2), tn.Dense(16, 4), **arguments)
