"""Networks to start from. Each is a function that returns a Sequential, short enough to copy and change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinynet.errors import sequence
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
    layers: list[Layer] = [Flatten()]
    for width in sequence("mlp: hidden", hidden, remedy="give the widths in order: hidden=(256, 128)"):
        layers.append(Dense(inputs, width, weight="he_normal" if activation is ReLU else "glorot_uniform"))
        layers += [BatchNorm(width)] if batch_norm else []
        layers.append(activation())
        layers += [Dropout(dropout)] if dropout else []
        inputs = width
    return Sequential(*layers, Dense(inputs, outputs), seed=seed)


def lenet(image_shape: tuple[int, int, int] = (28, 28, 1), outputs: int = 10, seed: int = 0) -> Sequential:
    """A small convolutional network like LeNet-5: two convolutions, each with pooling, and three dense layers.

    x (N, H, W, C), or flat; y (N, outputs), raw. It uses ReLU and max pooling; the original used tanh and averages.
    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    height, width, channels = sequence("lenet: image_shape", image_shape, remedy="try (28, 28, 1)")
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
    widths = sequence("resnet_small: widths", widths, remedy="give the widths in order: widths=(16, 32, 64)")
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


def _conv(inputs: int, outputs: int, kernel_size: int, stride: int = 1) -> list[Layer]:
    return [Conv2D(inputs, outputs, kernel_size, stride, padding="same"), BatchNorm(outputs)]
