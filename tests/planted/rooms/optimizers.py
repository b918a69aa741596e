"""Bugs in tinynet/optimizers."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "Adam's bias correction counts steps from 0",
        "optimizers/adam.py",
        "        t = step + 1\n",
        "        t = step + 2\n",
        (
            "optimizers/test_adam.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "AdamW's decay is not multiplied by the learning rate",
        "optimizers/adam.py",
        "decay = self.rate(step) * self.weight_decay",
        "decay = self.weight_decay * 0.001",
        (
            "optimizers/test_adam.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "AdamW ignores its mask",
        "optimizers/adam.py",
        '            theta -= decay * state["mask"] * theta\n',
        "            theta -= decay * theta\n",
    ),
    Bug(
        "Nadam uses the mean from before the step",
        "optimizers/adam.py",
        "(1 - self.beta1 ** (step + 2))",
        "(1 - self.beta1 ** (step + 1))",
        (
            "optimizers/test_adam.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "Adam forgets its epsilon",
        "optimizers/adam.py",
        "        root += self.epsilon\n",
        "        root += 1e-8\n",
        (
            "optimizers/test_adam.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "a schedule is read at step 0 only",
        "optimizers/base.py",
        "rate = self.learning_rate(step)\n",
        "rate = self.learning_rate(0)\n",
    ),
    Bug("a default is shown in an optimizer's repr", "optimizers/checks.py", "if value != defaults[name]]", "]"),
    Bug(
        "the learning rate in a repr has six digits",
        "optimizers/checks.py",
        "return short if float(short) == number else repr(number)",
        "return short",
        (
            "optimizers/test_checks.py",
            "optimizers/test_wrappers.py",
        ),
    ),
    Bug(
        "a skipped step of float16 does not lower the scale",
        "optimizers/loss_scaling.py",
        "scale, finite = scale / 2, 0",
        "scale, finite = scale, 0",
    ),
    Bug(
        "the scale of float16 never grows",
        "optimizers/loss_scaling.py",
        "grown = finite + 1 == PATIENCE",
        "grown = False",
    ),
    Bug(
        "an infinite gradient of float16 moves the parameters",
        "optimizers/loss_scaling.py",
        "        if is_finite(gradient):\n",
        "        if True:\n",
    ),
    Bug(
        "RMSprop forgets its momentum",
        "optimizers/rmsprop.py",
        "            velocity *= self.momentum\n",
        "            velocity *= 0\n",
        (
            "optimizers/test_rmsprop.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "a step decay comes a step early",
        "optimizers/schedules.py",
        "float(self.factor) ** (step // self.every)",
        "float(self.factor) ** ((step + 1) // self.every)",
    ),
    Bug(
        "warm-up begins at 0",
        "optimizers/schedules.py",
        "min(1.0, (step + 1) / self.steps)",
        "min(1.0, step / self.steps)",
    ),
    Bug(
        "the cosine rises again after its steps",
        "optimizers/schedules.py",
        "math.cos(math.pi * min(max(done, 0.0), 1.0))",
        "math.cos(math.pi * done)",
    ),
    Bug(
        "one cycle reaches its peak a step late",
        "optimizers/schedules.py",
        "top, last = self.rise * self.steps - 1, self.steps - 1",
        "top, last = self.rise * self.steps, self.steps - 1",
    ),
    Bug(
        "the cosine ignores its final rate",
        "optimizers/schedules.py",
        "_along_cosine(self.rate, self.final, step / self.steps)",
        "_along_cosine(self.rate, 0.0, step / self.steps)",
    ),
    Bug(
        "Nesterov's momentum is plain momentum",
        "optimizers/sgd.py",
        "direction + self.momentum * velocity if self.nesterov else velocity",
        "velocity",
        (
            "optimizers/test_sgd.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "weight decay shrinks the velocity, not the gradient",
        "optimizers/sgd.py",
        "            direction += self.weight_decay * theta\n",
        "            theta *= 1 - self.weight_decay\n",
        (
            "optimizers/test_sgd.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "momentum begins with the first gradient twice",
        "optimizers/sgd.py",
        'return {"velocity": array_module(theta).zeros_like(theta)} if self.momentum else {}',
        'return {"velocity": array_module(theta).ones_like(theta)} if self.momentum else {}',
        (
            "optimizers/test_sgd.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "clipping makes short gradients longer",
        "optimizers/wrappers.py",
        "gradient *= xp.minimum(self.norm / (gradient_norm + 1e-6), 1)",
        "gradient *= self.norm / (gradient_norm + 1e-6)",
    ),
    Bug(
        "clipping uses the largest entry for the norm",
        "optimizers/wrappers.py",
        "xp.sqrt((gradient * gradient).sum())",
        "abs(gradient).max()",
    ),
    Bug("the average begins at 0", "optimizers/wrappers.py", '"average": theta.copy()}', '"average": theta * 0}'),
    Bug(
        "a wrapper hides what the wrapped optimizer keeps",
        "optimizers/wrappers.py",
        "        return self.optimizer.result(theta, state)\n",
        "        return theta\n",
    ),
    Bug(
        "the wrapper's learning rate is not that of the wrapped optimizer",
        "optimizers/wrappers.py",
        "        self.optimizer.learning_rate = rate\n",
        "        pass\n",
        (
            "optimizers/test_wrappers.py",
            "training/test_learning_rate_finder.py",
        ),
    ),
    Bug(
        "the average forgets faster than its decay",
        "optimizers/wrappers.py",
        "        difference *= 1 - self.decay\n",
        "        difference *= 2 * (1 - self.decay)\n",
    ),
]
