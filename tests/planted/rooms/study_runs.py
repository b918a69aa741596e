"""Bugs in tinynet/study: which runs there are, and how they are made."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "the initial weights are left out of a configuration's identity",
        "study/configuration.py",
        "identify(part) for part in (self.example, weights, type(self), fields)",
        "identify(part) for part in (self.example, type(self), fields)",
    ),
    Bug(
        "settings that the study decides are accepted in fit",
        "study/configuration.py",
        "for name in sorted(SET_BY_THE_STUDY.intersection(self.fit)):",
        "for name in ():",
    ),
    Bug(
        "learning rates are chosen on the test set",
        "study/jobs.py",
        'return self._split if part == "grid" else (self.train, self.test)',
        "return self.train, self.test",
        ("study/test_study.py",),
    ),
    Bug(
        "the key of a run leaves out its seed",
        "study/jobs.py",
        "numbers = [self.seed, self.epochs,",
        "numbers = [self.epochs,",
    ),
    Bug(
        "the key of a run leaves out its epochs",
        "study/jobs.py",
        "numbers = [self.seed, self.epochs,",
        "numbers = [self.seed,",
    ),
    Bug(
        "the key of a run leaves out its batch size",
        "study/jobs.py",
        "self.epochs, self.batch_size, self.every,",
        "self.epochs, self.every,",
    ),
    Bug(
        "the key of a run leaves out the data",
        "study/jobs.py",
        '"".join(map(fingerprint, (data.train, data.test))).encode()',
        'b""',
    ),
    Bug(
        "the key of a run leaves out the test set",
        "study/jobs.py",
        "map(fingerprint, (data.train, data.test))",
        "map(fingerprint, (data.train,))",
    ),
    Bug(
        "the key of a run leaves out the code",
        "study/jobs.py",
        "        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())\n",
        "        digest.update(path.relative_to(package).as_posix().encode())\n",
    ),
    Bug(
        "the key of a run leaves out the threads",
        "study/jobs.py",
        "self.every, self.split, self.threads]",
        "self.every, self.split]",
    ),
    Bug(
        "the result of another job is read",
        "study/jobs.py",
        'isinstance(result, dict) and result.get("key") == path.stem',
        "isinstance(result, dict)",
    ),
    Bug(
        "the probe measures saturation above 0.5",
        "study/probe.py",
        "far = array_module(x).abs(x - 0.5) > 0.45",
        "far = array_module(x).abs(x - 0.5) > 0.25",
    ),
    Bug(
        "a unit that is 0 once is dead", "study/probe.py", "(x == 0).all(axis=0).mean()", "(x == 0).any(axis=0).mean()"
    ),
    Bug(
        "the probe measures every epoch",
        "study/probe.py",
        "if self.every and epoch % self.every == 0:",
        "if self.every:",
    ),
    Bug(
        "the probe measures the bias, too",
        "study/probe.py",
        '(grads[number]["weight"] ** 2).sum()',
        '(grads[number]["weight"] ** 2).sum() + (grads[number]["bias"] ** 2).sum()',
    ),
    Bug("the views of a recipe count alike", "study/recipes.py", "axis=0, weights=self.views.weights)", "axis=0)"),
    Bug(
        "a recipe decays its biases",
        "study/recipes.py",
        "weight_decay=self.weight_decay, mask=model.mask())",
        "weight_decay=self.weight_decay)",
    ),
    Bug(
        "the test set is standardized by its own numbers",
        "study/recipes.py",
        "(train, test.standardize(like=train))",
        "(train, test.standardize())",
        ("study/test_program_options.py",),
    ),
    Bug(
        "a recipe shifts by a pixel in one direction twice",
        "study/recipes.py",
        "((1, 1), (2, 1), (0, 1), (1, 2), (1, 0))",
        "((1, 1), (2, 1), (2, 1), (1, 2), (1, 0))",
    ),
    Bug(
        "a run ignores its seed",
        "study/runs.py",
        "batch_size=job.batch_size, seed=job.seed,",
        "batch_size=job.batch_size,",
        (
            "study/test_jobs.py",
            "study/test_probe.py",
            "study/test_study.py",
        ),
    ),
    Bug(
        "all seeds have the same weights",
        "study/runs.py",
        "model = configuration.build(job.seed)",
        "model = configuration.build(0)",
        (
            "study/test_jobs.py",
            "study/test_probe.py",
            "study/test_study.py",
        ),
    ),
    Bug(
        "the training set is measured for the test set",
        "study/runs.py",
        '"test": measure(model, held_out, probabilities, threads)',
        '"test": measure(model, train, None, threads)',
        (
            "study/test_jobs.py",
            "study/test_probe.py",
            "study/test_study.py",
        ),
    ),
    Bug(
        "letters of classes from 10 on are read as capitals",
        "study/runs.py",
        "CLASSES = string.digits + string.ascii_lowercase + string.ascii_uppercase",
        "CLASSES = string.digits + string.ascii_uppercase + string.ascii_lowercase",
        (
            "study/test_probe.py",
            "study/test_verify.py",
            "study/test_study.py",
        ),
    ),
    Bug(
        "workers use all cores each",
        "study/workers.py",
        "            with _environment(ONE_THREAD):\n",
        "            with _environment({}):\n",
    ),
    Bug(
        "workers outlive a study that is killed",
        "study/workers.py",
        "    threading.Thread(target=_end_with_parent, daemon=True).start()\n",
        "",
    ),
    Bug(
        "a finished run is run again",
        "study/workers.py",
        "return [job for job in jobs if read_result(self.path(job)) is None]",
        "return list(jobs)",
    ),
    Bug(
        "the environment is not restored",
        "study/workers.py",
        "                del os.environ[name]\n",
        "                pass\n",
    ),
    Bug(
        "two runs of one study share the folder of a checkpoint",
        "study/workers.py",
        '        kept = path.with_suffix("")\n',
        '        kept = path.with_name("run")\n',
    ),
    Bug(
        "a finished run leaves its checkpoints",
        "study/workers.py",
        "        shutil.rmtree(kept, ignore_errors=True)\n",
        "        pass\n",
    ),
]
