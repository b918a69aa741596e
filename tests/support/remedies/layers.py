"""The remedies of layers and initializers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.models import small_model
from tests.support.remedies.row import COLOUR, PICTURES, PIXELS, Row, X, same, shaped, trains
from tinynet.io import architecture
from tinynet.layers.configuration import hyperparameters_from_json


class Sized(tn.Layer):
    """A layer of one's own with a parameter, whose hyperparameter may be anything."""

    hyperparameters = ("size",)

    def __init__(self, size: Any = 2, name: str = "scale", count: int = 2) -> None:
        self.size_given = size
        self.add_parameter(name, (count,), "ones")

    def __getattr__(self, name: str) -> Any:
        if name == "size":
            return self.size_given
        raise AttributeError(name)

    def forward(self, x: Any, context: Any) -> Any:
        return x * self.scale, lambda dy, grads: dy


class Held(tn.Layer):
    """A layer of one's own whose hyperparameter may be anything."""

    hyperparameters = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def forward(self, x: Any, context: Any) -> Any:
        return x, lambda dy, grads: dy


def assigned(name: str, values: Any) -> bool:
    layer = tn.Dense(3, 2)
    setattr(layer, name, values)
    return same(getattr(layer, name), values)


def filled(layer: tn.Dense, value: float) -> bool:
    layer.bias[...] = value
    return same(layer.bias, [value, value])


def backward_twice(again: bool) -> bool:
    model, context = small_model(), tn.Context(training=True)
    for _ in range(2):
        if again or _ == 0:
            y, backward = model.forward(X, context)
        gradient = np.zeros_like(model.theta)
        backward(np.ones_like(y), model.views(gradient))
    return bool(gradient.any())


def reloads(model: tn.Sequential, at: Path) -> bool:
    pytest.importorskip("safetensors")
    model.save(at / "model.safetensors")
    return repr(tn.load(at / "model.safetensors", layers=[Held])) == repr(model)


DENSE = tn.Dense(784, 10)
LAYERS = [
    Row("layers/configuration.py", "make a new layer: Dense(4, 5)",
        lambda at: setattr(tn.Dense(4, 3), "outputs", 5), lambda at: tn.Dense(4, 5).outputs == 5),
    Row("layers/base.py", "check the sizes that the layer was given",
        lambda at: Sized(count=0), lambda at: same(Sized(count=1).scale, [1])),
    Row("layers/base.py", "choose another",
        lambda at: Sized(name="size"), lambda at: same(Sized(name="scale").scale, [1, 1])),
    Row("layers/base.py", "give it a batch of one: x[None]",
        lambda at: DENSE(PICTURES[0].reshape(-1)),
        lambda at: same(DENSE(PICTURES[0].reshape(-1)[None])[0], DENSE(PICTURES[:1].reshape(1, -1))[0])),
    Row("layers/base.py", "convert it: x.astype('float32')",
        lambda at: DENSE(PICTURES.reshape(6, -1).astype("float64")),
        lambda at: same(DENSE(PICTURES.reshape(6, -1).astype("float64").astype("float32")),
                        DENSE(PICTURES.reshape(6, -1)))),
    Row("layers/base.py", "convert it: x.astype('float32') / 255 for pixels",
        lambda at: DENSE(PIXELS),
        lambda at: same(DENSE(PIXELS.astype("float32") / 255), DENSE(PICTURES.reshape(6, -1)))),
    Row("layers/base.py", "convert it: x.astype('float32') / 255 for pixels",
        lambda at: DENSE(PIXELS.astype("int64")),
        lambda at: same(DENSE(PIXELS.astype("int64").astype("float32") / 255), DENSE(PICTURES.reshape(6, -1)))),
    Row("layers/base.py", "convert it: x.astype('float32') / 65535 for pixels",
        lambda at: DENSE(PIXELS.astype("uint16") * 257),
        lambda at: np.allclose(DENSE((PIXELS.astype("uint16") * 257).astype("float32") / 65535),
                               DENSE(PICTURES.reshape(6, -1)), atol=1e-6)),
    Row("layers/base.py", "move the model: model.to('cpu')",
        lambda at: small_model().to(strict.device)(X), lambda at: small_model().to(strict.device).to("cpu")(X).any()),
    Row("initializers.py", "return an array of the shape that the function is given",
        lambda at: tn.Dense(3, 2, weight=lambda shape, stream: np.ones(2)).weight,
        lambda at: same(tn.Dense(3, 2, weight=lambda shape, stream: np.ones(shape)).weight, np.ones((3, 2)))),
    Row("errors.py", "transpose it: values.T",
        lambda at: setattr(tn.Dense(3, 2), "weight", np.arange(6).reshape(2, 3)),
        lambda at: assigned("weight", np.arange(6).reshape(2, 3).T)),
    Row("errors.py", "reshape it: values.reshape(2,)",
        lambda at: setattr(tn.Dense(3, 2), "bias", np.ones((2, 1))),
        lambda at: assigned("bias", np.ones((2, 1)).reshape(2,))),
    Row("errors.py", "give an array of that shape",
        lambda at: setattr(tn.Dense(3, 2), "weight", np.ones((4, 4))), lambda at: assigned("weight", np.ones((3, 2)))),
    Row("errors.py", "repeat it: numpy.full((3, 2), values)",
        lambda at: tn.Dense(3, 2, weight=0.5),
        lambda at: same(tn.Dense(3, 2, weight=np.full((3, 2), 0.5)).weight, np.full((3, 2), 0.5))),
    Row("layers/base.py", "convert it: numpy.array(values, 'float32')",
        lambda at: setattr(tn.Dense(3, 2), "bias", [1, 2]),
        lambda at: assigned("bias", np.array([1, 2], "float32"))),
    Row("layers/base.py", "write into the array: layer.bias[...] = 0.5",
        lambda at: setattr(tn.Dense(3, 2), "bias", 0.5), lambda at: filled(tn.Dense(3, 2), 0.5)),
    Row("layers/dense.py", "write Dense(inputs, outputs), such as Dense(784, 10)",
        lambda at: tn.Dense(0, 10), lambda at: shaped(tn.Dense(784, 10), PICTURES.reshape(6, -1), (6, 10))),
    Row("layers/dense.py", "put Flatten() before it",
        lambda at: DENSE(PICTURES),
        lambda at: same(tn.Sequential(tn.Flatten(), tn.Dense(784, 10))(PICTURES),
                        tn.Sequential(tn.ReLU(), tn.Dense(784, 10))(PICTURES.reshape(6, -1)))),
    Row("layers/dense.py", "give it a batch of one: x.reshape(1, -1)",
        lambda at: DENSE(PICTURES[0, :, :, 0]),
        lambda at: same(DENSE(PICTURES[0, :, :, 0].reshape(1, -1)), DENSE(PICTURES[:1].reshape(1, -1)))),
    Row("layers/dense.py", "give it one example in each row: x.T",
        lambda at: tn.Dense(20, 4)(X.T), lambda at: tn.Dense(20, 4)(X.T.T).shape == (120, 4)),
    Row("layers/dense.py", "write Dense(20, 10), or check what comes before it",
        lambda at: DENSE(X), lambda at: tn.Dense(20, 10)(X).shape == (120, 10)),
    Row("layers/dense.py", "put Flatten() before it, and write Dense(144, 10), or check what comes before it",
        lambda at: DENSE(COLOUR),
        lambda at: tn.Sequential(tn.Flatten(), tn.Dense(144, 10))(COLOUR).shape == (2, 10)),
    Row("layers/convolution.py", "write Conv2D(inputs, outputs), such as Conv2D(3, 16) for RGB pictures",
        lambda at: tn.Conv2D(0, 16), lambda at: shaped(tn.Conv2D(3, 16), COLOUR, (2, 6, 4, 16))),
    Row("layers/convolution.py", "put ChannelsLast() before it, which takes pictures (N, C, H, W)",
        lambda at: tn.Conv2D(3, 4)(COLOUR.transpose(0, 3, 1, 2)),
        lambda at: same(tn.Sequential(tn.ChannelsLast(), tn.Conv2D(3, 4))(COLOUR.transpose(0, 3, 1, 2)),
                        tn.Sequential(tn.ReLU(), tn.Conv2D(3, 4))(COLOUR))),
    Row("layers/convolution.py", "write Conv2D(3, 8): the channels of x come first",
        lambda at: tn.Conv2D(32, 8)(COLOUR), lambda at: tn.Conv2D(3, 8)(COLOUR).shape == (2, 6, 4, 8)),
    Row("layers/windows.py", "put Reshape(28, 28, 1) before it",
        lambda at: tn.Conv2D(1, 4)(PICTURES.reshape(6, -1)),
        lambda at: same(tn.Sequential(tn.Reshape(28, 28, 1), tn.Conv2D(1, 4))(PICTURES.reshape(6, -1)),
                        tn.Sequential(tn.ReLU(), tn.Conv2D(1, 4))(PICTURES))),
    Row("layers/windows.py", "put Reshape(28, 28, 1) before it",
        lambda at: tn.MaxPool2D()(PICTURES[..., 0]),
        lambda at: same(tn.Sequential(tn.Reshape(28, 28, 1), tn.MaxPool2D())(PICTURES[..., 0]),
                        tn.MaxPool2D()(PICTURES))),
    Row("layers/windows.py", "give it a batch of one: x.reshape(1, 28, 28, 1)",
        lambda at: tn.Conv2D(1, 4)(PICTURES[0, :, :, 0]),
        lambda at: same(tn.Conv2D(1, 4)(PICTURES[0, :, :, 0].reshape(1, 28, 28, 1)), tn.Conv2D(1, 4)(PICTURES[:1]))),
    Row("layers/windows.py", "put Reshape(height, width, 3) before it, with height x width x 3 = 144",
        lambda at: tn.Conv2D(3, 4)(COLOUR.reshape(2, -1)),
        lambda at: same(tn.Sequential(tn.Reshape(8, 6, 3), tn.Conv2D(3, 4))(COLOUR.reshape(2, -1)),
                        tn.Sequential(tn.ReLU(), tn.Conv2D(3, 4))(COLOUR))),
    Row("layers/windows.py", "give it a batch of one: x[None]",
        lambda at: tn.Conv2D(3, 4)(COLOUR[0]),
        lambda at: same(tn.Conv2D(3, 4)(COLOUR[0][None]), tn.Conv2D(3, 4)(COLOUR[:1]))),
    Row("layers/windows.py", "give it a batch of one with the channels last: x.transpose(1, 2, 0)[None]",
        lambda at: tn.Conv2D(3, 4)(COLOUR[0].transpose(2, 0, 1)),
        lambda at: same(tn.Conv2D(3, 4)(COLOUR[0].transpose(2, 0, 1).transpose(1, 2, 0)[None]),
                        tn.Conv2D(3, 4)(COLOUR[:1]))),
    Row("layers/windows.py", "give it pictures of shape (N, height, width, 1)",
        lambda at: tn.MaxPool2D()(np.ones((2, 1, 4, 4, 1), "float32")),
        lambda at: tn.MaxPool2D()(np.ones((2, 4, 4, 1), "float32")).shape == (2, 2, 2, 1)),
    Row("layers/windows.py", "write padding='same'",
        lambda at: tn.Conv2D(1, 4, 30)(PICTURES),
        lambda at: tn.Conv2D(1, 4, 30, padding="same")(PICTURES).shape == (6, 28, 28, 4)),
    Row("layers/windows.py", "use a smaller pool_size",
        lambda at: tn.AveragePool2D(29)(PICTURES),
        lambda at: np.allclose(tn.AveragePool2D(28)(PICTURES)[:, 0, 0, 0], PICTURES.mean(axis=(1, 2, 3)), rtol=1e-5)),
    Row("layers/windows.py", "write padding='same'",
        lambda at: tn.Conv2D(1, 4, padding="SAME"),
        lambda at: shaped(tn.Conv2D(1, 4, padding="same"), PICTURES, (6, 28, 28, 4))),
    Row("layers/windows.py", "use 'valid' for none",
        lambda at: tn.Conv2D(1, 4, padding="none"),
        lambda at: shaped(tn.Conv2D(1, 4, padding="valid"), PICTURES, (6, 26, 26, 4))),
    Row("layers/windows.py", "give one number, or two for height and width: stride=(1, 1)",
        lambda at: tn.Conv2D(1, 4, stride=(1, 2, 3)),
        lambda at: shaped(tn.Conv2D(1, 4, stride=(1, 1)), PICTURES, (6, 26, 26, 4))),
    Row("layers/containers.py", "build a new one",
        lambda at: tn.Sequential(small_model()[0]), lambda at: shaped(tn.Dense(20, 16), X, (120, 16))),
    Row("layers/containers.py", "call it: Mine()", lambda at: tn.Sequential(type("Mine", (tn.ReLU,), {})),
        lambda at: shaped(type("Mine", (tn.ReLU,), {})(), X, (120, 20))),
    Row("layers/containers.py", "leave it out",
        lambda at: tn.Sequential(tn.Dense(20, 4), None), lambda at: shaped(tn.Dense(20, 4), X, (120, 4))),
    Row("layers/containers.py", "make it a class derived from Layer",
        lambda at: tn.Sequential(np.sin), lambda at: same(tn.Sequential(Held(1))(X), X)),
    Row("layers/containers.py", "pass them one by one: Sequential(*layers)",
        lambda at: tn.Sequential([tn.Dense(20, 4), tn.ReLU()]),
        lambda at: tn.Sequential(*[tn.Dense(20, 4), tn.ReLU()])(X).min() >= 0),
    Row("layers/layout.py", "write shortcut=Dense(20, 4)",
        lambda at: tn.Residual(tn.Dense(20, 4))(X),
        lambda at: shaped(tn.Residual(tn.Dense(20, 4), shortcut=tn.Dense(20, 4)), X, (120, 4))),
    Row("layers/layout.py", "write shortcut=Conv2D(3, 5, 1, (2, 2))",
        lambda at: tn.Residual(tn.Conv2D(3, 5, 3, 2, "same"))(COLOUR),
        lambda at: shaped(tn.Residual(tn.Conv2D(3, 5, 3, 2, "same"), shortcut=tn.Conv2D(3, 5, 1, (2, 2))),
                          COLOUR, (2, 4, 3, 5))),
    Row("layers/layout.py", "let the block keep the shape of x",
        lambda at: tn.Residual(tn.Flatten())(COLOUR), lambda at: shaped(tn.Residual(tn.ReLU()), COLOUR, COLOUR.shape)),
    Row("layers/containers.py", "take it from a model of the same layers",
        lambda at: setattr(small_model(), "theta", np.zeros(3)),
        lambda at: setattr(small_model(), "theta", small_model(seed=3).theta) is None),
    Row("layers/containers.py", "call forward again first", lambda at: backward_twice(again=False),
        lambda at: backward_twice(again=True)),
    Row("layers/containers.py", "try Sequential(Dense(784, 10))",
        lambda at: tn.Sequential(),
        lambda at: tn.Sequential(tn.Dense(784, 10))(PICTURES.reshape(6, -1)).shape == (6, 10)),
    Row("layers/normalization.py", "give the size of the last axis of x",
        lambda at: tn.BatchNorm(0), lambda at: shaped(tn.BatchNorm(X.shape[-1]), X, X.shape)),
    Row("layers/normalization.py", "write LayerNorm(20): the size of the last axis of x",
        lambda at: tn.LayerNorm(7)(X), lambda at: shaped(tn.LayerNorm(20), X, X.shape)),
    Row("layers/normalization.py", "put ChannelsLast() before it, which takes pictures (N, C, H, W)",
        lambda at: tn.BatchNorm(3)(COLOUR.transpose(0, 3, 1, 2)),
        lambda at: same(tn.Sequential(tn.ChannelsLast(), tn.BatchNorm(3))(COLOUR.transpose(0, 3, 1, 2)),
                        tn.Sequential(tn.BatchNorm(3))(COLOUR))),
    Row("layers/normalization.py", "leave it out",
        lambda at: tn.BatchNorm(20, momentum=2), lambda at: shaped(tn.BatchNorm(20), X, X.shape)),
    Row("layers/normalization.py", "choose another batch_size: the last batch of an epoch holds what is left",
        lambda at: trains(tn.zoo.mlp(20, (8,), 4, batch_norm=True), batch_size=119),
        lambda at: trains(tn.zoo.mlp(20, (8,), 4, batch_norm=True), batch_size=60)),
    Row("layers/reshape.py", "write Reshape(28, 28, 1), without the axis of the batch",
        lambda at: tn.Reshape(-1, 28, 28), lambda at: shaped(tn.Reshape(28, 28, 1), PIXELS, (6, 28, 28, 1))),
    Row("layers/reshape.py", "check the shape of the data, or the numbers of this layer",
        lambda at: tn.Reshape(28, 28, 3)(PICTURES), lambda at: shaped(tn.Reshape(28, 28, 1), PICTURES, (6, 28, 28, 1))),
    Row("layers/reshape.py", "put Reshape(channels, height, width) before it",
        lambda at: tn.ChannelsLast()(COLOUR.transpose(0, 3, 1, 2).reshape(2, -1)),
        lambda at: same(tn.Sequential(tn.Reshape(3, 8, 6), tn.ChannelsLast())(
            COLOUR.transpose(0, 3, 1, 2).reshape(2, -1)), COLOUR)),
    Row("layers/reshape.py", "leave it out",
        lambda at: tn.ChannelsLast()(PICTURES[..., 0]),
        lambda at: tn.Sequential(tn.Reshape(28, 28, 1), tn.MaxPool2D())(PICTURES[..., 0]).shape == (6, 14, 14, 1)),
    Row("layers/activations.py", "try 0.01",
        lambda at: tn.LeakyReLU(-1), lambda at: np.allclose(tn.LeakyReLU(0.01)(X), np.where(X > 0, X, 0.01 * X))),
    Row("layers/activations.py", "try 1.0",
        lambda at: tn.ELU(0), lambda at: np.allclose(tn.ELU(1.0)(X), np.where(X > 0, X, np.expm1(X)), atol=1e-6)),
    Row("layers/dropout.py", "try Dropout(0.2)",
        lambda at: tn.Dropout(1), lambda at: trains(tn.Sequential(tn.Dropout(0.2), tn.Dense(20, 4)))),
    Row("layers/configuration.py", "store it in such a form, and convert it in `__init__`",
        lambda at: tn.Sequential(Held({1, 2})).save(at / "a.safetensors"),
        lambda at: reloads(tn.Sequential(Held((1, 2))), at)),
    Row("layers/configuration.py", "save the model again",
        lambda at: hyperparameters_from_json("Dense", {"inputs": 3, "width": 2}, ("inputs", "outputs")),
        lambda at: reloads(small_model(), at)),
    Row("layers/configuration.py", "use tinynet.io.architecture.build, which knows the layers by name",
        lambda at: tn.Sequential.from_config(small_model().get_config()),
        lambda at: repr(architecture.build(small_model().get_config(), small_model().declared_shapes))
        == repr(small_model())),
    Row("initializers.py", "use numpy.nan_to_num(values)",
        lambda at: tn.Dense(1, 2, weight=[[math.nan, 1]]),
        lambda at: same(tn.Dense(1, 2, weight=np.nan_to_num([[math.nan, 1]])).weight, [[0, 1]])),
]  # fmt: skip
