"""A step of Trainer is a step of fit, and several calls of its fit train like one call."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.models import small_model
from tinynet.training.checkpoints import Checkpoints


def with_norm(seed=0):
    return tn.Sequential(tn.Dense(20, 16), tn.BatchNorm(16), tn.ReLU(), tn.Dropout(0.3), tn.Dense(16, 4), seed=seed)


OPTIMIZERS = [
    lambda: tn.SGD(0.1, momentum=0.9),
    lambda: tn.Adam(tn.schedules.cosine(0.01, 60)),
    lambda: tn.Averaged(tn.Clipped(tn.AdamW(0.01), 0.5), 0.9),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_steps_by_hand_are_the_steps_of_fit(small_data, make):
    fitted, by_hand = with_norm(), with_norm()
    tn.fit(fitted, small_data[0], optimizer=make(), epochs=2, batch_size=100, seed=5, threads=1)
    trainer = tn.Trainer(by_hand, optimizer=make(), seed=5)
    for epoch in range(2):
        for x, labels in tn.data.batches(small_data[0], 100, seed=5, epoch=epoch):
            trainer.step(x, labels)
    assert trainer.state.step == 12
    np.testing.assert_array_equal(by_hand.statistics_vector, fitted.statistics_vector)
    theta = trainer.optimizer.result(trainer.state.theta, trainer.state.optimizer)
    np.testing.assert_array_equal(theta, fitted.theta)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_several_fits_train_as_one(small_data, make):
    whole, parts = with_norm(), with_norm()
    history = tn.fit(whole, small_data[0], validation=small_data[1], optimizer=make(), epochs=5, batch_size=100)
    trainer = tn.Trainer(parts, optimizer=make())
    for epochs in (2, 1, 2):
        last = trainer.fit(small_data[0], validation=small_data[1], epochs=epochs, batch_size=100)
    np.testing.assert_array_equal(parts.theta, whole.theta)
    np.testing.assert_array_equal(parts.statistics_vector, whole.statistics_vector)
    assert last["epoch"] == [1, 2, 3, 4, 5]
    assert last["validation_loss"] == history["validation_loss"]


def test_batch_norm_is_ready_for_inference_after_steps_by_hand(small_data):
    """The fault of a loop over loss_and_gradient: the running statistics never moved, and evaluation was far off."""
    train, _ = small_data
    trainer = tn.Trainer(with_norm(), optimizer=tn.Adam(0.01))
    for step in range(200):
        rows = slice(step % 6 * 100, step % 6 * 100 + 100)
        loss, accuracy = trainer.step(train.images[rows], train.labels[rows])
    measured = tn.evaluate(trainer.model, train)
    assert measured.loss < loss + 0.05
    assert measured.accuracy > accuracy - 0.05


def test_each_step_has_masks_of_its_own():
    model = tn.Sequential(tn.Dropout(0.5), tn.Dense(64, 2))
    trainer = tn.Trainer(model, optimizer=tn.SGD(1e-30))  # the parameters stand still: only the masks differ
    x, labels = np.ones((10, 64), "float32"), np.arange(10) % 2
    losses = [trainer.step(x, labels).loss for _ in range(20)]
    assert len(set(losses)) == 20
    assert [tn.Trainer(model, optimizer=tn.SGD(1e-30)).step(x, labels).loss for _ in range(2)] == [losses[0]] * 2


def test_steps_and_fits_may_alternate(small_data):
    train, _ = small_data
    trainer = tn.Trainer(small_model(), optimizer=tn.SGD(0.1))
    trainer.step(train.images[:50], train.labels[:50])
    history = trainer.fit(train, epochs=2, batch_size=100)  # an epoch has all of its batches, whatever was before
    assert trainer.state.step == 1 + 12
    assert history["running_accuracy"][-1] > 0.5


def test_parameters_that_were_loaded_after_a_fit_are_trained_on(small_data):
    """Averaged leaves an average in the model, but whoever writes other parameters there means these."""
    trainer = tn.Trainer(small_model(), optimizer=tn.Averaged(tn.SGD(0.1), 0.9))
    trainer.fit(small_data[0], epochs=1, batch_size=100)
    other = small_model(seed=9).theta
    trainer.model.theta = other
    trainer.optimizer.learning_rate = 1e-30
    trainer.step(small_data[0].images, small_data[0].labels)
    np.testing.assert_allclose(trainer.state.theta, other, rtol=1e-6, atol=1e-20)


def test_pixels_are_scaled_as_in_fit():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 20)).astype("uint8")
    labels = np.arange(60) % 4
    raw, scaled = tn.Trainer(small_model()), tn.Trainer(small_model())
    assert raw.step(pixels, labels) == scaled.step(pixels / np.float32(255), labels)


def test_a_regression_has_no_accuracy():
    x = np.linspace(0, 1, 30, dtype="float32").reshape(10, 3)
    loss, accuracy = tn.Trainer(tn.Sequential(tn.Dense(3, 1)), loss=tn.MeanSquaredError()).step(x, x[:, :1])
    assert np.isfinite(loss)
    assert np.isnan(accuracy)


def test_a_step_on_another_device_reads_nothing_but_its_loss(small_data):
    train, _ = small_data
    there, here = tn.Trainer(with_norm(), device=strict.device), tn.Trainer(with_norm())
    for trainer in (there, here):
        for _ in range(3):
            last = trainer.step(train.images[:100], train.labels[:100])
    np.testing.assert_allclose(there.state.theta.get(), here.state.theta, rtol=1e-5, atol=1e-6)
    assert np.isfinite(last.loss)


def test_float16_scales_its_loss(small_data):
    train, _ = small_data
    trainer = tn.Trainer(small_model(), precision="float16", optimizer=tn.Adam(0.01))
    losses = [trainer.step(train.images[:200], train.labels[:200]).loss for _ in range(30)]
    assert trainer.state.optimizer["loss_scale"][0] > 1
    assert losses[-1] < 0.7 * losses[0]


def test_a_trainer_resumes(small_data, tmp_path):
    pytest.importorskip("filelock")
    whole = with_norm()
    tn.Trainer(whole, optimizer=tn.Adam(0.01)).fit(small_data[0], epochs=4, batch_size=100)
    for epochs in (2, 4):  # a new process would make a new Trainer
        parts = with_norm()
        trainer = tn.Trainer(parts, optimizer=tn.Adam(0.01))
        history = trainer.fit(small_data[0], epochs=epochs, batch_size=100, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(parts.theta, whole.theta)
    assert history["epoch"] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="expected no run in this folder, got one at step 24"):
        tn.Trainer(with_norm()).fit(small_data[0], checkpoint=Checkpoints(tmp_path))


# Errors --------------------------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_before_the_update():
    model = tn.Sequential(tn.Dense(3, 2))
    trainer = tn.Trainer(model, optimizer=tn.SGD(0.5))
    trainer.step(np.ones((4, 3), "float32"), np.zeros(4, int))
    before = model.theta.copy()
    with pytest.raises(tn.DivergenceError, match=r"the loss was (nan|inf) in step 1, at learning rate 0.5; try a"):
        trainer.step(np.full((4, 3), 3e38, "float32"), np.zeros(4, int))
    np.testing.assert_array_equal(model.theta, before)
    assert trainer.state.step == 1


def test_a_model_that_was_moved_is_refused(small_data):
    trainer = tn.Trainer(small_model())
    trainer.model.to(strict.device)
    with pytest.raises(tn.DeviceError, match="Trainer: expected the model on cpu, got .*; make a new Trainer after"):
        trainer.step(*small_data)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: tn.Trainer(small_model(), seed=-1), ValueError, "seed: expected a whole number"),
        (lambda: tn.Trainer(small_model(), precision="int8"), ValueError, "precision: expected one of float32, tf32"),
        (lambda: tn.Trainer(small_model(), device="tpu"), tn.DeviceError, "expected 'auto', 'cpu', 'gpu'"),
        (lambda: tn.Trainer(small_model()).step(np.ones((2, 7)), np.zeros(2, int)), tn.ShapeError, "expected x of sha"),
        (lambda: tn.Trainer(small_model()).step(np.ones((2, 20)), np.full(2, 4)), tn.DataError, "labels from 0 to 3"),
        (lambda: tn.Trainer(small_model()).fit((np.ones((2, 20)), np.zeros(2, int)), epochs=0), ValueError, "epochs: "),
    ],
)
def test_what_does_not_fit_is_refused(use, error, message):
    with pytest.raises(error, match=message):
        use()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(optimizer="adam"), r"fit: optimizer: expected an instance of Optimizer, got 'adam'; write tn.Adam\(\)"),
        (dict(optimizer=tn.SGD), "fit: optimizer: expected an instance of Optimizer, got <class .*SGD'>"),
        (dict(loss="mse"), r"fit: loss: expected an instance of Loss, got 'mse'; write tn.MeanSquaredError\(\)"),
    ],
)
def test_a_loss_and_an_optimizer_are_objects_not_names(arguments, message):
    with pytest.raises(TypeError, match=message):
        tn.Trainer(tn.Sequential(tn.Dense(2, 2)), **arguments)


def test_steps_by_hand_keep_what_a_model_knows_of_its_data(small_data):
    model = small_model()
    tn.fit(model, small_data[0].standardize(), epochs=1)
    known = model.preprocessing
    assert known.class_names == ("north", "east", "south", "west")
    tn.Trainer(model).step(small_data[0].images[:50], small_data[0].labels[:50])
    assert model.preprocessing == known
