"""The catalog's class names are those that were published, in the order of the labels."""

import pytest

from tinynet.data.catalog import CATALOG

PUBLISHED = {
    # the table "Labels" of github.com/zalandoresearch/fashion-mnist
    "fashion_mnist": "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot",
    "mnist": "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    # kmnist_classmap.csv of github.com/rois-codh/kmnist, in Latin letters
    "kmnist": "o, ki, su, tsu, na, ha, ma, ya, re, wo",
    # emnist-balanced-mapping.txt: digits, capitals, and the small letters that do not look like capitals
    "emnist": "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, "
    "Y, Z, a, b, d, e, f, g, h, n, q, r, t",
    # batches.meta of www.cs.toronto.edu/~kriz/cifar.html
    "cifar10": "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
}


@pytest.mark.parametrize("name", CATALOG)
def test_class_names_are_those_that_were_published(name):
    assert ", ".join(CATALOG[name].class_names) == PUBLISHED[name]


# Lengths and SHA-256 sums in tensorflow_datasets/url_checksums of github.com/tensorflow/datasets.
PINNED = {
    "fashion_mnist": [
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ],
    "mnist": [
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ],
    "kmnist": [
        (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ],
    "emnist": [(561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e")],
    "cifar10": [(170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")],
}


@pytest.mark.parametrize("name", CATALOG)
def test_checksums_are_those_that_tensorflow_datasets_pins(name):
    files = [(file.length, file.sha256) for file in CATALOG[name].files]
    assert files[: len(PINNED[name])] == PINNED[name]  # of CIFAR-10 they pin the binary archive alone
