"""The synthetic data set: its format and reproducibility, and that it is neither trivial nor noise."""

import numpy as np
import pytest

import tinynet as tn


@pytest.fixture(scope="module")
def drawn():
    return tn.data.synthetic_fashion(2000, 500)


def test_it_has_the_format_of_fashion_mnist(drawn):
    for dataset, size in zip(drawn, (2000, 500)):
        assert dataset.images.shape == (size, 784)
        assert dataset.images.dtype == dataset.labels.dtype == np.uint8
        assert dataset.image_shape == (28, 28)
        assert dataset.class_names[:2] == ("T-shirt/top", "Trouser")
        assert list(np.bincount(dataset.labels)) == [size // 10] * 10
        assert dataset.images.min() == 0
        assert dataset.images.max() > 200
    assert tn.data.synthetic_fashion(10, 10, flatten=False)[0].images.shape == (10, 28, 28)


def test_its_provenance_says_that_it_is_synthetic(drawn):
    for dataset in drawn:
        assert dataset.is_synthetic
        assert dataset.name == "synthetic_fashion"
        assert len(dataset.provenance["sha256"][0]) == 64


def test_a_smaller_set_is_the_beginning_of_a_larger_one(drawn):
    smaller = tn.data.synthetic_fashion(133, 77)
    for few, many in zip(smaller, drawn):
        np.testing.assert_array_equal(few.images, many.images[: len(few)])
        np.testing.assert_array_equal(few.labels, many.labels[: len(few)])


def test_it_is_a_function_of_the_seed(drawn):
    same, other = (tn.data.synthetic_fashion(200, 10, seed=seed)[0] for seed in (0, 1))
    np.testing.assert_array_equal(same.images, drawn[0].images[:200])
    assert (other.images != same.images).any(axis=1).all()


def test_no_picture_is_repeated(drawn):
    pictures = np.concatenate([dataset.images for dataset in drawn])
    assert len(np.unique(pictures, axis=0)) == len(pictures)


def test_a_linear_model_learns_it_but_not_well(drawn):
    train, test = drawn
    accuracy = {}
    for name, layers in {
        "linear": [tn.Dense(784, 10)],
        "mlp": [tn.Dense(784, 128), tn.ReLU(), tn.Dense(128, 10)],
    }.items():
        model = tn.Sequential(*layers)
        tn.fit(model, train, optimizer=tn.SGD(0.05, momentum=0.9), epochs=15, batch_size=50)
        accuracy[name] = tn.evaluate(model, test).accuracy
    assert 0.6 < accuracy["linear"] < 0.85
    assert accuracy["mlp"] > accuracy["linear"]


@pytest.mark.slow
def test_a_larger_set_keeps_a_linear_model_visibly_below_an_mlp():
    train, test = tn.data.synthetic_fashion(20_000, 5000)
    linear = tn.Sequential(tn.Dense(784, 10))
    mlp = tn.Sequential(tn.Dense(784, 256), tn.ReLU(), tn.Dense(256, 128), tn.ReLU(), tn.Dense(128, 10))
    for model in (linear, mlp):
        tn.fit(model, train, optimizer=tn.SGD(0.05, momentum=0.9), epochs=10, batch_size=100)
    assert tn.evaluate(mlp, test).accuracy > tn.evaluate(linear, test).accuracy + 0.03


@pytest.mark.parametrize("sizes", [(0, 10), (10, 0), (-1, 10)])
def test_a_size_below_1_is_refused(sizes):
    with pytest.raises(ValueError, match="synthetic_fashion: t.*_size: expected a whole number from 1, got"):
        tn.data.synthetic_fashion(*sizes)


def test_no_shape_is_drawn_twice_whatever_the_seed_or_the_split():
    """Noise changes the garment alone, so the background tells the shapes apart."""
    seen = [tn.data.synthetic_fashion(200, 200, seed=seed) for seed in (0, 1)]
    shapes = [picture.tobytes() for sets in seen for data in sets for picture in data.images > 0]
    assert len(set(shapes)) == len(shapes) == 800
