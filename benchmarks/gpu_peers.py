"""One epoch of 784-256-128-10 with ReLU and plain SGD on a GPU, by each peer that benchmarks/gpu.py compares.

Each function takes a batch size and the name of a device, and returns `epoch()`. It trains on all batches of 60,000
images of bytes that stay on the device, in a new random order: gather, scale, forward, backward, update. It returns the
mean loss as a number, and so waits for the device. TF32 is off unless the peer's name says otherwise.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Epoch = Callable[[], float]
WIDTHS = (784, 256, 128, 10)
LEARNING_RATE = 0.1
EXAMPLES = 60_000


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels; the speed does not depend on their content."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (EXAMPLES, WIDTHS[0]), np.uint8)
    return pixels, generator.integers(0, WIDTHS[-1], EXAMPLES)


def tinynet(
    batch_size: int, device_name: str, capture: Any = False, kernels: bool = True, precision: str = "float32"
) -> Any:
    """`fit` for a number of epochs; their seconds are those of its History."""
    os.environ["TINYNET_KERNELS"] = "1" if kernels else "0"
    import tinynet as tn
    from tinynet.backend.arrays import find_device

    layers = [each for sizes in itertools.pairwise(WIDTHS) for each in (tn.Dense(*sizes), tn.ReLU())][:-1]
    model, data = tn.Sequential(*layers), tn.data.from_arrays(*examples()).to(find_device(device_name))
    settings: Any = dict(optimizer=tn.SGD(LEARNING_RATE), batch_size=batch_size, device=device_name, progress=False)

    def epochs(count: int) -> list[float]:
        history = tn.fit(model, data, epochs=count, capture=capture, precision=precision, **settings)
        return history["seconds"]

    return epochs


def products(batch_size: int, device_name: str) -> Epoch:
    """Only the eight products of each step, captured as a graph and computed by the cuBLAS handle that fit uses."""
    from tinynet.backend.arrays import find_device
    from tinynet.backend.matmul import matmul

    device = find_device(device_name)
    with device.active():
        xp = device.module
        sizes = list(itertools.pairwise(WIDTHS))
        inputs = [xp.ones((batch_size, rows), "float32") for rows, _ in sizes]
        outputs = [xp.ones((batch_size, columns), "float32") for _, columns in sizes]
        weights = [xp.ones(size, "float32") for size in sizes]

        def step() -> None:
            for x, weight, y in zip(inputs, weights, outputs):
                matmul(x, weight, out=y)
            for number in (2, 1, 0):
                matmul(inputs[number].T, outputs[number], out=weights[number])
                if number:
                    matmul(outputs[number], weights[number].T, out=inputs[number])

        def steps() -> None:
            for _ in range(EXAMPLES // batch_size):
                step()

        recorder = device.recorder("float32")
        if recorder is not None:
            recorder.run(step)
        launch = steps if recorder is None else recorder.record(steps)

    def epoch() -> float:
        with device.active():
            launch()
            device.synchronize()
        return 0.0

    return epoch


def pytorch(batch_size: int, device_name: str, mode: str = "eager") -> Epoch:
    """The tutorials' loop, `torch.compile(mode="reduce-overhead")`, or a step that is captured as a CUDA graph."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device("cuda" if device_name == "gpu" else "cpu")
    layers: list[torch.nn.Module] = []
    for sizes in itertools.pairwise(WIDTHS):
        layers += [torch.nn.Linear(*sizes), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).to(device)
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, fused=mode != "eager")
    pixels, labels = (torch.from_numpy(array).to(device) for array in examples())
    total = torch.zeros((), device=device)

    def loss_and_gradient(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss_of(model(x.float() * (1 / 255)), y)

    forward = torch.compile(loss_and_gradient, mode="reduce-overhead") if mode == "compiled" else loss_and_gradient

    def step(chosen: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=mode != "graph")
        loss = forward(pixels[chosen], labels[chosen])
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())

    run = step
    if mode == "graph":
        kept = torch.zeros(batch_size, dtype=torch.int64, device=device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                step(kept)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(kept)

        def run(chosen: torch.Tensor) -> None:
            kept.copy_(chosen)
            graph.replay()

    def epoch() -> float:
        total.zero_()
        order = torch.randperm(EXAMPLES, device=device)
        for chosen in order.split(batch_size):
            if mode == "compiled":
                torch.compiler.cudagraph_mark_step_begin()
            run(chosen)
        return float(total) / (EXAMPLES // batch_size)

    return epoch


def jax(batch_size: int, device_name: str, scan: bool = False) -> Epoch:
    """A jitted step that is called from Python, or the whole epoch in one `lax.scan`; parameters are donated."""
    import jax as library
    import jax.numpy as jnp

    library.config.update("jax_default_matmul_precision", "highest")
    if device_name == "gpu" and library.default_backend() != "gpu":
        raise RuntimeError("this JAX has no GPU backend")
    keys = library.random.split(library.random.key(0), len(WIDTHS))
    scale = [(6 / sum(sizes)) ** 0.5 for sizes in itertools.pairwise(WIDTHS)]
    parameters: Any = [
        (library.random.uniform(key, sizes, jnp.float32, -limit, limit), jnp.zeros(sizes[1]))
        for key, sizes, limit in zip(keys, itertools.pairwise(WIDTHS), scale)
    ]
    pixels, labels = (jnp.asarray(array) for array in examples())

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        for weight, bias in parameters[:-1]:
            x = library.nn.relu(x @ weight + bias)
        weight, bias = parameters[-1]
        return -jnp.take_along_axis(library.nn.log_softmax(x @ weight + bias), y[:, None], 1).mean()

    def step(parameters: Any, chosen: Any) -> tuple[Any, Any]:
        x = pixels[chosen].astype(jnp.float32) * (1 / 255)
        loss, gradient = library.value_and_grad(loss_of)(parameters, x, labels[chosen])
        return library.tree.map(lambda p, g: p - LEARNING_RATE * g, parameters, gradient), loss

    whole = library.jit(lambda parameters, order: library.lax.scan(step, parameters, order), donate_argnums=0)
    single = library.jit(step, donate_argnums=0)
    shuffle = library.jit(partial(library.random.permutation, x=EXAMPLES))
    state = {"parameters": parameters, "key": keys[-1]}

    def epoch() -> float:
        state["key"], used = library.random.split(state["key"])
        order = shuffle(used).reshape(-1, batch_size)
        if scan:
            state["parameters"], losses = whole(state["parameters"], order)
            return float(losses.mean())
        total = jnp.zeros(())
        for chosen in order:
            state["parameters"], loss = single(state["parameters"], chosen)
            total += loss
        return float(total) / len(order)

    return epoch


PEERS: dict[str, Callable[[int, str], Any]] = {
    "bare products": products,
    "tinynet eager, formulas": partial(tinynet, kernels=False),
    "tinynet eager": tinynet,
    "tinynet captured": partial(tinynet, capture=True),
    "tinynet captured, tf32": partial(tinynet, capture=True, precision="tf32"),
    "tinynet captured, bfloat16": partial(tinynet, capture=True, precision="bfloat16"),
    "tinynet eager, float16": partial(tinynet, precision="float16"),
    "PyTorch eager": pytorch,
    "PyTorch compiled": partial(pytorch, mode="compiled"),
    "PyTorch CUDA graph": partial(pytorch, mode="graph"),
    "JAX jit": jax,
    "JAX scan": partial(jax, scan=True),
}
ONLY_ON_A_GPU = {name for name in PEERS if "captured" in name or name in ("PyTorch CUDA graph", "PyTorch compiled")}
