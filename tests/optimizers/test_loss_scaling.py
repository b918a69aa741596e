"""Loss scaling for float16: the scale follows PyTorch's rule, and steps that overflow are left out."""

import inspect

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.backend.matmul import largest_relative_error, use_precision
from tinynet.layers.base import Context
from tinynet.optimizers.loss_scaling import FIRST, LEAST, PATIENCE, LossScaled
from tinynet.training.callbacks import Callback
from tinynet.training.checkpoints import Checkpoints


def mlp(seed=0):
    return tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dense(16, 4), seed=seed)


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (400, 20), dtype=np.uint8)
    return tn.data.Dataset(images, (images[:, :4].astype(int)).argmax(axis=1), ["a", "b", "c", "d"])


# The scale ----------------------------------------------------------------------------------------------------------


def test_the_scale_moves_as_pytorchs():
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(3)
    gradients = generator.normal(size=(60, 3))
    gradients[[0, 1, 2, 17, 40], 1] = np.inf
    gradients[41, 0] = np.nan
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    theirs = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=FIRST, growth_interval=PATIENCE)

    theta, ours = np.zeros(3), LossScaled(tn.SGD(0.1, momentum=0.9))
    state = ours.start(theta)
    state["loss_scale"][1] = PATIENCE - 5  # near enough to grow
    scaler.scale(torch.zeros(()))  # it makes its tensors when it is first used
    scaler._growth_tracker.fill_(PATIENCE - 5)
    for number, gradient in enumerate(gradients):
        if number == 10:  # and once more, after a few that were finite
            state["loss_scale"][1] = PATIENCE - 3
            scaler._growth_tracker.fill_(PATIENCE - 3)
        assert ours.loss_scale(state) == scaler.get_scale()
        ours.update(theta, gradient * ours.loss_scale(state), state, number)
        parameter.grad = torch.from_numpy(gradient) * scaler.get_scale()
        scaler.step(theirs)
        scaler.update()
    assert ours.loss_scale(state) != FIRST
    np.testing.assert_allclose(theta, parameter.detach().numpy(), rtol=1e-13)  # sums in another order


def test_the_first_scale_and_the_patience_are_pytorchs():
    defaults = inspect.signature(pytest.importorskip("torch").amp.GradScaler).parameters
    assert (defaults["init_scale"].default, defaults["growth_interval"].default) == (FIRST, PATIENCE)


def test_the_scale_and_the_finite_steps_in_a_row_are_counted():
    theta, optimizer = np.zeros(2), LossScaled(tn.SGD(1.0))
    state = optimizer.start(theta)
    assert state["loss_scale"].tolist() == [FIRST, 0]
    good, bad = np.array([FIRST, 0]), np.array([np.inf, 0])
    for gradient, expected in [(good, [FIRST, 1]), (good, [FIRST, 2]), (bad, [FIRST / 2, 0]), (good, [FIRST / 2, 1])]:
        optimizer.update(theta, gradient.copy(), state, 0)
        assert state["loss_scale"].tolist() == expected
    state["loss_scale"][1] = PATIENCE - 1
    optimizer.update(theta, good.copy(), state, 0)
    assert state["loss_scale"].tolist() == [FIRST, 0]
    assert theta.tolist() == [-1 - 1 - 2 - 2, 0]
    assert (optimizer.elementwise, optimizer.recordable, repr(optimizer)) == (False, False, "LossScaled(SGD(1.0))")


def test_without_a_scale_small_gradients_are_lost(pixels):
    """Of a loss that is a 10,000th of the mean, as of examples that are all but learned."""
    x, labels, fraction = pixels.inputs(slice(0, 400), np.dtype("float64")), pixels.labels, 1e-4

    def gradient(dtype, precision, scale=1.0):
        model = tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dense(16, 4), seed=0, dtype=dtype)
        vector = np.zeros_like(model.theta)
        with use_precision(CPU, precision):
            outputs, backward = model.forward(x.astype(dtype), Context(training=True))
            backward(tn.SoftmaxCrossEntropy().measure(outputs, labels, fraction * scale)[2], model.views(vector))
        return vector / scale

    exact = gradient("float64", "float32")
    lost, kept = (
        np.linalg.norm(gradient("float32", "float16", scale) - exact) / np.linalg.norm(exact) for scale in (1.0, FIRST)
    )
    assert kept < 2e-3 < 2e-2 < lost


def test_overflowing_steps_are_left_out(pixels):
    """A batch of one example: gradients of about 1, which the first scale takes beyond 65504."""
    model, optimizer = mlp(), tn.SGD(0.01)
    few = pixels.subset(slice(0, 40))
    half = tn.fit(model, few, optimizer=optimizer, epochs=3, batch_size=1, precision="float16")
    full = tn.fit(mlp(), few, optimizer=optimizer, epochs=3, batch_size=1)
    assert half["running_loss"] == pytest.approx(full["running_loss"], rel=0.02)
    assert np.isfinite(model.theta).all()


def test_nothing_but_rounding_is_seen_of_it(pixels):
    for optimizer in (tn.SGD(0.1, momentum=0.9), tn.Adam(0.003), tn.Clipped(tn.AdamW(0.003)), tn.Averaged(tn.SGD(0.1))):
        half, full = (
            tn.fit(mlp(), pixels, optimizer=optimizer, epochs=4, batch_size=50, precision=precision)["running_loss"]
            for precision in ("float16", "float32")
        )
        assert half == pytest.approx(full, rel=20 * largest_relative_error("float16"))


def test_a_run_in_float16_resumes_to_the_same_bits(tmp_path, pixels):
    pytest.importorskip("safetensors")
    settings = dict(batch_size=1, precision="float16", optimizer=tn.Adam(0.003))
    whole, broken = mlp(), mlp()
    tn.fit(whole, pixels.subset(slice(0, 60)), epochs=3, **settings)

    class Stop(Callback):
        steps = 0

        def batch_ends(self, examples, means):
            self.steps += 1
            if self.steps == 90:
                raise KeyboardInterrupt

    keep = dict(checkpoint=Checkpoints(tmp_path, every_steps=7))
    with pytest.raises(KeyboardInterrupt):
        tn.fit(broken, pixels.subset(slice(0, 60)), epochs=3, callbacks=[Stop()], **settings, **keep)
    broken = mlp()
    again = settings | dict(precision="float32")
    with pytest.raises(ValueError, match=r"expected optimizer Adam.*, got LossScaled"):
        tn.fit(broken, pixels.subset(slice(0, 60)), epochs=3, resume=True, **again, **keep)
    tn.fit(broken, pixels.subset(slice(0, 60)), epochs=3, resume=True, **settings, **keep)
    np.testing.assert_array_equal(broken.theta, whole.theta)


def test_what_no_scale_can_save_diverges():
    theta, optimizer = np.zeros(2), LossScaled(tn.SGD(0.1))
    state = optimizer.start(theta)
    for step in range(40):
        assert np.isfinite(theta).all()
        optimizer.update(theta, np.array([np.inf, 1.0]), state, step)
    assert optimizer.loss_scale(state) == LEAST
    optimizer.update(theta, np.array([np.inf, 1.0]), state, 40)
    assert not np.isfinite(theta).all()
