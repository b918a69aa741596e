"""Bugs in tinynet/training: the loop, its settings, and the data that come in."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "an optimizer left out is Adam",
        "training/config.py",
        "chosen = SGD(0.1) if optimizer is None else optimizer",
        "chosen = SGD(0.01) if optimizer is None else optimizer",
    ),
    Bug(
        "fit ignores its seed",
        "training/fit.py",
        "optimizer=optimizer, seed=seed, device=device",
        "optimizer=optimizer, device=device",
    ),
    Bug("fit ignores measure_train", "training/fit.py", "        measure_train=measure_train,\n", ""),
    Bug("fit ignores threads", "training/fit.py", "        threads=threads,\n", ""),
    Bug(
        "fit ignores nan_guard",
        "training/fit.py",
        "        nan_guard=nan_guard,\n",
        "",
        (
            "training/test_fit.py",
            "training/test_nan_guard.py",
        ),
    ),
    Bug(
        "fit ignores callbacks",
        "training/fit.py",
        "        callbacks=callbacks,\n",
        "",
        (
            "training/test_fit.py",
            "training/test_callbacks.py",
        ),
    ),
    Bug(
        "training again from the start is not mentioned",
        "training/fit.py",
        'if getattr(model, "_trained", False) and not resume:',
        "if False:",
    ),
    Bug("the batch size is 100 unless given", "training/fit.py", "batch_size: int = 128,", "batch_size: int = 100,"),
    Bug("fit trains 5 epochs unless told", "training/fit.py", "epochs: int = 10,", "epochs: int = 5,"),
    Bug(
        "the learning rate of a history is that of the next step",
        "training/run.py",
        "self.optimizer.rate(state.step - 1)",
        "self.optimizer.rate(state.step)",
        (
            "training/test_fit.py",
            "training/test_history.py",
        ),
    ),
    Bug(
        "the average is not evaluated",
        "training/run.py",
        "with _replaced(theta, self.optimizer.result(theta, self.state.optimizer)):",
        "with _replaced(theta, theta):",
        (
            "training/test_fit.py",
            "optimizers/test_wrappers.py",
        ),
    ),
    Bug(
        "the average is not left in the model",
        "training/run.py",
        "        self.state.theta[...] = self.optimizer.result(self.state.theta, self.state.optimizer)\n",
        "",
        (
            "training/test_fit.py",
            "optimizers/test_wrappers.py",
            "training/test_trainer.py",
        ),
    ),
    Bug(
        "losses of the epoch before are averaged in",
        "training/run.py",
        "self.state.meter, self.state.seconds = Meter(self.config.steps, self.config.device), 0.0",
        "self.state.seconds = 0.0\n        self.state.meter.done = 0",
    ),
    Bug(
        "callbacks count epochs from 0",
        "training/run.py",
        "callback.epoch_begins(self.epoch + 1, self.last_epoch, len(data))",
        "callback.epoch_begins(self.epoch, self.last_epoch, len(data))",
        (
            "training/test_fit.py",
            "training/test_callbacks.py",
        ),
    ),
    Bug(
        "samples per second are batches per second",
        "training/run.py",
        "samples_per_second=len(data) / seconds)",
        "samples_per_second=self.config.steps / seconds)",
        (
            "training/test_fit.py",
            "training/test_history.py",
        ),
    ),
    Bug(
        "nan_guard=False stops all the same",
        "training/run.py",
        "        if self.nan_guard:\n            check_run",
        "        if True:\n            check_run",
        (
            "training/test_fit.py",
            "training/test_nan_guard.py",
        ),
    ),
    Bug(
        "validation during training is not scaled as training",
        "training/trainer.py",
        "validation, self.model, self.loss, self.device, self.model.preprocessing\n",
        "validation, self.model, self.loss, self.device\n",
        (
            "training/test_trainer.py",
            "training/test_fit.py",
            "training/test_evaluate.py",
        ),
    ),
    Bug(
        "the average is left in training, too",
        "training/trainer.py",
        "                    self.state.theta[...] = current\n",
        "                    pass\n",
        (
            "training/test_trainer.py",
            "optimizers/test_wrappers.py",
        ),
    ),
    Bug(
        "a second fit begins at epoch 0",
        "training/trainer.py",
        "last_epoch = len(self.state.history) + whole_number(",
        "last_epoch = whole_number(",
    ),
    Bug(
        "precision is ignored in fit",
        "training/trainer.py",
        "use_precision(self.device, self.precision)",
        'use_precision(self.device, "float32")',
        (
            "training/test_trainer.py",
            "training/test_fit.py",
            "backend/test_matmul.py",
        ),
    ),
    Bug(
        "float16 is not scaled",
        "training/trainer.py",
        '        if precision == "float16":\n',
        "        if False:\n",
        (
            "training/test_trainer.py",
            "optimizers/test_loss_scaling.py",
        ),
    ),
    Bug(
        "measure_train measures the validation set",
        "training/trainer.py",
        'evaluated = {"train": data} if measure_train else {}',
        "evaluated = {}",
        (
            "training/test_trainer.py",
            "training/test_fit.py",
            "training/test_history.py",
        ),
    ),
    Bug(
        "Trainer.step forgets the number of the step",
        "training/trainer.py",
        "meter, number = Meter(1, self.device), self.state.step",
        "meter, number = Meter(1, self.device), 0",
    ),
    Bug(
        "a trainer on another device than its model goes on",
        "training/trainer.py",
        "        if self.model.device.name != self.device.name:\n",
        "        if False:\n",
    ),
    Bug(
        "steps by hand overwrite the model's preprocessing",
        "training/trainer.py",
        "known = self.model.preprocessing or Preprocessing.of(data, self.loss.predicts, whole=False)",
        "known = Preprocessing.of(data, self.loss.predicts, whole=False)",
    ),
    Bug(
        "targets of 1e300 become infinite",
        "training/validate.py",
        'labels=converted(dataset.labels, model.dtype, "labels", "labels")',
        "labels=dataset.labels.astype(model.dtype)",
    ),
    Bug("images of 1e300 become infinite", "training/validate.py", "    check_scaled(dataset, model.dtype)\n", ""),
    Bug(
        "targets are checked in the first batch only",
        "training/validate.py",
        "    loss.check_targets(dataset.labels, outputs.shape)\n",
        "    loss.check_targets(dataset.labels[:1], outputs.shape)\n",
    ),
]
