"""The model: layers in a row, with all their parameters in one vector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module, device_of, find_device, ignoring, to_numpy
from tinynet.backend.habits import attribute
from tinynet.backend.plain import plain_array
from tinynet.backend.random import check_seed
from tinynet.backend.threads import Team, team_size
from tinynet.data.batches import in_order
from tinynet.data.dataset import Dataset
from tinynet.data.preprocessing import Preprocessing
from tinynet.data.raw_inputs import prepare
from tinynet.errors import mismatch
from tinynet.layers.activations import Sigmoid, Softmax
from tinynet.layers.base import Context, Layer, arrays_in
from tinynet.layers.configuration import BuildLayer, layers_from_json
from tinynet.layers.containers import Chain, Container
from tinynet.losses import Loss, SoftmaxCrossEntropy

if TYPE_CHECKING:
    from tinynet.backend.files import PathLike

LONGEST_NAME = 70  # characters of a layer in a summary
LARGEST_EXAMPLE = 1 << 26  # numbers of an example of which a summary finds further shapes; Reshape may claim any size


class Sequential(Chain):
    """Layers in a row: y = last(... second(first(x))).

    All parameters live in `model.theta`, one flat vector, and `model[0].weight` is a named view into it. Their initial
    values are a pure function of `seed` and each layer's position. The same layer may stand at two positions: its
    gradient is the sum of both. A model is itself a layer, so models nest.

    `dtype` is "float32", or "float64" where gradients are checked; for float16 see `fit(precision=)`.
    Raises ValueError for another dtype, for no layers, or for a layer that belongs to another model already.
    """

    preprocessing: Preprocessing | None = None  # set by training: how raw inputs are scaled, and what outputs mean
    seed: int
    _trained = False  # whether training has changed it

    def __init__(self, *layers: Layer, seed: int = 0, dtype: str = "float32") -> None:
        self.seed = check_seed(seed)
        if (kind := np.dtype(dtype)) not in (np.float32, np.float64):
            raise ValueError(mismatch("Sequential", "dtype 'float32' or 'float64'", repr(str(kind)), "leave it out"))
        super().__init__(*layers)
        self.allocate(self.seed, kind)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], build: BuildLayer | None = None, dtype: str = "float32"
    ) -> Sequential:
        return cls(*layers_from_json(config.get("layers"), build), dtype=dtype)

    @ignoring("under")
    def loss_and_gradient(
        self, x: Array, targets: Array, loss: Loss | None = None, *, context: Context
    ) -> tuple[float, Array]:
        """The loss of one batch and its gradient, a vector laid out like `theta`.

        `context` says what the pass is for: Context(training=True, seed=0, step=step) in a training loop of your own,
        where `step` counts the updates, so that each has its own dropout masks; Context() for inference. The
        statistics of batch norm do not change: `Trainer.step` updates them, too. `scipy.optimize.minimize` can drive
        a model with this method. Raises DataError or ShapeError for targets that do not fit, ValueError for training
        without a `step` where there is dropout or batch norm.
        """
        loss, targets = loss or SoftmaxCrossEntropy(), plain_array(targets, "loss_and_gradient", "targets")
        if context.training and self.preprocessing is None:
            self.preprocessing = Preprocessing(loss.predicts)
        gradient = array_module(self.theta).zeros_like(self.theta)
        outputs, backward = self.forward(x, context.in_loop(self.statistics_size > 0))
        loss.check_targets(targets, outputs.shape)
        value, loss_backward = loss.forward(outputs, targets)
        backward(loss_backward(), self.views(gradient))
        return float(value), gradient

    def predict(
        self,
        x: Any,
        batch_size: int = 1000,
        threads: int | None = None,
        *,
        scaled: bool = False,
        background: int | None = None,
    ) -> np.ndarray:
        """What the model was trained to say of `x`, as a NumPy array (N, ...): `batch_size` rows at a time.

        Class probabilities after SoftmaxCrossEntropy, independent probabilities after BinaryCrossEntropy, the outputs
        after any other loss. A model that was not trained gives class probabilities, from one output the output.

        x           raw examples, scaled and shaped here as `model.preprocessing` says. uint8: pixels. Floats: in the
                    units of the training array, before `standardize`. Or a Dataset, with its own scale; a file name or
                    a Pillow picture, or a list of them, which are resized to the shape of training
        scaled      x holds floats as the network sees them: nothing is scaled or checked
        background  what transparent pixels of pictures show, from 0 (black) to 255 (white)
        threads     how many threads share the batches; None chooses the number that is fastest

        Raises ShapeError for another shape than in training, DataError for numbers far outside their range.
        """
        dataset = prepare(x, self.preprocessing, scaled, background, self.layers[0].input_shape)
        device = self.device
        batches = in_order(dataset, batch_size)
        size = team_size(threads, self.products(dataset) if len(batches) > 1 else 0, on_host=device.on_host)

        def predict_batch(rows: slice) -> np.ndarray:
            return to_numpy(self._as_trained(self(device.put(dataset.inputs(rows, self.dtype)))))

        with device.active(), ignoring("under"), Team(size) as team:
            return np.concatenate(team.map(predict_batch, batches))

    def predict_classes(
        self,
        x: Any,
        batch_size: int = 1000,
        threads: int | None = None,
        *,
        scaled: bool = False,
        background: int | None = None,
    ) -> np.ndarray:
        """The class of each example (N,): its name where the training set had names, else its number.

        Of one output after BinaryCrossEntropy the class is 1 where its probability is above 1/2. The arguments are
        those of `predict`. Raises ValueError for a model that predicts no classes.
        """
        known = self.preprocessing or Preprocessing()
        y = self.predict(x, batch_size, threads, scaled=scaled, background=background)
        binary = known.output == "probabilities" and y.shape[1:] == (1,)
        if not binary and (known.output != "classes" or y.ndim != 2 or (y.shape[1] < 2 and self.preprocessing is None)):
            remedy = (
                "use predict(x) > 0.5, one answer a column" if known.output == "probabilities" else "use predict(x)"
            )
            received = f"one of {known.output}, {tuple(y.shape)}"
            raise ValueError(mismatch("predict_classes", "a model that tells classes apart", received, remedy))
        classes = (y[:, 0] > 0.5).astype(np.int64) if binary else y.argmax(axis=1)
        named = len(known.class_names) >= (2 if binary else y.shape[1])
        return np.array(known.class_names)[classes] if named else classes

    def _as_trained(self, outputs: Array) -> Array:
        """The outputs in the form that `predict` returns."""
        meaning = self.preprocessing.output if self.preprocessing is not None else None
        if meaning is None and outputs.ndim == 2 and outputs.shape[1] > 1:
            meaning = "classes"
        if meaning == "classes" and not isinstance(self.layers[-1], Softmax):
            return Softmax()(outputs)
        return Sigmoid()(outputs) if meaning == "probabilities" else outputs

    def products(self, data: Dataset) -> float:
        """The number of multiplications in a forward pass of all of `data`."""
        return len(data) * self.multiplications(self.device.put(data.inputs(slice(0, 1), self.dtype)))

    if not TYPE_CHECKING:  # a type checker finds missing attributes by itself

        def __getattr__(self, name: str) -> Any:
            """Say what to write for what models of Keras and PyTorch have. Only missing attributes come here."""
            raise AttributeError(attribute(self, name))

    # One vector -----------------------------------------------------------------------------------------------------

    def mask(self) -> Array:
        """A vector laid out like `theta`: 1 at weights, 0 at biases and other parameters of one axis.

        It says what weight decay applies to: `AdamW(weight_decay=0.01, mask=model.mask())`.
        """
        mask = array_module(self.theta).zeros_like(self.theta)
        for view in arrays_in(self.views(mask)):
            view[...] = view.ndim > 1
        return mask

    @property
    def dtype(self) -> Any:
        """The dtype of all parameters, and so of all activations."""
        return self._vector.dtype

    @property
    def device(self) -> Device:
        """Where the parameters live."""
        return device_of(self._vector)

    def to(self, device: str | Device) -> Sequential:
        """Move every parameter to `device`; returns the model. Views taken earlier keep showing the old vector."""
        if self._taken:
            raise ValueError("Sequential.to: this model is part of another; move the outermost one")
        device = find_device(device)
        if device.name != self.device.name:
            self.bind(device.put(self._vector), 0)
            self.bind_statistics(device.put(self._statistics_vector), 0)
        return self

    # As a file ------------------------------------------------------------------------------------------------------

    def save(self, path: PathLike) -> None:
        """Write architecture, parameters and statistics into one safetensors file; `tn.load(path)` reads it.

        Raises SaveError if the file cannot be written; a file that was there before is then unchanged.
        """
        from tinynet.io.models import save  # here: io builds models, so it imports this file

        save(self, path)

    def load_weights(self, path: PathLike, strict: bool = True) -> list[str]:
        """Take parameters and statistics by name from a file; returns what did not fit, one line each.

        Raises DataError, and changes nothing, if anything is missing, unexpected or of another shape; with strict=False
        it takes what fits.
        """
        from tinynet.io.models import load_weights  # here: io builds models, so it imports this file

        return load_weights(self, path, strict)

    # As a table -----------------------------------------------------------------------------------------------------

    def summary(self, input_shape: tuple[int, ...] | None = None) -> None:
        """Print a table: layer, output shape, parameters. `input_shape`: of one example, if no layer knows it."""
        from tinynet.backend.terminal import say  # start-up time

        rows = [("Layer", "Output shape", "Parameters")]
        for number, (layer, shape) in enumerate(zip(self.layers, self._output_shapes(input_shape))):
            name, count = repr(layer), f"{layer.parameter_count:,}"
            name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 4] + " ..."
            rows.append((f"{number}  {name}", shape, "shared" if layer in self.layers[:number] else count))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}" for name, shape, count in rows]
        rule = "-" * len(lines[0])
        megabytes = self.parameter_count * self.dtype.itemsize / 1e6
        total = f"{self.parameter_count:,} parameters, {megabytes:.2f} MB in {self.dtype}"
        say("\n".join([lines[0], rule, *lines[1:], rule, total]))

    def _output_shapes(self, input_shape: tuple[int, ...] | None) -> list[str]:
        """Each layer's output shape, found with no examples, which take no memory; if there are own layers, with two.

        Without `input_shape` they enter at the first layer that knows its own. The shapes before that layer are "?",
        except the output of the layer just before it.
        """
        known = [number for number, layer in enumerate(self.layers) if layer.input_shape is not None]
        first = 0 if input_shape is not None or not known else known[0]
        shape = input_shape if input_shape is not None else self.layers[first].input_shape
        if shape is None:
            return ["?"] * len(self.layers)
        names = ["?"] * (first - 1) + [_batch_of(shape)] * (first > 0)
        x = self.device.put(np.zeros((0 if _is_of_library(self) else 2, *shape), self.dtype))
        for number, layer in enumerate(self.layers[first:], first):
            if math.prod(x.shape[1:]) > LARGEST_EXAMPLE:
                return names + ["?"] * (len(self.layers) - number)
            x = layer(x)
            names.append(_batch_of(x.shape[1:]))
        return names


def _is_of_library(layer: Layer) -> bool:
    """Whether the layer and all its parts are those of this library, which compute with a batch of no examples."""
    parts = layer.distinct if isinstance(layer, Container) else ()
    return type(layer).__module__.startswith("tinynet.") and all(map(_is_of_library, parts))


def _batch_of(shape: Sequence[int]) -> str:
    """(N, 28, 28) for (28, 28): the shape of a batch, as text."""
    return f"({', '.join(['N', *map(str, shape)])})"
