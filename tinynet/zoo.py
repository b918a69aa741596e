"""Networks to start from. Each is a function that returns a Sequential, short enough to copy and change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import isroutine
from numbers import Integral

from tinynet.errors import flag, fraction, mismatch, sequence, shown, whole_number
from tinynet.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Reshape,
    Residual,
)
from tinynet.model import Sequential


def mlp(
    inputs: int = 784,
    hidden: Sequence[int] = (256, 128),
    outputs: int = 10,
    activation: Callable[[], Layer] = ReLU,
    dropout: float = 0.0,
    batch_norm: bool = False,
    seed: int = 0,
) -> Sequential:
    """A multilayer perceptron: for each hidden width Dense, BatchNorm if wanted, the activation, Dropout if above 0.

    x (N, inputs), or pictures with that many numbers; y (N, outputs), raw.
    """
    inputs, outputs = _whole("mlp: inputs", inputs), _whole("mlp: outputs", outputs)
    normed = flag("mlp", "batch_norm", batch_norm)
    dropout = fraction("mlp", "dropout", dropout, remedy="try dropout=0.2")
    if not (isinstance(activation, type) or isroutine(activation)):
        remedy = "give the class: activation=tn.Tanh"
        raise TypeError(
            mismatch("mlp", "activation as a class or a function that makes a layer", shown(activation), remedy)
        )
    layers: list[Layer] = [Flatten()]
    for width in _widths("mlp: each width of hidden", hidden):
        layers.append(Dense(inputs, width, weight="he_normal" if activation is ReLU else "glorot_uniform"))
        layers += [BatchNorm(width)] if normed else []
        layers.append(activation())
        layers += [Dropout(dropout)] if dropout else []
        inputs = width
    return Sequential(*layers, Dense(inputs, outputs), seed=seed)


def lenet(image_shape: tuple[int, int, int] = (28, 28, 1), outputs: int = 10, seed: int = 0) -> Sequential:
    """A small convolutional network like LeNet-5: two convolutions, each with pooling, and three dense layers.

    x (N, H, W, C), or flat; y (N, outputs), raw. It uses ReLU and max pooling; the original used tanh and averages.
    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    image_shape = sequence("lenet: image_shape", image_shape, remedy="try (28, 28, 1)")
    height, width, channels = image_shape = _sizes("lenet", image_shape, 12)
    outputs = _whole("lenet: outputs", outputs)
    flat = (height // 2 - 4) // 2 * ((width // 2 - 4) // 2) * 16
    return Sequential(
        Reshape(*image_shape),
        Conv2D(channels, 6, 5, padding="same"), ReLU(), MaxPool2D(2),
        Conv2D(6, 16, 5), ReLU(), MaxPool2D(2),
        Flatten(),
        Dense(flat, 120), ReLU(),
        Dense(120, 84), ReLU(),
        Dense(84, outputs),
        seed=seed,
    )  # fmt: skip


def resnet_small(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    outputs: int = 10,
    widths: Sequence[int] = (16, 32, 64),
    blocks: int = 1,
    seed: int = 0,
) -> Sequential:
    """A small residual network: a convolution, then `blocks` residual blocks for each width, then global pooling.

    Each width after the first halves the picture. x (N, H, W, C), or flat; y (N, outputs), raw. With blocks=3 it is the
    ResNet-20 of the paper, except that shortcuts are 1x1 convolutions where shapes change.
    Source: K. He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.
    """
    image_shape = sequence("resnet_small: image_shape", image_shape, remedy="try (32, 32, 3)")
    image_shape, widths = _sizes("resnet_small", image_shape, 1), _widths("resnet_small: each width", widths)
    blocks = whole_number("resnet_small: blocks", blocks, limit=1000, remedy="try blocks=3")
    outputs = _whole("resnet_small: outputs", outputs)
    if not widths:
        raise ValueError(mismatch("resnet_small", "at least one width", "none", "try widths=(16, 32, 64)"))
    layers: list[Layer] = [Reshape(*image_shape), *_conv(image_shape[-1], widths[0], 3), ReLU()]
    inputs = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            path = [*_conv(inputs, width, 3, stride), ReLU(), *_conv(width, width, 3)]
            shortcut = Sequential(*_conv(inputs, width, 1, stride)) if stride != 1 or inputs != width else None
            layers += [Residual(*path, shortcut=shortcut), ReLU()]
            inputs = width
    return Sequential(*layers, GlobalAveragePool2D(), Dense(inputs, outputs), seed=seed)


def _whole(name: str, value: int) -> int:
    return whole_number(name, value, remedy="give a whole number from 1")


def _widths(name: str, widths: Sequence[int]) -> tuple[int, ...]:
    """The widths as ints; a set or a dict is refused, since it has no order of layers."""
    argument = "hidden" if name.startswith("mlp") else "widths"
    example = f"{argument}=({widths},)" if isinstance(widths, Integral) else f"{argument}=(256, 128)"
    return tuple(_whole(name, width) for width in sequence(name, widths, remedy=f"write {example}"))


def _sizes(who: str, image_shape: Sequence[int], least: int) -> tuple[int, int, int]:
    """(height, width, channels) as ints; `least` is the smallest height and width that the network can take."""
    sizes, name = tuple(image_shape), f"{who}: each size of image_shape"
    if len(sizes) != 3:
        remedy = f"write image_shape={(*sizes[:2], 1)} for pictures of one channel"
        raise ValueError(mismatch(f"{who}: image_shape", "(height, width, channels)", sizes, remedy))
    remedy = f"give (height, width, channels), with pictures of at least {least} x {least}"
    height, width = (whole_number(name, size, least, remedy=remedy) for size in sizes[:2])
    return height, width, whole_number(name, sizes[2], remedy=remedy)


def _conv(inputs: int, outputs: int, kernel_size: int, stride: int = 1) -> list[Layer]:
    return [Conv2D(inputs, outputs, kernel_size, stride, padding="same"), BatchNorm(outputs)]
