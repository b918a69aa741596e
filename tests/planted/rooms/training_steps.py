"""Bugs in tinynet/training: the step, its recording, and what is measured of it."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "steps before a resumed one have scalars",
        "training/eager.py",
        "        table[first:] = rows\n",
        "        table[: len(rows)] = rows\n",
        (
            "training/test_fit.py",
            "training/test_fused.py",
            "training/test_recorded.py",
        ),
    ),
    Bug(
        "evaluation averages batches, whatever their size",
        "training/evaluate.py",
        "loss.hits(outputs, labels), len(labels), weight",
        "loss.hits(outputs, labels), 1, weight",
    ),
    Bug(
        "weights of validation are ignored",
        "training/evaluate.py",
        "weight = loss.weight(labels) if loss.weighted else None",
        "weight = None",
    ),
    Bug(
        "evaluation does not scale as training did",
        "training/evaluate.py",
        "validate_data(data, model, loss, device, model.preprocessing)",
        "validate_data(data, model, loss, device)",
    ),
    Bug(
        "fused dropout draws at the position of Dense",
        "training/fused.py",
        "context.at(2, True).stream(Purpose.DROPOUT)",
        "context.at(0, True).stream(Purpose.DROPOUT)",
    ),
    Bug(
        "the fused loss ignores label smoothing",
        "training/fused.py",
        "or loss.label_smoothing or loss.class_weights:",
        "or loss.class_weights:",
    ),
    Bug("the NaN guard checks no vectors", "training/nan_guard.py", "if not is_finite(vector)]", "if False]"),
    Bug("the NaN guard names the step after", "training/nan_guard.py", "(1 if meter.diverged else 0)", "2"),
    Bug(
        "the history of a diverged run is lost",
        "training/nan_guard.py",
        "raise DivergenceError(divergence(what, optimizer.rate(step), model), state.history)",
        "raise DivergenceError(divergence(what, optimizer.rate(step), model))",
    ),
    Bug(
        "a NaN in the model's statistics is not watched",
        "training/nan_guard.py",
        "{**model.parameters, **model.statistics}.items() if not is_finite(values)]",
        "model.parameters.items() if not is_finite(values)]",
    ),
    Bug(
        "a recorded epoch ends before its smaller batch",
        "training/recorded.py",
        "while first < self.config.steps:",
        "while first < self.full:",
    ),
    Bug(
        "the state is not restored after recording",
        "training/recorded.py",
        "                array[...] = values\n",
        "                pass\n",
    ),
    Bug(
        "a graph is replayed with the order of the epoch before",
        "training/recorded.py",
        "self.order[...] = shuffled_order(self.config.data, state.seed, number)",
        "self.order[...] = shuffled_order(self.config.data, state.seed, 0)",
    ),
    Bug(
        "the gradients of threads are averaged",
        "training/shards.py",
        "fractions[number] * scale, self.grads[number])",
        "scale / len(parts), self.grads[number])",
    ),
    Bug(
        "a thread's gradient is left out",
        "training/shards.py",
        "for gradient in self.gradients[1 : len(parts)]:",
        "for gradient in self.gradients[2 : len(parts)]:",
    ),
    Bug(
        "the loss of a shared batch ignores the sizes of its parts",
        "training/shards.py",
        "loss = sum(fraction * loss for fraction, loss in zip(fractions, losses))",
        "loss = sum(losses) / len(losses)",
    ),
    Bug(
        "class weights are ignored where threads share a batch",
        "training/shards.py",
        "        weights = [self._weight(part) for part in parts]\n",
        "        weights = [None for part in parts]\n",
    ),
    Bug(
        "the optimizer's vectors are not saved",
        "training/state.py",
        'return {"theta": self.theta, "statistics": self.statistics, **optimizer}',
        'return {"theta": self.theta, "statistics": self.statistics}',
        (
            "training/test_state.py",
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the statistics are not saved",
        "training/state.py",
        'return {"theta": self.theta, "statistics": self.statistics, **optimizer}',
        'return {"theta": self.theta, **optimizer}',
        (
            "training/test_state.py",
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the mean loss of an epoch is that of its batches",
        "training/state.py",
        "float(to_numpy(self.losses) @ self.divisors() / whole)",
        "float(to_numpy(self.losses)[: max(self.done, 1)].mean())",
    ),
    Bug(
        "the weights of a batch are ignored in the mean loss",
        "training/state.py",
        "whole = total if self.weights is None else to_numpy(self.weights).sum()",
        "whole = total",
    ),
    Bug(
        "accuracy divides by the weights",
        "training/state.py",
        "float(to_numpy(self.hits).sum() / total)",
        "float(to_numpy(self.hits).sum() / whole)",
    ),
    Bug(
        "the meter only remembers the last loss that was not finite",
        "training/state.py",
        "return int(bad[0]) if len(bad) else None",
        "return int(bad[-1]) if len(bad) else None",
    ),
    Bug(
        "infinite losses do not count as divergence",
        "training/state.py",
        "self.diverged = not math.isfinite(loss)",
        "self.diverged = math.isnan(loss)",
        (
            "training/test_state.py",
            "training/test_nan_guard.py",
        ),
    ),
    Bug(
        "statistics are replaced by their changes",
        "training/step.py",
        "        state.statistics += self.changes\n",
        "        state.statistics[...] = self.changes\n",
        (
            "training/test_step.py",
            "layers/test_normalization.py",
        ),
    ),
    Bug(
        "statistics never change",
        "training/step.py",
        "        state.statistics += self.changes\n",
        "",
        (
            "training/test_step.py",
            "layers/test_normalization.py",
        ),
    ),
    Bug(
        "all steps have the dropout masks of the first",
        "training/step.py",
        "Context(training=True, seed=state.seed, step=number, input_gradient=False)",
        "Context(training=True, seed=state.seed, step=0, input_gradient=False)",
        (
            "training/test_step.py",
            "training/test_trainer.py",
        ),
    ),
    Bug(
        "dropout ignores the seed of the run",
        "training/step.py",
        "Context(training=True, seed=state.seed, step=number",
        "Context(training=True, seed=0, step=number",
        (
            "training/test_step.py",
            "training/test_trainer.py",
        ),
    ),
    Bug(
        "the parameters move although the loss is NaN",
        "training/step.py",
        "        if self.nan_guard and meter.diverged:\n            return loss, hits\n",
        "",
        (
            "training/test_step.py",
            "training/test_nan_guard.py",
        ),
    ),
    Bug(
        "transforms are recorded once for all steps",
        "training/steps.py",
        "    if config.transforms:\n",
        "    if False:\n",
    ),
]
