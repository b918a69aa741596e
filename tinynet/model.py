"""The model: layers one after the other, all of their parameters in one vector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.arrays import Array, Device, aligned_zeros, array_module, device_of, find_device, to_numpy
from tinynet.data.batches import in_order
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.errors import ShapeError, mismatch
from tinynet.layers.activations import Softmax
from tinynet.layers.base import TRAINING, Backward, Layer, Run, arrays_in
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.parallel import Team, team_size
from tinynet.random import check_seed
from tinynet.summary import summary_table


class Sequential(Layer):
    """Layers in a row: y = last(... second(first(x))).

    All parameters live in `model.theta`, one flat vector, and `model[0].weight` is a named view into it. Building the
    model draws their values, a pure function of `seed` and each layer's place; the same layer may stand at two places
    and then gets the sum of its gradients. A model is itself a layer, so models nest.

    `dtype` is "float32", or "float64" where gradients are checked. Raises ValueError for no layers, or for a layer
    that belongs to another model already.
    """

    def __init__(self, *layers: Layer, seed: int = 0, dtype: str = "float32") -> None:
        if not layers:
            raise ValueError("Sequential: expected at least one layer, got none; try Sequential(Dense(784, 10))")
        self.layers, self.seed = layers, check_seed(seed)
        self._places = [sum(layer.places for layer in layers[:number]) for number in range(len(layers))]
        for layer in dict.fromkeys(layers):
            _take(layer)
        self._trained = [layer.parameter_count > 0 for layer in layers]
        self._stands_again = [layer in layers[number + 1 :] for number, layer in enumerate(layers)]
        self.bind(aligned_zeros(self.size, np.dtype(dtype)), 0)
        self.draw(self.seed, 0)

    # Forward and backward -------------------------------------------------------------------------------------------

    def forward(self, x: Array, run: Run) -> tuple[Array, Backward]:
        backwards = []
        input_gradient = run.input_gradient  # from the first layer with parameters on, every layer is asked for its dx
        for layer, place, trained in zip(self.layers, self._places, self._trained):
            x, backward = layer.forward(x, run.at(place, input_gradient))
            backwards.append(backward)
            input_gradient = input_gradient or trained

        def backward_all(dy: Array, grads: Any) -> Array:
            if not backwards:
                raise RuntimeError("Sequential: backward was called twice for one forward; call forward again first")
            while backwards:
                backward = backwards.pop()  # what this layer kept of the forward pass is freed as soon as it is used
                number = len(backwards)
                later = [g.copy() for g in arrays_in(grads[number])] if self._stands_again[number] else []
                dy = backward(dy, grads[number])
                for gradient, seen in zip(arrays_in(grads[number]), later) if later else ():
                    gradient += seen
                if dy is None:  # nobody before this layer has parameters
                    backwards.clear()
            return dy

        return x, backward_all

    def loss_and_gradient(
        self, x: Array, targets: Array, loss: Loss | None = None, run: Run = TRAINING
    ) -> tuple[float, Array]:
        """The loss of one batch and its gradient, a vector laid out like `theta`.

        `scipy.optimize.minimize` can drive a model with it; `fit` does the same steps, without the checks.
        Raises DataError or ShapeError for targets that do not fit.
        """
        loss = loss or SoftmaxCrossEntropy()
        gradient = array_module(self.theta).zeros_like(self.theta)
        outputs, backward = self.forward(x, run)
        loss.check_targets(targets, outputs.shape)
        value, loss_backward = loss.forward(outputs, targets)
        backward(loss_backward(), self.views(gradient))
        return float(value), gradient

    def __call__(self, x: Array) -> Array:
        """The outputs in inference, raw (logits of a classifier), keeping nothing for backward."""
        for layer in self.layers:
            x = layer(x)
        return x

    def predict(self, data: Array | Dataset, batch_size: int = 1000, threads: int | None = None) -> np.ndarray:
        """Class probabilities (N, classes), as a NumPy array: softmax of the outputs, `batch_size` rows at a time.

        `data` is a Dataset, or an array (N, ...): uint8 pixels are divided by 255, floats taken as they are. `threads`
        that share the batches; None: as many as it pays to have.
        Raises ValueError for a model of one output, whose softmax is always 1 (call the model for its raw outputs).
        """
        dataset = data if isinstance(data, Dataset) else from_arrays(data, np.zeros(len(data), np.uint8), name="x")
        device = self.device
        size = team_size(threads, len(dataset) * self.parameter_count, on_host=device.on_host)

        def probabilities(rows: slice) -> np.ndarray:
            y = self(device.put(dataset.inputs(rows, self.dtype)))
            if y.ndim != 2 or y.shape[1] < 2:
                remedy = "call model(x) for the raw outputs"
                raise ValueError(mismatch("predict", "a model with outputs (N, classes)", y.shape, remedy))
            return to_numpy(y if isinstance(self.layers[-1], Softmax) else Softmax()(y))

        with device.active(), Team(size) as team:
            return np.concatenate(team.map(probabilities, in_order(dataset, batch_size)))

    # One vector -----------------------------------------------------------------------------------------------------

    @property
    def theta(self) -> Array:
        """Every parameter, as one vector (a parameter begins at each multiple of 16, with zeros between)."""
        return self._vector[self._start : self._start + self.size]

    @theta.setter
    def theta(self, values: Array) -> None:
        if values.shape != self.theta.shape:
            remedy = "take it from a model of the same layers"
            raise ShapeError(mismatch("model.theta", f"shape {self.theta.shape}", values.shape, remedy))
        self.theta[...] = values

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
        return self

    @property
    def size(self) -> int:
        return sum(layer.size for layer in dict.fromkeys(self.layers))

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by place and name: {"0.weight": ..., "0.bias": ..., "2.weight": ...}."""
        return {
            f"{self.layers.index(layer)}.{name}": values
            for layer in dict.fromkeys(self.layers)
            for name, values in layer.parameters.items()
        }

    @property
    def parameter_count(self) -> int:
        return sum(layer.parameter_count for layer in dict.fromkeys(self.layers))

    @property
    def row_wise(self) -> bool:  # type: ignore[override]
        """Whether every layer treats rows one by one, so that threads may share a batch."""
        return all(layer.row_wise for layer in self.layers)

    @property
    def places(self) -> int:
        return sum(layer.places for layer in self.layers)

    def views(self, vector: Array) -> list[Any]:
        """`vector`, laid out like `theta`, as one dict of named arrays for each layer."""
        return [layer.views(vector) for layer in self.layers]

    def bind(self, vector: Array, start: int) -> None:
        self._vector, self._start = vector, start
        for layer in dict.fromkeys(self.layers):
            layer.bind(vector, start)
            start += layer.size

    def draw(self, seed: int, place: int) -> None:
        for layer in dict.fromkeys(self.layers):
            layer.draw(seed, place + self._places[self.layers.index(layer)])

    # To look at -----------------------------------------------------------------------------------------------------

    def summary(self, input_shape: tuple[int, ...] | None = None) -> None:
        """Print a table: layer, output shape, parameters. `input_shape` of one example, where no layer knows it."""
        print(summary_table(self.layers, input_shape, self.dtype, self.device))

    def __getitem__(self, number: int) -> Layer:
        return self.layers[number]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def _take(layer: Layer) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(mismatch("Sequential", "layers", type(layer).__name__, "make it a class derived from Layer"))
    if layer._taken:
        raise ValueError(
            mismatch("Sequential", "layers of its own", f"{layer}, which belongs to another model", "build a new one")
        )
    layer._taken = True
