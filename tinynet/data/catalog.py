"""The catalog of data sets that can be loaded by name: contents, licence, addresses and checksums.

The SHA-256 sums are those of the compressed files; tensorflow-datasets pins the same. For Fashion-MNIST there is also
the sum of the decompressed content, so that decompressed or recompressed files are recognized.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinynet.errors import unknown_name

DIGITS = tuple("0123456789")
IDX_NAMES = (  # the four files of MNIST and of the data sets in its format: training, then test
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """A published file: name, length, SHA-256, and the SHA-256 of its decompressed content where it is known."""

    name: str
    length: int
    sha256: str
    content_sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """A data set of the catalog. A file's address is a mirror, a slash and the file's name."""

    name: str
    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    sizes: tuple[int, int]  # examples for training, for testing
    licence: str
    source: str
    layout: str  # "idx": four files; "idx-zip": the same in one zip; "cifar": records in a tar
    files: tuple[File, ...]
    mirrors: tuple[str, ...]
    folders: tuple[str, ...] = ()  # subfolders of --data in which to look for it


def _idx_files(*known: tuple[int, str] | tuple[int, str, str]) -> tuple[File, ...]:
    return tuple(File(f"{name}.gz", *values) for name, values in zip(IDX_NAMES, known))


FASHION_MNIST = Entry(
    name="fashion_mnist",
    title="Fashion-MNIST",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),  # fmt: skip
    image_shape=(28, 28),
    sizes=(60_000, 10_000),
    licence="MIT, Zalando SE",
    source="H. Xiao, K. Rasul, R. Vollgraf, arXiv 1708.07747, 2017",
    layout="idx",
    files=_idx_files(
        (
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        (
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        (
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        (
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        # The authors' own address comes last: it has no TLS. It is kept for networks that reach none of the others. The
        # checksum protects the content; who downloads it can be seen on the way.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ),
    folders=("fashion-mnist", "fashion_mnist", "FashionMNIST/raw"),
)

MNIST = Entry(
    name="mnist",
    title="MNIST",
    class_names=DIGITS,
    image_shape=(28, 28),
    sizes=(60_000, 10_000),
    licence="CC BY-SA 3.0, Y. LeCun, C. Cortes, C. Burges",
    source="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proceedings of the IEEE, 1998",
    layout="idx",
    files=_idx_files(
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
    ),
    folders=("mnist", "MNIST/raw"),
)

KMNIST = Entry(
    name="kmnist",
    title="Kuzushiji-MNIST",
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    image_shape=(28, 28),
    sizes=(60_000, 10_000),
    licence="CC BY-SA 4.0, ROIS-DS Center for Open Data in the Humanities",
    source="T. Clanuwat et al., arXiv 1812.01718, 2018",
    layout="idx",
    files=_idx_files(
        (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
    mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist",),
    folders=("kmnist", "KMNIST/raw"),
)

EMNIST = Entry(
    name="emnist",
    title="EMNIST, balanced",
    class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    image_shape=(28, 28),
    sizes=(112_800, 18_800),
    licence="public domain (NIST)",
    source="G. Cohen, S. Afshar, J. Tapson, A. van Schaik, arXiv 1702.05373, 2017",
    layout="idx-zip",
    files=(File("gzip.zip", 561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"),),
    mirrors=("https://biometrics.nist.gov/cs_links/EMNIST",),
    folders=("emnist", "EMNIST/raw"),
)

CIFAR10 = Entry(
    name="cifar10",
    title="CIFAR-10",
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),  # fmt: skip
    image_shape=(32, 32, 3),
    sizes=(50_000, 10_000),
    licence="none stated; cite the report",
    source="A. Krizhevsky, Learning multiple layers of features from tiny images, 2009",
    layout="cifar",
    files=(
        File("cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        File("cifar-10-python.tar.gz", 170498071, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    ),
    mirrors=("https://www.cs.toronto.edu/~kriz",),
    folders=("cifar10", "cifar-10"),
)

CATALOG = {entry.name: entry for entry in (FASHION_MNIST, MNIST, KMNIST, EMNIST, CIFAR10)}
SYNTHETIC = "synthetic_fashion"


def find_entry(name: str) -> Entry:
    """The entry called `name`. ValueError, with the closest known name, if there is none."""
    if name not in CATALOG:
        raise ValueError(unknown_name("data set", name, [*CATALOG, SYNTHETIC]))
    return CATALOG[name]
