"""Recipes: a prediction is the average over views of a picture, and a study compares recipes like configurations."""

from functools import partial

import numpy as np
import pytest

import tinynet as tn
from tinynet.study import Recipe, Study, recipes

for needed in ("matplotlib", "scipy"):
    pytest.importorskip(needed)
import fashion_mnist_cnn  # noqa: E402  (examples/ is on the path: setup.cfg)


def test_ten_views_do_not_care_which_way_a_picture_looks():
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype("uint8")
    labels = np.arange(20) % 10
    model = tn.zoo.mlp(784, (16,), 10, seed=1)
    recipe = fashion_mnist_cnn.RECIPES["cnn-moved"]
    seen, mirrored = (tn.data.from_arrays(pictures, labels) for pictures in (images, images[:, :, ::-1]))
    assert np.allclose(recipe.predict(model, seen), recipe.predict(model, mirrored), rtol=1e-6)
    one_way = fashion_mnist_cnn.RECIPES["cnn"]  # five places
    expected = (one_way.predict(model, seen) + one_way.predict(model, mirrored)) / 2
    assert np.allclose(recipe.predict(model, seen), expected, rtol=1e-6)
    assert not np.allclose(one_way.predict(model, seen), expected, rtol=1e-2)


def test_a_picture_is_seen_in_five_places_and_what_leaves_it_is_gone():
    picture = np.arange(1, 10, dtype="uint8").reshape(1, 3, 3)
    here, up, down, left, right = (view[0].tolist() for view in recipes.five_places(picture))
    assert here == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert up == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]
    assert down == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert left == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert right == [[0, 1, 2], [0, 4, 5], [0, 7, 8]]
    in_colour = [view[..., 1].tolist() for view in recipes.five_places(np.stack([picture * 0, picture], axis=-1))]
    assert in_colour == [[here], [up], [down], [left], [right]]


def test_in_five_places_the_middle_one_counts_twice():
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype("uint8")
    labels, model = np.arange(20) % 10, tn.zoo.mlp(784, (16,), 10, seed=1)
    here, *around = (model.predict(tn.data.from_arrays(view, labels)) for view in recipes.five_places(images))
    predicted = fashion_mnist_cnn.RECIPES["cnn"].predict(model, tn.data.from_arrays(images, labels))
    assert np.allclose(predicted, (2 * here + sum(around)) / 6, rtol=1e-6)


def test_what_is_measured_of_probabilities_is_what_evaluate_says():
    images = np.random.default_rng(0).random((30, 8), dtype="float32")
    data = tn.data.from_arrays(images, np.arange(30) % 5)
    model = tn.zoo.mlp(8, (6,), 5)
    measured = recipes.loss_and_accuracy(data, model.predict(data))
    assert measured == pytest.approx(tn.evaluate(model, data)._asdict(), rel=1e-6)


def test_a_recipe_is_a_configuration(tmp_path, small_data):
    images = tn.data.synthetic_fashion(200, 50)
    build = partial(tn.zoo.mlp, 784, (8,), 10)
    recipe = Recipe("recipe", lambda seed: build(seed=seed), learning_rates=(0.005,), transforms=(tn.data.Shift(1),))
    result = Study({"mine": recipe}, images, seeds=[3], epochs=1, threads=None).run(tmp_path)
    (run,) = result.runs
    assert run["seed"] == 3
    assert "one_cycle(peak=0.005" in run["optimizer"]
    assert run["epochs"][0]["epoch"] == 1
    assert "samples/s" in result.table()


def test_views_of_channels_first_pictures_are_refused():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8)).astype("uint8")
    for views in (recipes.FIVE_PLACES, recipes.TEN_VIEWS):
        with pytest.raises(tn.ShapeError, match=r"five_places: expected .* which looks like \(n, C, H, W\); transpose"):
            list(views.of(images))
        assert len(list(views.of(images.transpose(0, 2, 3, 1)))) in (5, 10)  # as the message says


def test_a_recipe_decays_weights_and_neither_biases_nor_norms():
    model = tn.zoo.mlp(8, (6,), 3, batch_norm=True)
    optimizer = Recipe("recipe", lambda seed: model, weight_decay=0.25).make_optimizer(model, 0.1, 10)
    before = model.theta.copy()
    state = optimizer.start(model.theta)
    rate = optimizer.rate(0)
    optimizer.update(model.theta, np.zeros_like(before), state, 0)  # nothing but the decay
    np.testing.assert_allclose(model.theta, before * (1 - 0.25 * rate * model.mask()), rtol=1e-6)
    assert (model[1].weight != 0).any()
