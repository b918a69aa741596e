"""Pictures of a run, written to a file: PNG, SVG or PDF, by the ending of `path`. Needs matplotlib.

Nothing here is global: no pyplot, no window, no setting of matplotlib touched, so it works without a screen and in
threads. Colours and sizes are therefore given to each artist, not to `rcParams`. A `note` ("synthetic data") stands
at the top of its picture. An arm has the colour and marker of its place in the order given.
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
