"""Bugs in tinynet/study: the numbers that follow from runs."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "intervals are those of a normal distribution",
        "study/statistics.py",
        "float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))",
        "float(stats.norm.ppf((1 + CONFIDENCE) / 2))",
    ),
    Bug("intervals hold 90%", "study/statistics.py", "CONFIDENCE = 0.95", "CONFIDENCE = 0.9"),
    Bug(
        "the t-test has one tail",
        "study/statistics.py",
        "test = stats.ttest_rel(first, second)",
        'test = stats.ttest_rel(first, second, alternative="greater")',
    ),
    Bug(
        "the t-test is not paired",
        "study/statistics.py",
        "test = stats.ttest_rel(first, second)",
        "test = stats.ttest_ind(first, second)",
    ),
    Bug(
        "Holm's adjustment is Bonferroni's",
        "study/statistics.py",
        "p_values[i] * (len(order) - rank)",
        "p_values[i] * len(order)",
    ),
    Bug(
        "adjusted p-values may fall",
        "study/statistics.py",
        "largest = max(largest, min(1.0,",
        "largest = max(0, min(1.0,",
    ),
    Bug(
        "McNemar's test counts the examples that both get right",
        "study/statistics.py",
        "np.count_nonzero(first_right & ~second_right)",
        "np.count_nonzero(first_right & second_right)",
    ),
    Bug(
        "the learning rate is chosen at the lowest accuracy",
        "study/study.py",
        "chosen[name] = max(known, key=known.__getitem__)",
        "chosen[name] = min(known, key=known.__getitem__)",
    ),
    Bug(
        "the larger of two equal learning rates is chosen",
        "study/study.py",
        "for rate, accuracy in sorted(grid.items()) if",
        "for rate, accuracy in sorted(grid.items(), reverse=True) if",
    ),
    Bug(
        "the long runs are as long as the others",
        "study/study.py",
        "chosen[name], seed, 2, LONGER) for",
        "chosen[name], seed, 2) for",
    ),
    Bug("the long runs have all seeds", "study/study.py", "self.seeds[:LONG_SEEDS]\n", "self.seeds\n"),
    Bug(
        "a configuration's own epochs are ignored",
        "study/study.py",
        "times * (configuration.epochs or self.epochs)",
        "times * self.epochs",
    ),
    Bug(
        "a configuration's own batch size is ignored",
        "study/study.py",
        "configuration.batch_size or self.batch_size",
        "self.batch_size",
    ),
    Bug(
        "an unknown baseline is accepted",
        "study/study.py",
        "if each.baseline and each.baseline not in configurations:",
        "if False:",
    ),
    Bug(
        "fresh=True keeps the finished runs",
        "study/study.py",
        "            shutil.rmtree(runs)\n",
        "            pass\n",
    ),
    Bug(
        "diverged runs of the grid count",
        "study/study.py",
        'if "diverged" in run and run["part"] != "grid"]',
        'if "diverged" in run]',
    ),
    Bug(
        "p-values are not adjusted",
        "study/summary.py",
        'holm([comparison["p"] for comparison in comparisons])',
        '[comparison["p"] for comparison in comparisons]',
    ),
    Bug(
        "runs are paired by their order, not by seed",
        "study/summary.py",
        'pairs = [(run, others[run["seed"]]) for run in runs if run["seed"] in others]',
        "pairs = list(zip(runs, others.values()))",
    ),
    Bug(
        "differences have the wrong sign",
        "study/summary.py",
        "**paired(*accuracies)._asdict()",
        "**paired(*accuracies[::-1])._asdict()",
    ),
    Bug(
        "diverged runs count in the mean",
        "study/summary.py",
        '{name: [run for run in each if "diverged" not in run] for name, each in by_name.items()}',
        "dict(by_name)",
    ),
    Bug(
        "the time of a table is the mean",
        "study/summary.py",
        'row["seconds"] = means.median(',
        'row["seconds"] = means.fmean(',
    ),
    Bug(
        "curves are those of the first seed",
        "study/summary.py",
        "for row in values.mean(axis=0)\n",
        "for row in values[0]\n",
    ),
    Bug(
        "the best row is that with the lowest accuracy",
        "study/summary.py",
        'return max((row for row in part["rows"] if row["seeds"]), key=',
        'return min((row for row in part["rows"] if row["seeds"]), key=',
    ),
    Bug(
        "recall is that of the first seed",
        "study/summary.py",
        "np.mean([metrics.recall(matrix) for matrix in matrices], axis=0)",
        "metrics.recall(matrices[0])",
    ),
    Bug(
        "training and test loss are exchanged",
        "study/summary.py",
        'row[f"{split}_loss"] = means.fmean(run[split]["loss"] for run in ended)',
        'row[f"{split}_loss"] = means.fmean(run["train"]["loss"] for run in ended)',
    ),
    Bug(
        "the seeds with a significant test are not counted",
        "study/summary.py",
        "sum(test.p < 0.05 for test in tests)",
        "sum(test.p > 0.05 for test in tests)",
    ),
    Bug(
        "NaN reaches results.json",
        "study/summary.py",
        "return None if isinstance(value, float) and not math.isfinite(value) else value",
        "return value",
    ),
    Bug("curves show one digit", "study/summary.py", 'else float(f"{row:.5g}")', 'else float(f"{row:.1g}")'),
]
