"""Bugs in tinynet/losses.py, tinynet/metrics.py and tinynet/gradcheck."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "the gradient checker passes what it could not check",
        "gradcheck/report.py",
        "return bool(self.rows or self.also) and all(",
        "return all(",
    ),
    Bug(
        "label smoothing is ignored",
        "losses.py",
        "        if self.label_smoothing or self.class_weights:\n",
        "        if self.class_weights:\n",
        (
            "test_losses.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "class weights are ignored in the mean",
        "losses.py",
        "            whole = weights[labels].sum()\n",
        "            whole = weights[labels].sum() * 0 + count\n",
        (
            "test_losses.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "dloss is ignored",
        "losses.py",
        "            dlogits *= float(dloss) / count\n",
        "            dlogits *= 1 / count\n",
        (
            "test_losses.py",
            "contracts/test_gradcheck.py",
        ),
    ),
    Bug(
        "a label equal to the number of classes is accepted",
        "losses.py",
        "wrong = (targets < 0) | (targets >= classes)",
        "wrong = (targets < 0) | (targets > classes)",
    ),
    Bug(
        "a class weight of NaN is accepted",
        "losses.py",
        """not all(0 <= weight < math.inf for weight in values):
        expected = "class_weights of at least 0, one above 0"
        raise ValueError(mismatch(who, expected, listed, "give one weight for each class"))
    if any(weight and not 1e-20 <= weight <= 1e20 for weight in values):""",
        """any(weight < 0 for weight in values):
        expected = "class_weights of at least 0, one above 0"
        raise ValueError(mismatch(who, expected, listed, "give one weight for each class"))
    if any(0 < weight < 1e-20 or weight > 1e20 for weight in values):""",
    ),
    Bug(
        "one right answer of several makes a row correct",
        "losses.py",
        "right.reshape(len(right), -1).all(axis=1)",
        "right.reshape(len(right), -1).any(axis=1)",
    ),
    Bug(
        "the squared error is a sum",
        "losses.py",
        "loss = (difference * difference).mean()",
        "loss = (difference * difference).sum()",
    ),
    Bug(
        "targets of another shape pass the check",
        "losses.py",
        "if tuple(targets.shape[1:]) != tuple(outputs_shape[1:]):",
        "if targets.size % max(len(targets), 1):",
    ),
    Bug(
        "class weights are cached for one dtype only",
        "losses.py",
        "key = device_of(like).name, str(dtype or like.dtype)",
        'key = device_of(like).name, "float32"',
    ),
    Bug(
        "a dict of class weights is taken in the order of its items",
        "losses.py",
        "listed: Sequence[Any] = [given[number] for number in range(classes)]",
        "listed: Sequence[Any] = list(given.values())",
    ),
    Bug(
        "correct outputs are counted along the batch",
        "losses.py",
        "outputs.argmax(axis=1) == targets",
        "outputs.argmax(axis=0) == targets[0]",
    ),
    Bug(
        "labels below 0 are read from the end",
        "losses.py",
        "wrong = (targets < 0) | (targets >= classes)",
        "wrong = targets >= classes",
    ),
    Bug(
        "class weights may be fewer than classes",
        "losses.py",
        "if self.class_weights and len(self.class_weights) != classes:",
        "if self.class_weights and len(self.class_weights) > classes:",
    ),
    Bug(
        "smoothing is spread over the other classes only",
        "losses.py",
        "self.label_smoothing / classes, shifted.dtype)",
        "self.label_smoothing / (classes - 1), shifted.dtype)",
        (
            "test_losses.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "the confusion matrix is transposed",
        "metrics.py",
        "labels.astype(np.int64) * classes + predicted.astype(np.int64)",
        "predicted.astype(np.int64) * classes + labels.astype(np.int64)",
    ),
    Bug(
        "recall and precision are swapped",
        "metrics.py",
        "    return _fraction(matrix.diagonal(), matrix.sum(axis=1))",
        "    return _fraction(matrix.diagonal(), matrix.sum(axis=0))",
    ),
    Bug(
        "recall of a class without examples is 0",
        "metrics.py",
        "out=np.full(len(whole), np.nan)",
        "out=np.zeros(len(whole))",
    ),
    Bug(
        "uint8 labels overflow in the confusion matrix",
        "metrics.py",
        "labels.astype(np.int64) * classes + predicted",
        "labels * classes + predicted",
    ),
    Bug(
        "lengths of labels and predictions are not compared",
        "metrics.py",
        "    if len(labels) != len(predicted):\n",
        "    if False:\n",
    ),
    Bug(
        "precision and recall are the same",
        "metrics.py",
        "    return _fraction(matrix.diagonal(), matrix.sum(axis=0))",
        "    return _fraction(matrix.diagonal(), matrix.sum(axis=1))",
    ),
]
