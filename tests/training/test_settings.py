"""Another run is refused, the same run is resumed, and what cannot be compared is named."""

import functools
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.models import small_model
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.layers.base import Layer
from tinynet.training.checkpoints import VERSION, Checkpoints
from tinynet.training.config import RunConfig
from tinynet.training.settings import fingerprint, settings_of

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

s = tn.schedules


def falling(step):
    return 0.1 / (1 + step)


def steep(step):
    return 0.1 / (1 + 2 * step)


def unchanged(pictures, lanes):
    return pictures


def darker(pictures, lanes):
    return pictures * 0.5


class Darker:
    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, pictures, lanes):
        return pictures * self.factor


class Times(Layer):
    """A layer of one's own that does not name its argument: its repr is always Times()."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def forward(self, x, context):
        factor = x.dtype.type(self.factor)
        return x * factor, lambda dy, grads: dy * factor


class Cautious(tn.SGD):
    """An optimizer of one's own whose repr is that of its base."""

    def __init__(self, learning_rate, brake=0.5):
        super().__init__(learning_rate)
        self.brake = brake

    def move(self, theta, gradient, state, rate):
        super().move(theta, gradient, state, self.brake * rate)


class Scaled(tn.MeanSquaredError):
    """A loss of one's own that does not name its argument."""

    def __init__(self, factor=1.0):
        self.factor = factor


def mask(number=0):
    chosen = small_model().mask()
    chosen[:number] = 0
    return chosen


def closure(rate):
    return lambda step: rate


def model(factor=1.0, **arguments):
    return tn.Sequential(tn.Dense(20, 16), Times(factor), tn.ReLU(), tn.Dense(16, 4), **arguments)


def run(data, folder, resume=False, network=small_model, epochs=1, **changes):
    usual = dict(batch_size=100, progress=False, threads=1, optimizer=tn.SGD(0.1))
    train = data[0] if len(data[0].image_shape) > 1 else replace(data[0], image_shape=(4, 5))  # for transforms
    return tn.fit(network(), train, checkpoint=folder, resume=resume, epochs=epochs, **{**usual, **changes})


def with_optimizer(*optimizers):
    return [{"optimizer": optimizer} for optimizer in optimizers]


PAIRS = {  # settings, others that the run must not be resumed with, and what the message names
    "constants": (*with_optimizer(tn.SGD(0.1), tn.SGD(0.1000000001)), "optimizer SGD"),
    "the mask": (*with_optimizer(tn.AdamW(0.1, mask=mask()), tn.AdamW(0.1)), "optimizer.mask None, got an array of"),
    "no mask": (*with_optimizer(tn.AdamW(0.1), tn.AdamW(0.1, mask=mask())), "optimizer.mask an array of .*, got None"),
    "another mask": (*with_optimizer(tn.AdamW(0.1, mask=mask()), tn.AdamW(0.1, mask=mask(99))), "optimizer.mask an"),
    "its default": (*with_optimizer(tn.AdamW(0.1), tn.AdamW(0.1, weight_decay=0)), "optimizer AdamW"),
    "a rounded number": (*with_optimizer(tn.Clipped(tn.SGD(0.1), 1), tn.Clipped(tn.SGD(0.1), 1.0000001)), "optimizer"),
    "a function": (*with_optimizer(tn.SGD(falling), tn.SGD(steep)), "optimizer SGD"),
    "its arguments": (
        *with_optimizer(tn.SGD(functools.partial(pow, 0.1)), tn.SGD(functools.partial(pow, 0.2))), "optimizer",
    ),
    "an optimizer of one's own": (*with_optimizer(Cautious(0.1), Cautious(0.1, 0.4)), "optimizer.brake 0.4, got 0.5"),
    "a transform": ({"transforms": [unchanged]}, {"transforms": [darker]}, "transforms"),
    "a transform's argument": ({"transforms": [Darker()]}, {"transforms": [Darker(0.4)]}, r"transforms\[0\].factor"),
    "a layer's argument": ({"network": model}, {"network": lambda: model(3.0)}, r"model\[1\].factor 3.0, got 1.0"),
    "the dtype": ({"network": model}, {"network": lambda: model(dtype="float64")}, "model.dtype float64, got float32"),
    "shared layers": (
        {"network": lambda: tn.Sequential(*[tn.Dense(20, 20)] * 2, tn.Dense(20, 4))},
        {"network": lambda: tn.Sequential(tn.Dense(20, 20), tn.Dense(20, 20), tn.Dense(20, 4))},
        "model.shapes",
    ),
    "class weights": (
        {"loss": tn.SoftmaxCrossEntropy(0, [1, 1, 1, 1 + 1e-11])}, {"loss": tn.SoftmaxCrossEntropy(0, [1, 1, 1, 2])},
        "loss Soft",
    ),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("resume", [True, "trust"])
def test_another_run_is_refused(resume, pair, small_data, tmp_path):
    these, others, message = PAIRS[pair]
    run(small_data, tmp_path, **these)
    with pytest.raises(
        ValueError, match=f"expected {message}.*; resume with the same settings, or name another folder"
    ):
        run(small_data, tmp_path, resume, **others)
    run(small_data, tmp_path / "another folder", resume, **others)
    assert len(run(small_data, tmp_path, resume, epochs=2, **these)) == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda x, y: (x, np.roll(y, 1)),
        lambda x, y: (x, y.astype("int32")),
        lambda x, y: (x + np.float32(1e-6) * (np.arange(20) == 7), y),
        lambda x, y: (x[::-1], y[::-1]),
        lambda x, y: (x.reshape(-1, 4, 5), y),
        lambda x, y: (x.astype("float64"), y),
        lambda x, y: (x[:-1], y[:-1]),
        lambda x, y: (x, y.astype("float32")),
    ],
    ids=["labels", "labels' dtype", "a number", "order", "shape", "dtype", "fewer", "targets"],
)
def test_the_fingerprint_of_data_covers_images_and_labels(other):
    x = np.random.default_rng(0).normal(size=(30, 20)).astype("float32")
    y = np.arange(30) % 4
    data = tn.data.from_arrays(x, y)
    assert fingerprint(tn.data.from_arrays(*other(x, y))) != fingerprint(data)
    assert fingerprint(tn.data.from_arrays(np.asfortranarray(x), y.copy())) == fingerprint(data)
    scales = {fingerprint(replace(data, mean=m, deviation=d)) for m, d in ((0, 1), (0.5, 1), (0, 0.5), (0.5, 0.5))}
    assert len(scales) == 4


def test_pictures_of_another_shape_are_another_run(small_data, tmp_path):
    """The arrays are equal, and the transforms see other pictures."""
    shapes = {(4, 5): tmp_path / "a", (2, 10): tmp_path / "b"}
    sets = {shape: tn.data.Dataset(small_data[0].images, small_data[0].labels, image_shape=shape) for shape in shapes}
    usual = dict(transforms=[tn.data.HorizontalFlip()])
    run([sets[4, 5]], tmp_path, **usual)
    with pytest.raises(ValueError, match=r"expected picture_shape\[0\] 2, got 4"):
        run([sets[2, 10]], tmp_path, True, **usual)
    run([sets[4, 5]], tmp_path, True, **usual)


SAME = {
    "a function": {"transforms": [unchanged]},
    "an object": {"transforms": [Darker()]},
    "a partial function": {"transforms": [functools.partial(unchanged)]},
    "a schedule of one's own": {"optimizer": tn.SGD(falling)},
    "an optimizer of one's own": {"optimizer": Cautious(0.1)},
    "a mask": {"optimizer": tn.Clipped(tn.AdamW(0.1, mask=mask()))},
    "a layer of one's own": {"network": lambda: model(2.0)},
    "other initial weights": {
        "network": lambda: model(seed=int.from_bytes(np.random.default_rng().bytes(4), "little"))
    },
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_run_is_resumed(name, small_data, tmp_path):
    run(small_data, tmp_path, **SAME[name])
    assert len(run(small_data, tmp_path, True, epochs=2, **SAME[name])) == 2


def test_a_run_is_resumed_in_another_process(tmp_path):
    """Addresses differ there, and so does the order of sets."""
    program = """
import sys, numpy as np, tinynet as tn
class Own:
    def __init__(self): self.names = {"a", "b", "c", "d"}
    def __call__(self, pictures, lanes): return pictures
def own(pictures, lanes):
    return pictures if "x" in {"x", "y", "z"} else None
data = tn.data.from_arrays(np.ones((60, 4, 5), "float32"), np.arange(60) % 4, flatten=True)
history = tn.fit(tn.Sequential(tn.Dense(20, 4)), data, epochs=int(sys.argv[2]), progress=False, checkpoint=sys.argv[1],
                 resume=True, transforms=[own, Own()], optimizer=tn.AdamW(0.1, mask=np.ones(96, "float32")))
print(len(history))
"""
    (tmp_path / "train.py").write_text(program)
    for command in ([tmp_path / "train.py"], ["-c", program]):
        for epochs in (1, 2, 3):
            folder = tmp_path / str(len(command))
            assert python(*command, folder, epochs, check=True, PYTHONHASHSEED=str(epochs)).stdout == f"{epochs}\n"


def local(pictures_of):
    def transform(pictures, lanes):
        return pictures_of(pictures)

    return transform


UNKNOWN = {
    "a lambda": (
        {"optimizer": tn.SGD(lambda step: 0.1)},
        {"optimizer": tn.SGD(lambda step: 5.0)},
        "optimizer.learning_",
    ),
    "the same lambda": (
        *[{"optimizer": tn.SGD(rate := (lambda step: 0.1))}] * 2,
        "optimizer.learning_rate, .*a lambda",
    ),
    "a closure": (
        {"optimizer": tn.SGD(closure(0.1))},
        {"optimizer": tn.SGD(closure(0.1))},
        "optimizer.learning_rate, ",
    ),
    "inside": (
        *[{"optimizer": tn.Clipped(tn.SGD(s.warm_up(lambda step: 0.1, 3)))}] * 2,
        "optimizer.optimizer.learning_",
    ),
    "a transform": (
        *[{"transforms": [unchanged, local(abs)]}] * 2,
        r"transforms\[1\], .*transform, a function that uses",
    ),
    "a lambda that is now a function": (
        *with_optimizer(tn.SGD(lambda step: 0.1), tn.SGD(falling)),
        "in the checkpoint",
    ),
    "a function that is now a lambda": (
        *with_optimizer(tn.SGD(falling), tn.SGD(lambda step: 0.1)),
        "<lambda>, a lambda",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_compared_is_named_and_the_advice_works(name, small_data, tmp_path):
    these, others, message = UNKNOWN[name]
    run(small_data, tmp_path, **these)
    remedy = 'if they are those that the run began with, say so with resume="trust"'
    with pytest.raises(ValueError, match=f"expected settings that can be compared, got .*{message}.*; {remedy}"):
        run(small_data, tmp_path, True, **others)
    assert len(run(small_data, tmp_path, "trust", epochs=2, **others)) == 2


def test_what_cannot_be_compared_is_said_to_be_in_the_checkpoint_or_here(small_data, tmp_path):
    for first, then, there in [
        (lambda step: 0.1, falling, True),
        (falling, lambda step: 0.1, False),
        (lambda step: 0.1, lambda step: 0.1, False),
    ]:
        run(small_data, tmp_path / str(there), optimizer=tn.SGD(first), resume=False)
        with pytest.raises(ValueError, match="settings that can be compared, got") as told:
            run(small_data, tmp_path / str(there), True, optimizer=tn.SGD(then))
        assert ("(in the checkpoint); if they" in str(told.value)) is there
        assert "XX" not in str(told.value)
        shutil.rmtree(tmp_path / str(there))


def test_the_words_in_files_stay_as_they_are(small_data):
    """Other words would refuse the checkpoints of earlier versions."""
    config = RunConfig(small_data[0], 100, tn.backend.arrays.CPU)
    found = settings_of(small_model(), tn.SGD(0.1), tn.SoftmaxCrossEntropy(), config, 0).identities
    assert list(found) == [
        "model", "optimizer", "loss", "seed", "precision", "batch_size", "data", "transforms", "picture_shape",
    ]  # fmt: skip
    assert list(found["model"]) == ["type", "layers", "dtype", "shapes"]
    assert (found["model"]["type"], found["model"]["shapes"]["type"]) == ("model", "shapes")
    assert found["model"]["dtype"] == "float32"
    assert found["model"]["shapes"]["0.weight"] == [20, 16]


def test_trust_is_not_for_what_can_be_compared(small_data, tmp_path):
    run(small_data, tmp_path, optimizer=tn.SGD(lambda step: 0.1, momentum=0.5))
    with pytest.raises(
        ValueError, match=re.escape("expected optimizer SGD(<lambda>), got SGD(<lambda>, momentum=0.5)")
    ):
        run(small_data, tmp_path, "trust", optimizer=tn.SGD(lambda step: 0.1))


@pytest.mark.parametrize("wrong", ["yes", "True", 2, None, "Trust"])
def test_another_word_for_resume_is_refused(wrong, small_data, tmp_path):
    with pytest.raises(ValueError, match='fit: resume: expected True, False or "trust", got .*; try resume=True'):
        run(small_data, tmp_path, wrong)
    run(small_data, tmp_path, True)
    run(small_data, tmp_path, np.True_)


# Format 1: reprs -----------------------------------------------------------------------------------------------------


def in_format_1(folder, optimizer_repr=None, transforms_repr="[]", keep=lambda name: True):
    """Rewrite the newest checkpoint as version 0.1.0 would have written it."""
    path = Checkpoints(folder).path(Checkpoints(folder).steps()[-1])
    arrays, about, _ = read_arrays(path, "checkpoint", VERSION)
    identities = about.pop("settings")
    texts = about.pop("texts")
    plain = {name: identities[name] for name in ("seed", "precision", "batch_size", "data")}
    about["settings"] = {**texts, **plain, "transforms": transforms_repr}
    if optimizer_repr:
        about["settings"]["optimizer"] = optimizer_repr
    write_arrays(path, "checkpoint", 1, {name: values for name, values in arrays.items() if keep(name)}, about)


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (tn.SGD(0.1, momentum=0.9, nesterov=True), "SGD(0.1, momentum=0.9, nesterov=True)"),
        (tn.AdamW(0.1), "AdamW(0.1, weight_decay=0.01)"),
        (tn.AdamW(0.1, weight_decay=0), "AdamW(0.1)"),
        (tn.AdamW(0.1, 0.8, 0.9, 1e-6, 0), "AdamW(0.1, beta1=0.8, beta2=0.9, epsilon=1e-06)"),
        (tn.AdamW(s.constant(0.1), mask=mask()), "AdamW(constant(rate=0.1), weight_decay=0.01)"),
        (tn.Clipped(tn.AdamW(0.1, weight_decay=0), 1.0000001), "Clipped(AdamW(0.1), norm=1)"),
        (
            tn.Averaged(tn.Clipped(tn.Nadam(0.1, epsilon=1e-7)), 0.99999999),
            "Averaged(Clipped(Nadam(0.1, epsilon=1e-07), norm=1), decay=1)",
        ),
        (tn.RMSprop(), "RMSprop(0.01)"),
        (tn.SGD(falling), "SGD(falling)"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_run_of_format_1_resumes_by_the_reprs_of_that_version(optimizer, text, small_data, tmp_path):
    run(small_data, tmp_path, optimizer=optimizer)
    in_format_1(tmp_path, text)
    assert len(run(small_data, tmp_path, True, epochs=2, optimizer=optimizer)) == 2
    in_format_1(tmp_path, text)
    with pytest.raises(ValueError, match=re.escape(f"got {text}; resume with the same settings")):
        run(small_data, tmp_path, True, optimizer=tn.Adam(0.1))


def test_float16_in_format_1(small_data, tmp_path):
    usual = dict(optimizer=tn.AdamW(0.01, weight_decay=0), precision="float16")
    run(small_data, tmp_path, **usual)
    in_format_1(tmp_path, "LossScaled(AdamW(0.01))")
    assert len(run(small_data, tmp_path, True, epochs=2, **usual)) == 2


def test_an_address_in_format_1_is_no_difference(small_data, tmp_path):
    usual = dict(transforms=[unchanged, Darker()])
    run(small_data, tmp_path, **usual)
    other = "[<function unchanged at 0x7f0000000000>, <tests.training.test_settings.Darker object at 0x7f1111111111>]"
    in_format_1(tmp_path, transforms_repr=other)
    assert len(run(small_data, tmp_path, True, epochs=2, **usual)) == 2


def test_a_lambda_in_format_1_needs_trust(small_data, tmp_path):
    usual = dict(optimizer=tn.SGD(lambda step: 0.1))
    run(small_data, tmp_path, **usual)
    in_format_1(tmp_path)
    with pytest.raises(ValueError, match='say so with resume="trust"'):
        run(small_data, tmp_path, True, **usual)
    assert len(run(small_data, tmp_path, "trust", epochs=2, **usual)) == 2


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (tn.AdamW(0.1, mask=mask()), tn.AdamW(0.1), "got also optimizer.mask"),
        (tn.AdamW(0.1, mask=mask()), tn.AdamW(0.1, mask=mask(99)), "expected the mask of this optimizer, got another"),
    ],
)
def test_the_mask_in_format_1_is_compared_though_its_reprs_are_equal(before, after, message, small_data, tmp_path):
    run(small_data, tmp_path, optimizer=before)
    in_format_1(tmp_path, "AdamW(0.1, weight_decay=0.01)")
    with pytest.raises(ValueError, match=f"{message}.*; resume with the same settings"):
        run(small_data, tmp_path, True, optimizer=after)


def test_a_model_of_another_dtype_in_format_1(small_data, tmp_path):
    run(small_data, tmp_path)
    in_format_1(tmp_path)
    with pytest.raises(ValueError, match="expected a model of dtype float64, got float32"):
        run(small_data, tmp_path, True, network=lambda: small_model(dtype="float64"))


def test_the_file_of_version_0_1_0_is_compared_too(small_data, tmp_path):
    """It resumes: test_checkpoints_of_older_versions.py. With other settings it does not."""
    shutil.copyfile(
        Path(__file__).parents[1] / "files/checkpoint-1.safetensors", tmp_path / "step-000000013.safetensors"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="expected model Sequential.*, got Sequential.BatchNorm.20., Dense"):
            run(small_data, tmp_path, True)


# Every public part ---------------------------------------------------------------------------------------------------


def test_everything_that_the_library_offers_can_be_compared(small_data):
    """Including what is added later: its arguments are attributes of the same names."""
    own = {tn.SGD: (0.1,), tn.Clipped: (tn.SGD(0.1),), tn.Averaged: (tn.SGD(0.1),)}
    parts = {"optimizers": tn.optimizers, "losses": tn.losses, "transforms": tn.data.transforms}
    found = 0
    for name, module in parts.items():
        for cls in vars(module).values():
            base = {"optimizers": tn.Optimizer, "losses": tn.losses.Loss}.get(name, object)
            public = isinstance(cls, type) and issubclass(cls, base) and cls.__module__.startswith(module.__name__)
            if not public or cls in (base, tn.optimizers.Wrapper):
                continue
            value = cls(*own.get(cls, ()))
            config = RunConfig(small_data[0], 10, tn.backend.arrays.CPU, [value] if name == "transforms" else [])
            optimizer = value if name == "optimizers" else tn.SGD(0.1)
            loss = value if name == "losses" else tn.SoftmaxCrossEntropy()
            identities = settings_of(small_model(), optimizer, loss, config, 0).identities
            assert "no identity" not in str(identities), cls
            found += 1
    assert found >= 13
