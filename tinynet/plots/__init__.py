"""Draw training runs and predictions into a file: PNG, SVG or PDF, by the ending of `path`. Needs matplotlib.

The functions use neither pyplot nor `rcParams`, so they work without a screen, in threads, and beside the user's own
plots. Colours and sizes are therefore set on each artist. A `note` (for example "synthetic data") is written at the top
of the picture. Configurations get their colours and markers in the order in which they are given.
"""

from tinynet.plots.curves import accuracy_over_rate, comparison, learning_curves, rate_range
from tinynet.plots.pictures import (
    choose_predictions,
    class_pictures,
    confusion_matrix,
    first_layer_weights,
    predictions,
)

__all__ = [
    "accuracy_over_rate", "choose_predictions", "class_pictures", "comparison", "confusion_matrix",
    "first_layer_weights", "learning_curves", "predictions", "rate_range",
]  # fmt: skip
