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


# tensorflow-datasets 4.9, url_checksums: the first twelve digits of the SHA-256 of each file.
SUMS = {
    "mnist": ["440fcabf73cc", "3552534a0a55", "8d422c7b0a1c", "f7ae60f92e00"],
    "kmnist": ["51467d22d8cc", "e38f9ebcd0f3", "edd7a857845a", "20bb9a0ef54c"],
}


@pytest.mark.parametrize("name", SUMS)
def test_checksums_are_those_that_tensorflow_datasets_pins(name):
    assert [file.sha256[:12] for file in CATALOG[name].files] == SUMS[name]
