"""Bugs in tinynet/data: batches, transforms and the axes of pictures."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "every epoch has the order of the first",
        "data/batches.py",
        "Stream(seed, Purpose.SHUFFLE, step=epoch)",
        "Stream(seed, Purpose.SHUFFLE, step=0)",
    ),
    Bug(
        "the order ignores the seed",
        "data/batches.py",
        "Stream(seed, Purpose.SHUFFLE, step=epoch)",
        "Stream(0, Purpose.SHUFFLE, step=epoch)",
    ),
    Bug(
        "transforms ignore the epoch",
        "data/batches.py",
        "Stream(seed, Purpose.TRANSFORM, layer=number, step=epoch)",
        "Stream(seed, Purpose.TRANSFORM, layer=number, step=0)",
    ),
    Bug(
        "transforms ignore the seed",
        "data/batches.py",
        "Stream(seed, Purpose.TRANSFORM, layer=number, step=epoch)",
        "Stream(0, Purpose.TRANSFORM, layer=number, step=epoch)",
    ),
    Bug(
        "two transforms draw the same numbers",
        "data/batches.py",
        "Stream(seed, Purpose.TRANSFORM, layer=number, step=epoch)",
        "Stream(seed, Purpose.TRANSFORM, layer=0, step=epoch)",
    ),
    Bug(
        "every batch is transformed alike",
        "data/batches.py",
        "partial(_lanes, stream, start + first_row, raw)",
        "partial(_lanes, stream, first_row, raw)",
    ),
    Bug(
        "threads transform their rows alike",
        "data/batches.py",
        "partial(_lanes, stream, start + first_row, raw)",
        "partial(_lanes, stream, start, raw)",
    ),
    Bug(
        "the last, smaller batch is dropped",
        "data/batches.py",
        "range(first_step * size, len(dataset), size)",
        "range(first_step * size, len(dataset) - size + 1, size)",
    ),
    Bug(
        "the number of batches rounds down",
        "data/batches.py",
        "return -(-len(dataset) // check_batch_size(size))",
        "return len(dataset) // check_batch_size(size)",
    ),
    Bug(
        "a resumed epoch begins with its first batch",
        "data/batches.py",
        "range(first_step * size, len(dataset), size)",
        "range(0, len(dataset), size)",
    ),
    Bug(
        "a part of a batch forgets where it begins",
        "data/batches.py",
        "first_row=self.first_row + start)",
        "first_row=start)",
    ),
    Bug(
        "NCHW pictures are taken for NHWC",
        "data/layout.py",
        "pictures.transpose(0, 2, 3, 1) if layout",
        "pictures.transpose(0, 3, 2, 1) if layout",
    ),
    Bug(
        "pictures of doubtful axes are accepted",
        "data/layout.py",
        "if len(shape) == 3 or layout or is_picture(shape[1:]):",
        "if True:",
    ),
    Bug("a flip mirrors rows, not columns", "data/transforms.py", "pictures[:, :, ::-1]", "pictures[:, ::-1]"),
    Bug(
        "a shift moves rows and columns by the same number",
        "data/transforms.py",
        "columns = offset[:, 1:] + xp.arange(width)",
        "columns = offset[:, :1] + xp.arange(width)",
    ),
    Bug(
        "a shift never reaches its largest step",
        "data/transforms.py",
        "_whole(lanes(2), 2 * self.most + 1)",
        "_whole(lanes(2), 2 * self.most)",
    ),
    Bug(
        "channels-first pictures come back channels last",
        "data/transforms.py",
        'if self.layout == "NCHW" and pictures.ndim == 4:\n            changed',
        "if False:\n            changed",
    ),
    Bug(
        "erasing ignores its probability",
        "data/transforms.py",
        "chosen = numbers[:, 0] < round(self.probability * 65536)",
        "chosen = numbers[:, 0] < 32768",
    ),
    Bug(
        "a probability of 1 leaves some pictures",
        "data/transforms.py",
        "_column(lanes(1)[:, 0] < round(self.probability * 65536), pictures)",
        "_column(lanes(1)[:, 0] < round(self.probability * 65535), pictures)",
    ),
    Bug(
        "transforms change the data set itself",
        "data/transforms.py",
        "        return pictures * ~erased.reshape(*erased.shape, *[1] * (pictures.ndim - 3))",
        "        pictures *= ~erased.reshape(*erased.shape, *[1] * (pictures.ndim - 3))\n        return pictures",
    ),
]
