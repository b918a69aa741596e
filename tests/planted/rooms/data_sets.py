"""Bugs in tinynet/data: sets, and what is given to them."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "split rounds down",
        "data/dataset.py",
        "total = round(fraction * len(self))",
        "total = int(fraction * len(self))",
    ),
    Bug(
        "split ignores its seed",
        "data/dataset.py",
        "Stream(check_seed(seed), Purpose.SPLIT)",
        "Stream(0 * check_seed(seed), Purpose.SPLIT)",
    ),
    Bug(
        "split ignores the classes",
        "data/dataset.py",
        'if labels.ndim != 1 or labels.dtype.kind not in "iu":\n        return order[:total]',
        "if True:\n        return order[:total]",
    ),
    Bug(
        "a shared remainder goes to the smaller class",
        "data/dataset.py",
        "np.lexsort((first, -sizes, ",
        "np.lexsort((first, sizes, ",
    ),
    Bug(
        "standardize takes its own scale in place of the training set's",
        "data/dataset.py",
        "return replace(self, mean=like.mean, deviation=like.deviation)",
        "return replace(self).standardize()",
    ),
    Bug(
        "the deviation of pixels is computed in float32 units of 255",
        "data/dataset.py",
        "deviation = float(self.images.std(dtype=xp.float64)) / unit",
        "deviation = float(self.images.std(dtype=xp.float64))",
    ),
    Bug(
        "a constant data set is divided by 0", "data/dataset.py", "deviation=deviation or 1.0)", "deviation=deviation)"
    ),
    Bug(
        "scaled pixels are float64",
        "data/dataset.py",
        "scaled *= dtype.type(1 / (255 * deviation))",
        "scaled = raw / (255.0 * deviation)",
        (
            "data/test_dataset.py",
            "contracts/test_dtypes.py",
        ),
    ),
    Bug(
        "subset forgets the scale",
        "data/dataset.py",
        "return replace(self, images=self.images[chosen], labels=self.labels[chosen])",
        "return replace(self, images=self.images[chosen], labels=self.labels[chosen], mean=0.0, deviation=1.0)",
    ),
    Bug(
        "pictures and labels of a subset part",
        "data/dataset.py",
        "labels=self.labels[chosen])\n\n    def split",
        "labels=self.labels[: len(self.images[chosen])])\n\n    def split",
    ),
    Bug("mixed units are standardized in silence", "data/dataset.py", "            _check_units(self, like)\n", ""),
    Bug(
        "a data set takes more memory than the device has",
        "data/dataset.py",
        "    if free is not None and needed > free:\n",
        "    if False:\n",
        (
            "data/test_dataset.py",
            "backend/gpu/test_device.py",
        ),
    ),
    Bug(
        "drawings of the test set are those of training",
        "data/drawings.py",
        "_split(test_size, seed, 1, flatten)",
        "_split(test_size, seed, 0, flatten)",
    ),
    Bug(
        "drawings ignore their seed",
        "data/drawings.py",
        "shaping = Stream(seed, Purpose.DRAWING, layer=split, step=0)",
        "shaping = Stream(0, Purpose.DRAWING, layer=split, step=0)",
    ),
    Bug(
        "drawings ignore flatten",
        "data/drawings.py",
        "images=images if flatten else images.reshape(-1, SIDE, SIDE)",
        "images=images",
    ),
    Bug(
        "training pictures that are in the test set stay",
        "data/duplicates.py",
        "np.concatenate([found.within_train, found.between])",
        "found.within_train",
    ),
    Bug(
        "the first of several equal pictures is removed, too",
        "data/duplicates.py",
        "return np.setdiff1d(np.arange(len(rows)), first)",
        "return np.arange(len(rows) if len(first) < len(rows) else 0)",
    ),
    Bug("NaN in the images is accepted", "data/entry.py", '    _check_finite(array, who, "")\n', ""),
    Bug("NaN in the targets is accepted", "data/entry.py", '    _check_finite(array, who, " of the targets")\n', ""),
    Bug(
        "only the first number of each example is checked for NaN",
        "data/entry.py",
        "finite = array_module(array).isfinite(array)",
        "finite = array_module(array).isfinite(array.reshape(len(array), -1)[:, 0])",
    ),
    Bug(
        "negative indices beyond the end are accepted",
        "data/entry.py",
        "(array < -count) | (array >= count)",
        "(array >= count)",
    ),
    Bug(
        "a mask is read as indices",
        "data/entry.py",
        "        array = array_module(array).flatnonzero(array)\n",
        "        array = array.astype(np.int64)\n",
    ),
    Bug(
        "text labels are numbered by their own order",
        "data/entry.py",
        "return np.array([numbers[each] for each in found], np.int64)[which]",
        "return which.astype(np.int64)",
    ),
    Bug(
        "tables with indexes in two orders are paired by position",
        "data/entry.py",
        "not one.equals(other) and set(one) == set(other)",
        "False and set(one) == set(other)",
        ("data/test_dataset.py",),
    ),
    Bug(
        "the last conversion to class names is by position of appearance",
        "data/entry.py",
        "numbers = {each: number for number, each in enumerate(class_names)}",
        "numbers = {each: number for number, each in enumerate(sorted(class_names))}",
    ),
    Bug(
        "the range of the training set is not saved",
        "data/preprocessing.py",
        "(float(images.min()), float(images.max())) if whole else None",
        "None",
    ),
    Bug(
        "a standardized training set leaves no scale",
        "data/preprocessing.py",
        "            data.mean,\n            data.deviation,\n",
        "            0.0,\n            1.0,\n",
    ),
    Bug(
        "a record with another field is accepted",
        "data/preprocessing.py",
        "set(fields) == set(cls.__dataclass_fields__) and _fit(fields)",
        "_fit(fields)",
    ),
    Bug(
        "numbers far outside the training range are predicted",
        "data/raw_inputs.py",
        "    if not (far or dark or _is_signed(low, high, least, most, record)):\n        return",
        "    if True:\n        return",
    ),
    Bug(
        "uint8 pixels are not divided by 255 for a model of floats",
        "data/raw_inputs.py",
        "    return images.astype(np.float64) / 255\n",
        "    return images.astype(np.float64)\n",
    ),
    Bug(
        "predict scales what scaled=True says is scaled",
        "data/raw_inputs.py",
        "        return _plain(images)\n    return _in_units(images, record)",
        "    return _in_units(images, record or Preprocessing())",
    ),
    Bug(
        "brightness of pixels is not divided by 255",
        "data/report.py",
        "unit = 255 if dataset.images.dtype == np.uint8 else 1",
        "unit = 1",
    ),
    Bug(
        "repeated pictures of the two sets are exchanged",
        "data/report.py",
        "{len(found.within_train)} within train, {len(found.within_test)} within test",
        "{len(found.within_test)} within train, {len(found.within_train)} within test",
    ),
]
