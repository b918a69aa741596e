"""Bugs in tinynet/training: checkpoints, and the settings that must be the same to resume."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "the best merit is forgotten on resume",
        "training/checkpoints.py",
        "self._best, self._saved = restore(state, arrays, about, path), path",
        "self._saved = (restore(state, arrays, about, path), path)[1]",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "the best merit is not saved",
        "training/checkpoints.py",
        'about["best"] = self._best if math.isfinite(self._best) else None',
        'about["best"] = None',
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the model with the lowest accuracy is kept as the best",
        "training/checkpoints.py",
        "if score > self._best and",
        "if score < abs(self._best) and",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the best loss is the highest",
        "training/checkpoints.py",
        '-row.get("validation_loss", math.inf))',
        'row.get("validation_loss", -math.inf))',
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the best model is kept although it could not be written",
        "training/checkpoints.py",
        "if score > self._best and self._try(lambda: model.save(_no_pipe(self.folder / BEST))):",
        "if score > self._best and (self._try(lambda: model.save(_no_pipe(self.folder / BEST))) or True):",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
            "training/test_checkpoints_on_a_failing_disk.py",
        ),
    ),
    Bug(
        "one checkpoint fewer is kept",
        "training/checkpoints.py",
        "for step in older[: -self.keep]:",
        "for step in older[: -self.keep + 1 or None]:",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "all checkpoints are kept",
        "training/checkpoints.py",
        "                self.path(step).unlink()\n",
        "                pass\n",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the oldest checkpoint is resumed",
        "training/checkpoints.py",
        "for step in reversed(found)]",
        "for step in found]",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "a state with NaN is saved",
        "training/checkpoints.py",
        "        if not all(is_finite(vector) for vector in vectors.values()):\n            return\n",
        "",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
            "training/test_nan_guard.py",
        ),
    ),
    Bug(
        "a folder is used by two runs at once",
        "training/checkpoints.py",
        "        lock.acquire(timeout=0)\n",
        "        lock._context.lock_counter = 0\n",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "a folder with a run is begun anew without resume",
        "training/checkpoints.py",
        "        if found and not resume:\n",
        "        if False:\n",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "a damaged checkpoint is skipped without a warning",
        "training/checkpoints.py",
        '                warnings.warn(f"{_told(error, path)}{then}", stacklevel=4)\n',
        "",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "the losses of an epoch in progress are not restored",
        "training/checkpoints.py",
        '            arrays |= {f"meter.{name}": values for name, values in kept.items()}\n',
        '            arrays |= {f"meter.{name}": values[:0] for name, values in kept.items()}\n',
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "the seconds of an epoch in progress are lost",
        "training/checkpoint_files.py",
        "state.step, state.seconds = step, float(seconds)",
        "state.step, state.seconds = step, 0.0",
        (
            "training/test_checkpoint_files.py",
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "no checkpoint is written at the end",
        "training/checkpoints.py",
        "        self._try(lambda: self.save(state))\n        self._act_on_signal()\n\n    def _try",
        "        self._act_on_signal()\n\n    def _try",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "every_steps counts steps from 1",
        "training/checkpoints.py",
        "state.step % self.every_steps == 0",
        "state.step % self.every_steps == 1 % self.every_steps",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "temporary files of a killed run stay",
        "training/checkpoints.py",
        "                    (self.folder / name).unlink()\n",
        "                    pass\n",
        ("training/test_checkpoints.py", "training/test_checkpoints_of_what_runs_remember.py"),
    ),
    Bug(
        "a full disk ends the run",
        "training/checkpoints.py",
        "        except SaveError as error:\n            warnings",
        "        except ZeroDivisionError as error:\n            warnings",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
            "training/test_checkpoints_on_a_failing_disk.py",
        ),
    ),
    Bug(
        "the folder of checkpoints stays locked after the run",
        "training/checkpoints.py",
        "        self._lock.release()\n",
        "        pass\n",
        (
            "training/test_checkpoints.py",
            "training/test_checkpoints_of_what_runs_remember.py",
        ),
    ),
    Bug(
        "labels are left out of the data's fingerprint",
        "training/settings.py",
        "for array in (data.images, data.labels):",
        "for array in (data.images,):",
    ),
    Bug(
        "the scale is left out of the data's fingerprint",
        "training/settings.py",
        '    digest.update(f"{data.mean} {data.deviation}".encode())\n',
        "",
    ),
    Bug(
        "shapes are left out of the data's fingerprint",
        "training/settings.py",
        '        digest.update(f"{values.dtype.name} {values.shape}".encode())\n',
        "",
    ),
    Bug(
        "the batch size may change on resume",
        "training/settings.py",
        '"precision": config.precision, "batch_size": int(config.batch_size)}',
        '"precision": config.precision}',
    ),
    Bug(
        "the precision may change on resume",
        "training/settings.py",
        '{"seed": seed, "precision": config.precision, ',
        '{"seed": seed, ',
    ),
    Bug("the seed may change on resume", "training/settings.py", '{"seed": seed, "precision"', '{"precision"'),
    Bug("the loss may change on resume", "training/settings.py", '        "loss": identify(loss),\n', ""),
    Bug("transforms may change on resume", "training/settings.py", '        "transforms": identify(transforms),\n', ""),
    Bug(
        "the optimizer may change on resume", "training/settings.py", '        "optimizer": identify(optimizer),\n', ""
    ),
    Bug(
        "a lambda counts as the same lambda",
        "training/settings.py",
        "        if unknown and not trust:\n",
        "        if False:\n",
    ),
    Bug(
        "the shape of pictures may change under transforms",
        "training/settings.py",
        "list(data.image_shape or data.images.shape[1:]) if transforms else None",
        "None",
    ),
]
