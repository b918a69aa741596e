"""Fashion-MNIST: 60,000 + 10,000 grey pictures of clothes, 28 x 28, in ten classes of equal size.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms", arXiv 1708.07747, 2017. MIT licence, copyright Zalando SE.
"""

from __future__ import annotations

import hashlib
import os

from tinynet.data.dataset import Dataset
from tinynet.data.download import cache_folder, data_folders, locate
from tinynet.data.idx import parse_idx, read_bytes
from tinynet.errors import DataError, mismatch

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",  # the authors' own; checked by SHA-256 like the rest
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)

# name: SHA-256 of the gzipped file, and of its content
FILES = {
    "train-images-idx3-ubyte": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def fashion_mnist(data: str | os.PathLike[str] | None = None, flatten: bool = True) -> tuple[Dataset, Dataset]:
    """(train, test): 60,000 and 10,000 uint8 pictures as rows of 784 pixels, or as 28 x 28 with flatten=False.

    The four IDX files, gzipped or not, are looked for in the folder `data` (or $TINYNET_DATA, or their subfolder
    fashion-mnist), then in the cache, and then downloaded. Raises DataNotFoundError, saying what to do, if they cannot
    be had, and DataError if a file is not the published one: plain MNIST goes by the same file names.
    """
    return _split("train", data, flatten), _split("t10k", data, flatten)


def _split(prefix: str, data: str | os.PathLike[str] | None, flatten: bool) -> Dataset:
    images, labels = (_read(f"{prefix}-{part}-ubyte", data) for part in ("images-idx3", "labels-idx1"))
    sums = [FILES[f"{prefix}-{part}-ubyte"][1] for part in ("images-idx3", "labels-idx1")]
    return Dataset(
        images=parse_idx(images).reshape(-1, 784) if flatten else parse_idx(images),
        labels=parse_idx(labels),
        class_names=CLASS_NAMES,
        name="fashion_mnist",
        image_shape=(28, 28),
        provenance={"source": "Fashion-MNIST, arXiv 1708.07747", "sha256": sums},
    )


def _read(name: str, data: str | os.PathLike[str] | None) -> bytes:
    """The unpacked content of one of the four files, once its checksum has shown that it is that file."""
    packed_sum, content_sum = FILES[name]
    folders = data_folders(data, ("fashion-mnist", "fashion_mnist"))
    path = locate(name, packed_sum, folders, MIRRORS, cache_folder() / "fashion_mnist")
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found != content_sum:
        remedy = "it is another data set or damaged: remove it, or name another folder with --data"
        raise DataError(mismatch(path, f"SHA-256 {content_sum} of its content", found, remedy))
    return content
