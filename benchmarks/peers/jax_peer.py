"""JAX: a jitted step called from a Python loop ("JAX jit"), or the whole epoch in one `lax.scan` ("JAX scan")."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from peers import Epoch, Task


def trainer(task: Task) -> Epoch:
    """Parameters are a list of (weight, bias). They are donated to the step, which updates them in place."""
    key = jax.random.key(0)
    parameters: Any = []
    dense = task.widths if task.network == "mlp" else (1600, 128, 10)
    for inputs, outputs in itertools.pairwise(dense):
        key, used = jax.random.split(key)
        limit = (6 / (inputs + outputs)) ** 0.5
        weight = jax.random.uniform(used, (inputs, outputs), jnp.float32, -limit, limit)
        parameters.append((weight, jnp.zeros(outputs)))
    if task.network == "cnn":
        for inputs, outputs in ((32, 64), (1, 32)):
            key, used = jax.random.split(key)
            weight = jax.random.normal(used, (3, 3, inputs, outputs)) * (2 / (9 * inputs)) ** 0.5
            parameters.insert(0, (weight, jnp.zeros(outputs)))
    images, labels = jnp.asarray(task.pixels), jnp.asarray(task.labels, jnp.int32)
    activation = jax.nn.sigmoid if task.activation == "sigmoid" else jax.nn.relu

    def loss_of(parameters: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        if task.network == "cnn":
            x = x.reshape(-1, 28, 28, 1)
            for weight, bias in parameters[:2]:
                names = ("NHWC", "HWIO", "NHWC")
                x = jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=names) + bias
                pool = (1, 2, 2, 1)
                x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, pool, pool, "VALID")
            x = x.reshape(len(x), -1)
        for weight, bias in parameters[2 * (task.network == "cnn") : -1]:
            x = activation(x @ weight + bias)
            if task.dropout:
                key, used = jax.random.split(key)
                kept = jax.random.bernoulli(used, 1 - task.dropout, x.shape)
                x = jnp.where(kept, x / (1 - task.dropout), 0)
        weight, bias = parameters[-1]
        logits = jax.nn.log_softmax(x @ weight + bias)
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    def step(state: Any, chosen: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        parameters, mean, square, t = state
        loss, gradient = jax.value_and_grad(loss_of)(parameters, images[chosen], labels[chosen], key)
        if task.optimizer == "adam":
            t += 1
            mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
            square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
            rate = task.learning_rate / 100 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), parameters, mean, square)
        else:
            parameters = jax.tree.map(lambda p, g: p - task.learning_rate * g, parameters, gradient)
        return (parameters, mean, square, t), loss * len(chosen)

    fast_step = jax.jit(step, donate_argnums=0)

    @partial(jax.jit, donate_argnums=0)
    def scan(state: Any, order: jax.Array, keys: jax.Array) -> tuple[Any, jax.Array]:
        return jax.lax.scan(lambda carried, each: step(carried, *each), state, (order, keys))

    zeros = [jax.tree.map(jnp.zeros_like, parameters) if task.optimizer == "adam" else None for _ in range(2)]
    state: Any = (parameters, *zeros, jnp.float32(0))
    numbers = itertools.count()
    generator = np.random.default_rng(0)

    def epoch() -> float:
        nonlocal state
        order = generator.permutation(len(images)).astype(np.int32)
        keys = jax.random.split(jax.random.key(next(numbers)), len(task.starts))
        total: Any = 0.0
        whole = (
            len(images) // task.batch_size if task.peer.endswith("scan") else 0
        )  # a shorter last batch is not scanned
        if whole:
            used = order[: whole * task.batch_size].reshape(whole, task.batch_size)
            state, losses = scan(state, jnp.asarray(used), keys[:whole])
            total = losses.sum()
        for number, start in enumerate(task.starts):
            if number >= whole:
                chosen = jnp.asarray(order[start : start + task.batch_size])
                state, loss = fast_step(state, chosen, keys[number])
                total += loss
        return float(total) / len(images)

    return epoch
