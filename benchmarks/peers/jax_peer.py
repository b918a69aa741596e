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
    """Parameters are a list of (weight, bias), and are donated to the step, which updates them in place."""
    key = jax.random.key(0)
    parameters: Any = []
    for inputs, outputs in itertools.pairwise(task.widths):
        key, used = jax.random.split(key)
        limit = (6 / (inputs + outputs)) ** 0.5
        weight = jax.random.uniform(used, (inputs, outputs), jnp.float32, -limit, limit)
        parameters.append((weight, jnp.zeros(outputs)))
    images, labels = jnp.asarray(task.pixels), jnp.asarray(task.labels, jnp.int32)
    activation = jax.nn.sigmoid if task.activation == "sigmoid" else jax.nn.relu

    def loss_of(parameters: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        for weight, bias in parameters[:-1]:
            x = activation(x @ weight + bias)
            if task.dropout:
                key, used = jax.random.split(key)
                kept = jax.random.bernoulli(used, 1 - task.dropout, x.shape)
                x = jnp.where(kept, x / (1 - task.dropout), 0)
        weight, bias = parameters[-1]
        logits = jax.nn.log_softmax(x @ weight + bias)
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    def step(parameters: Any, chosen: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        loss, gradient = jax.value_and_grad(loss_of)(parameters, images[chosen], labels[chosen], key)
        return jax.tree.map(lambda p, g: p - task.learning_rate * g, parameters, gradient), loss * len(chosen)

    fast_step = jax.jit(step, donate_argnums=0)

    @partial(jax.jit, donate_argnums=0)
    def scan(parameters: Any, order: jax.Array, keys: jax.Array) -> tuple[Any, jax.Array]:
        return jax.lax.scan(lambda p, each: step(p, *each), parameters, (order, keys))

    numbers = itertools.count()
    generator = np.random.default_rng(0)

    def epoch() -> float:
        nonlocal parameters
        order = generator.permutation(len(images)).astype(np.int32)
        keys = jax.random.split(jax.random.key(next(numbers)), len(task.starts))
        total: Any = 0.0
        whole = len(images) // task.batch_size if task.peer.endswith("scan") else 0  # the rest is a shorter batch
        if whole:
            used = order[: whole * task.batch_size].reshape(whole, task.batch_size)
            parameters, losses = scan(parameters, jnp.asarray(used), keys[:whole])
            total = losses.sum()
        for number, start in enumerate(task.starts):
            if number >= whole:
                chosen = jnp.asarray(order[start : start + task.batch_size])
                parameters, loss = fast_step(parameters, chosen, keys[number])
                total += loss
        return float(total) / len(images)

    return epoch
