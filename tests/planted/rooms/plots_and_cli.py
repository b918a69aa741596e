"""Bugs in tinynet/plots and tinynet/cli."""

from tests.planted.bug import Bug

BUGS = [
    Bug("two devices that differ compare as equal", "cli/compare.py", "return int(not largest <= limit)", "return 0"),
    Bug("NaN is within the limit", "cli/compare.py", "return int(not largest <= limit)", "return int(largest > limit)"),
    Bug(
        "a difference of theta is measured at its mean",
        "cli/compare.py",
        "np.abs(theta - other_theta).max()",
        "np.abs(theta - other_theta).mean()",
    ),
    Bug(
        "a device that is missing ends compare with status 1",
        "cli/compare.py",
        "        return 2\n",
        "        return 1\n",
    ),
    Bug("compare ignores --steps", "cli/compare.py", "        steps=options.steps, batch_size", "        batch_size"),
    Bug("a report that cannot be made ends with status 0", "cli/data.py", "        return 2\n", "        return 0\n"),
    Bug("--drop-duplicates is ignored", "cli/data.py", "            drop_duplicates=options.drop_duplicates,\n", ""),
    Bug("--offline is ignored", "cli/data.py", "offline=options.offline,", ""),
    Bug(
        "doctor ends with status 0 although something is broken",
        "cli/doctor.py",
        'return int(any(finding.verdict == "broken" for finding in findings))',
        "return 0",
    ),
    Bug(
        "doctor ends with status 1 although something is slow only",
        "cli/doctor.py",
        'return int(any(finding.verdict == "broken" for finding in findings))',
        'return int(any(finding.verdict != "ok" for finding in findings))',
    ),
    Bug(
        "BLAS on all cores is called slow",
        "cli/doctor.py",
        "elif threads < len(_usable_cores()):",
        "elif threads <= len(_usable_cores()):",
    ),
    Bug(
        "a GPU that was asked for and is missing is a note",
        "cli/doctor.py",
        'Finding("note" if asked == "auto" else "broken", "GPU", found, remedy)',
        'Finding("note", "GPU", found, remedy)',
    ),
    Bug(
        "a folder of data that does not exist is fine",
        "cli/doctor.py",
        "if named and not Path(named).is_dir():",
        "if False:",
    ),
    Bug(
        "a pinned variable is not mentioned", "cli/doctor.py", "        if pin in os.environ:\n", "        if False:\n"
    ),
    Bug(
        "free memory is counted as used",
        "cli/doctor.py",
        "    if free < 0.1 * total:\n",
        "    if free > 0.1 * total:\n",
    ),
    Bug("a missing package is not mentioned", "cli/doctor.py", "    if missing:\n", "    if False:\n"),
    Bug("doctor does not check its product", "cli/doctor.py", "if not bool(((a @ b) == 784).all()):", "if False:"),
    Bug(
        "a CUDA graph that computes wrong sums is fine",
        "cli/doctor.py",
        "if not bool((total == 24).all()):",
        "if False:",
    ),
    Bug("a command's exit status is lost", "cli/main.py", "    return status\n", "    return 0\n"),
    Bug(
        "learning curves show the first seed, not the mean",
        "plots/curves.py",
        "axes.plot(epochs, values.mean(axis=0)",
        "axes.plot(epochs, values[0]",
    ),
    Bug(
        "the accuracy is drawn as a fraction",
        "plots/curves.py",
        '"accuracy": (100, "accuracy (%)")',
        '"accuracy": (1, "accuracy (%)")',
    ),
    Bug(
        "the line marks the lowest learning rate", "plots/curves.py", "axes.axvline(steepest,", "axes.axvline(rates[0],"
    ),
    Bug(
        "training and test set are exchanged in a comparison",
        "plots/curves.py",
        'SPLITS = {"test": -0.16, "train": 0.16}',
        'SPLITS = {"train": -0.16, "test": 0.16}',
    ),
    Bug(
        "the star stands on the worst learning rate",
        "plots/curves.py",
        "sorted(found, key=found.__getitem__)[-1:]",
        "sorted(found, key=found.__getitem__)[:1]",
    ),
    Bug(
        "the band of a learning curve is the deviation",
        "plots/curves.py",
        "values.min(axis=0), values.max(axis=0), color",
        "values.mean(axis=0) - values.std(axis=0), values.mean(axis=0) + values.std(axis=0), color",
    ),
    Bug(
        "predicted classes are the rows of the picture",
        "plots/pictures.py",
        "image = axes.imshow(roots, cmap=",
        "image = axes.imshow(roots.T, cmap=",
    ),
    Bug(
        "the axes of the confusion matrix are exchanged",
        "plots/pictures.py",
        'finish(axes, "predicted class", "true class")',
        'finish(axes, "true class", "predicted class")',
    ),
    Bug(
        "counts of the confusion matrix are transposed",
        "plots/pictures.py",
        "axes.text(column, row, matrix[row, column],",
        "axes.text(column, row, matrix[column, row],",
    ),
    Bug(
        "a wrong prediction is marked as right",
        "plots/pictures.py",
        "right = predicted[number] == labels[number]",
        "right = predicted[number] != labels[number]",
    ),
    Bug(
        "the least confident mistakes are shown",
        "plots/pictures.py",
        "np.argsort(-probabilities[wrong].max(axis=1)",
        "np.argsort(probabilities[wrong].max(axis=1)",
    ),
    Bug(
        "the smallest norms come first",
        "plots/pictures.py",
        'np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:count]',
        'np.argsort(np.linalg.norm(weight, axis=0), kind="stable")[:count]',
    ),
    Bug(
        "each picture has a scale of its own",
        "plots/pictures.py",
        "least, largest = (0.0, unit) if least >= 0 and largest <= unit else (least, largest)\n",
        "pass\n",
    ),
    Bug(
        "pictures of a class stand in the row of another",
        "plots/pictures.py",
        "for label in range(rows)]\n    shown",
        "for label in reversed(range(rows))]\n    shown",
    ),
    Bug(
        "pictures stand upside down",
        "plots/pictures.py",
        'interpolation="nearest", origin="upper")',
        'interpolation="nearest", origin="lower")',
    ),
    Bug(
        "recall in the picture is of the wrong row",
        "plots/pictures.py",
        "for row, value in enumerate(recall(matrix)):",
        "for row, value in enumerate(recall(matrix)[::-1]):",
    ),
    Bug(
        "a picture is written in place",
        "plots/style.py",
        "    write_atomically(path, content.getvalue())\n",
        '    open(path, "wb").write(content.getvalue())\n',
    ),
    Bug(
        "a dollar sign begins a formula",
        "plots/style.py",
        'return str(words).replace("$", r"\\$")',
        "return str(words)",
    ),
    Bug(
        "a note is left out of the picture",
        "plots/style.py",
        "textwrap.wrap(plain(note), int(11 * width))]",
        "textwrap.wrap(plain(''), int(11 * width))]",
    ),
    Bug(
        "a path in a folder that does not exist is found after the drawing",
        "plots/style.py",
        ' or not os.path.isdir(os.path.dirname(name) or "."):',
        ":",
    ),
]
