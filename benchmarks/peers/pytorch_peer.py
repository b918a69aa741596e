"""PyTorch: tensors in memory (a DataLoader would be slower), channels last, a fused Adam, and `torch.compile`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

from peers import Epoch, Predict, Task


def _model(task: Task) -> torch.nn.Sequential:
    if task.network == "cnn":
        convolutions = [torch.nn.Conv2d(1, 32, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        convolutions += [torch.nn.Conv2d(32, 64, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        dense = [torch.nn.Flatten(), torch.nn.Linear(1600, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)]
        model: Any = torch.nn.Sequential(*convolutions, *dense)
        return model.to(memory_format=torch.channels_last)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in itertools.pairwise(task.widths):
        layers += [torch.nn.Linear(inputs, outputs)]
        layers += [torch.nn.Sigmoid() if task.activation == "sigmoid" else torch.nn.ReLU()]
        layers += [torch.nn.Dropout(task.dropout)] if task.dropout else []
    return torch.nn.Sequential(*layers[: -2 if task.dropout else -1])


def trainer(task: Task) -> Epoch:
    """The training loop of the tutorials, with `set_to_none` gradients and a loss that is summed as a tensor."""
    model = _model(task)
    loss_of = torch.nn.CrossEntropyLoss()
    if task.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(model.parameters(), lr=task.learning_rate / 100, fused=True)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=task.learning_rate)
    images, labels = torch.from_numpy(task.pixels), torch.from_numpy(task.labels)
    if task.network == "cnn":
        images = images.reshape(-1, 1, 28, 28).contiguous(memory_format=torch.channels_last)

    def loss_and_gradient(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss_of(model(x), y)

    forward = torch.compile(loss_and_gradient) if task.peer.endswith("compiled") else loss_and_gradient

    def epoch() -> float:
        total = torch.zeros(())
        order = torch.randperm(len(images))
        for start in task.starts:
            chosen = order[start : start + task.batch_size]
            optimizer.zero_grad(set_to_none=True)
            loss = forward(images[chosen], labels[chosen])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(chosen)
        return float(total) / len(images)

    return epoch


def predictor(task: Task) -> Predict:
    """The softmax of the outputs, without gradients."""
    plain = _model(task).eval()
    model = torch.compile(plain) if task.peer.endswith("compiled") else plain

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            rows = torch.from_numpy(x).split(task.batch_size)
            return torch.cat([torch.softmax(model(part), 1) for part in rows]).numpy()

    return predict
