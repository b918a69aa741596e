"""What users of Keras and PyTorch write is refused in their words, and the advice, followed literally, is right."""

import re

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.backend import habits

X = np.random.default_rng(0).normal(size=(120, 20)).astype("float32")
LABELS = (X[:, :4] + 0.1).argmax(axis=1)
TRAIN = tn.data.from_arrays(X, LABELS)


def message_of(use):
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        use()
    return str(caught.value)


def followed(message, **names):
    """The value of the code in the advice of a message: after "write", or after the colon."""
    advice = message.rsplit("; ", 1)[1]
    code = advice.removeprefix("write ") if advice.startswith("write ") else advice.rsplit(": ", 1)[1]
    return eval(code, {**vars(tn), "tn": tn, "model": small_model(), "train": TRAIN, "test": TRAIN, "x": X, **names})


# Attributes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", habits.ATTRIBUTES)
def test_an_attribute_of_other_models_is_refused_with_what_to_write(name):
    with pytest.raises(AttributeError, match=rf"^Sequential: expected an attribute of a model, got \.{name}; "):
        getattr(small_model(), name)
    assert not hasattr(small_model(), name)


def test_what_is_said_for_attributes_works(tmp_path, small_data):
    train, test = small_data
    path = tmp_path / "model.safetensors"

    def advice(name, **names):
        return followed(message_of(lambda: getattr(small_model(), name)), train=train, test=test, path=path, **names)

    layers = [tn.Dense(20, 4), tn.ReLU()]
    assert repr(advice("add", layers=layers)) == "Sequential(Dense(20, 4), ReLU())"
    assert repr(advice("append", layers=[tn.Dense(3, 3)])) == "Sequential(Dense(3, 3))"
    for name in ("fit", "compile"):
        model = small_model()
        assert advice(name, model=model)["running_accuracy"][-1] > 0.5
        assert advice("evaluate", model=model).accuracy == advice("score", model=model) > 0.5
    model = small_model()
    assert followed(message_of(lambda: model.cpu()), model=model) is model
    assert advice("predict_proba", x=X).sum(axis=1) == pytest.approx(np.ones(120), rel=1e-5)
    for name in ("get_weights", "weights", "trainable_variables"):
        assert list(small_model().parameters) == ["0.weight", "0.bias", "3.weight", "3.bias"]
        assert "model.parameters" in habits.ATTRIBUTES[name]
    assert dict(advice("named_parameters"))["0.bias"].shape == (16,)
    assert small_model().parameter_count == 20 * 16 + 16 + 16 * 4 + 4  # count_params
    model = small_model()
    model.parameters["0.weight"][...] = 3  # set_weights
    assert (model[0].weight == 3).all()
    trainer = tn.Trainer(model)  # train_on_batch
    assert np.isfinite(trainer.step(X, LABELS).loss)


def test_weights_are_saved_and_loaded_as_the_advice_says(tmp_path):
    pytest.importorskip("safetensors")
    path, model = tmp_path / "model.safetensors", small_model(seed=5)
    followed(message_of(lambda: model.save_weights(path)), model=model, path=path)
    other = small_model()
    followed(message_of(lambda: other.load_state_dict({})), model=other, path=path)
    np.testing.assert_array_equal(other.theta, model.theta)


@pytest.mark.gpu
def test_a_model_moves_to_the_gpu_as_the_advice_says():
    model = small_model()
    assert followed(message_of(lambda: model.cuda()), model=model).device.name.startswith("gpu")


def test_training_and_inference_need_no_switch(small_data):
    """ "leave it out": dropout is off in model(x) and on in a step, whatever came before."""
    model = small_model()
    for name in ("eval", "train", "zero_grad"):
        assert "leave it out" in message_of(lambda name=name: getattr(model, name)())
    first = model(X)
    tn.Trainer(model, optimizer=tn.SGD(1e-30)).step(X, LABELS)
    np.testing.assert_array_equal(model(X), first)


def test_parameters_are_read_without_parentheses():
    model = small_model()
    for owner in (model, model[0]):
        message = message_of(lambda owner=owner: tn.SGD(owner.parameters(), lr=0.1))
        assert "write model.parameters without parentheses" in message
        assert isinstance(owner.parameters, dict)
    assert np.shares_memory(model.parameters["0.weight"], model.theta)


def test_other_missing_attributes_are_named():
    with pytest.raises(AttributeError, match="^'Sequential' object has no attribute 'fits'$"):
        small_model().fits  # noqa: B018


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", habits.NAMES)
def test_each_name_leads_to_what_is_written_here(name):
    made = followed("; " + habits.written_here(name))
    assert isinstance(made, (tn.Layer, tn.Loss, tn.Optimizer))


@pytest.mark.parametrize(
    "name", ["Linear", "Conv2d", "MaxPool2d", "BatchNorm2d", "CrossEntropyLoss", "MSELoss", "BCEWithLogitsLoss"]
)
def test_names_of_pytorch_in_the_module(name):
    message = message_of(lambda: getattr(tn, name))
    assert message.startswith(f"module 'tinynet' has no attribute '{name}'; write tn.")
    assert isinstance(followed(message), (tn.Layer, tn.Loss))


class Adam:
    """An optimizer of another library."""


OPTIMIZERS = {
    "adam": "Adam(0.001)",
    "SGD": "SGD(0.1)",
    "rmsprop": "RMSprop(0.01)",
    tn.Adam: "Adam(0.001)",
    Adam(): "Adam(0.001)",
}


@pytest.mark.parametrize("given", OPTIMIZERS)
def test_an_optimizer_by_name_is_refused_with_the_object(given):
    uses = [
        lambda **arguments: tn.fit(small_model(), TRAIN, epochs=1, **arguments),
        lambda **arguments: tn.Trainer(small_model(), **arguments),
        lambda **arguments: tn.find_learning_rate(small_model(), TRAIN, steps=10, **arguments),
    ]
    for use in uses:
        message = message_of(lambda use=use: use(optimizer=given))
        assert re.match(r"\w+: optimizer: expected an instance of Optimizer, got ", message)
        assert repr(followed(message)) == OPTIMIZERS[given]
        use(optimizer=followed(message))
    for use in (tn.Clipped, tn.Averaged, tn.gradcheck.check_optimizer):
        assert repr(followed(message_of(lambda use=use: use(given)))).startswith(OPTIMIZERS[given][:3])


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        ("mse", "MeanSquaredError()"),
        ("mean_squared_error", "MeanSquaredError()"),
        ("crossentropy", "SoftmaxCrossEntropy()"),
        ("sparse_categorical_crossentropy", "SoftmaxCrossEntropy()"),
        ("binary_crossentropy", "BinaryCrossEntropy()"),
        (tn.BinaryCrossEntropy, "BinaryCrossEntropy()"),
    ],
)
def test_a_loss_by_name_is_refused_with_the_object(given, loss):
    targets = {"MeanSquaredError()": X[:, :4], "BinaryCrossEntropy()": (X[:, :4] > 0).astype("float32")}
    data = (X, targets.get(loss, LABELS))
    uses = [
        lambda **arguments: tn.fit(small_model(), data, epochs=1, **arguments),
        lambda **arguments: tn.evaluate(small_model(), data, **arguments),
        lambda **arguments: tn.find_learning_rate(small_model(), data, steps=10, **arguments),
        lambda **arguments: tn.Trainer(small_model(), **arguments).step(*data),
    ]
    for use in uses:
        message = message_of(lambda use=use: use(loss=given))
        assert repr(followed(message)) == loss
        use(loss=followed(message))


@pytest.mark.parametrize("empty", ["", 0, False, [], {}])
def test_an_empty_value_is_no_loss_and_no_optimizer(empty):
    for name in ("loss", "optimizer"):
        with pytest.raises(TypeError, match=f"fit: {name}: expected an instance of "):
            tn.fit(small_model(), TRAIN, **{name: empty})


# Sequential ----------------------------------------------------------------------------------------------------------


def test_layers_of_a_model():
    layers = [tn.Dense(20, 4)]
    message = message_of(lambda: tn.Sequential(layers))
    assert message == "Sequential: expected layers, got list; pass them one by one: Sequential(*layers)"
    assert repr(followed(message, layers=layers)) == "Sequential(Dense(20, 4))"
    for given, layer in [("relu", tn.ReLU), (tn.Tanh, tn.Tanh), (type("Linear", (), {})(), tn.Dense)]:
        code = message_of(lambda given=given: tn.Sequential(tn.Dense(20, 4), given))
        assert isinstance(followed(code), layer)
    assert message_of(lambda: tn.Sequential(tn.Dense(20, 4), None)).endswith("got None; leave it out")
    assert "make it a class derived from Layer" in message_of(lambda: tn.Sequential(np.sin))


# Arguments -----------------------------------------------------------------------------------------------------------

DENSE = "write Dense(inputs, outputs), such as Dense(784, 10)"
CONV = "write Conv2D(inputs, outputs), such as Conv2D(3, 16) for RGB pictures"
FIRST = "leave it out: the number of inputs comes first, as in Dense(784, 10) or Conv2D(3, 16)"
RELU = "put the activation after the layer, as a layer of its own: tn.ReLU()"
# (what is refused, the advice, the call that follows it, what comes of it)
CONSTRUCTORS = [
    (lambda: tn.Dense(10), DENSE, lambda: tn.Dense(784, 10), "Dense(784, 10)"),
    (lambda: tn.Dense(units=10), DENSE, lambda: tn.Dense(784, 10), "Dense(784, 10)"),
    (lambda: tn.Dense(10, "relu"), DENSE, lambda: tn.Dense(784, 10), "Dense(784, 10)"),
    (lambda: tn.Dense(8, 4, activation="relu"), RELU, lambda: tn.ReLU(), "ReLU()"),
    (lambda: tn.Conv2D(3, 8, activation=tn.ReLU), RELU, lambda: tn.ReLU(), "ReLU()"),
    (lambda: tn.Dense(in_features=8, out_features=4), "write inputs=8",
     lambda: tn.Dense(inputs=8, outputs=4), "Dense(8, 4)"),
    (lambda: tn.Dense(inputs=8, out_features=4), "write outputs=4",
     lambda: tn.Dense(inputs=8, outputs=4), "Dense(8, 4)"),
    (lambda: tn.Dense(3, 2, kernel_initializer="zeros"), "write weight='zeros'",
     lambda: tn.Dense(3, 2, weight="zeros"), "Dense(3, 2)"),
    (lambda: tn.Dense(8, input_shape=(10,)), FIRST, lambda: tn.Dense(784, 10), "Dense(784, 10)"),
    (lambda: tn.Dense(8, 4, use_bias=True), "leave it out: each output has a bias, 0 at first",
     lambda: tn.Dense(8, 4), "Dense(8, 4)"),
    (lambda: tn.Conv2D(16), CONV, lambda: tn.Conv2D(3, 16), "Conv2D(3, 16)"),
    (lambda: tn.Conv2D(filters=16, kernel_size=3), CONV, lambda: tn.Conv2D(3, 16), "Conv2D(3, 16)"),
    (lambda: tn.Conv2D(1, 2, strides=2), "write stride=2", lambda: tn.Conv2D(1, 2, stride=2), "Conv2D(1, 2, stride=2)"),
    (lambda: tn.MaxPool2D(kernel_size=3), "write pool_size=3", lambda: tn.MaxPool2D(pool_size=3),
     "MaxPool2D(pool_size=3)"),
    (lambda: tn.AveragePool2D(strides=3), "write stride=3", lambda: tn.AveragePool2D(stride=3),
     "AveragePool2D(stride=3)"),
    (lambda: tn.Dropout(p=0.5), "write rate=0.5", lambda: tn.Dropout(rate=0.5), "Dropout(0.5)"),
    (lambda: tn.Dropout(), "write Dropout(0.5)", lambda: tn.Dropout(0.5), "Dropout(0.5)"),
    (lambda: tn.BatchNorm(), "write BatchNorm(features), such as BatchNorm(64)",
     lambda: tn.BatchNorm(64), "BatchNorm(64)"),
    (lambda: tn.BatchNorm(num_features=3), "write features=3", lambda: tn.BatchNorm(features=3), "BatchNorm(3)"),
    (lambda: tn.BatchNorm(3, eps=1e-3), "write epsilon=0.001",
     lambda: tn.BatchNorm(3, epsilon=0.001), "BatchNorm(3, epsilon=0.001)"),
    (lambda: tn.LayerNorm(), "write LayerNorm(features), such as LayerNorm(64)",
     lambda: tn.LayerNorm(64), "LayerNorm(64)"),
    (lambda: tn.LayerNorm(normalized_shape=3), "write features=3", lambda: tn.LayerNorm(features=3), "LayerNorm(3)"),
    (lambda: tn.LeakyReLU(negative_slope=0.2), "write slope=0.2", lambda: tn.LeakyReLU(slope=0.2),
     "LeakyReLU(slope=0.2)"),
    (lambda: tn.ReLU(inplace=True), "leave it out", lambda: tn.ReLU(), "ReLU()"),
    (lambda: tn.Flatten(1), "leave them out", lambda: tn.Flatten(), "Flatten()"),
    (lambda: tn.SGD(lr=0.1), "write learning_rate=0.1", lambda: tn.SGD(learning_rate=0.1), "SGD(0.1)"),
    (lambda: tn.SGD(), "write SGD(0.1)", lambda: tn.SGD(0.1), "SGD(0.1)"),
    (lambda: tn.SGD(small_model().parameters, lr=0.1), "write learning_rate=0.1",
     lambda: tn.SGD(learning_rate=0.1), "SGD(0.1)"),
    (lambda: tn.SGD(small_model().parameters), "write SGD(0.1): fit gives the optimizer its parameters",
     lambda: tn.SGD(0.1), "SGD(0.1)"),
    (lambda: tn.Adam(small_model()), "write Adam(0.1): fit gives the optimizer its parameters",
     lambda: tn.Adam(0.1), "Adam(0.1)"),
    (lambda: tn.SGD([0.1]), "write SGD(0.1): fit gives the optimizer its parameters", lambda: tn.SGD(0.1), "SGD(0.1)"),
    (lambda: tn.SGD(tn.schedules.cosine),
     "call the schedule with its arguments, such as SGD(tn.schedules.cosine(0.1, steps=600))",
     lambda: tn.SGD(tn.schedules.cosine(0.1, steps=600)), "SGD(cosine(rate=0.1, steps=600, final=0.0))"),
    (lambda: tn.Adam(params=[]), "leave it out: fit and Trainer give the optimizer its parameters",
     lambda: tn.Adam(), "Adam(0.001)"),
    (lambda: tn.Adam(betas=(0.8, 0.9)), "write beta1=0.8, beta2=0.9",
     lambda: tn.Adam(beta1=0.8, beta2=0.9), "Adam(0.001, beta1=0.8, beta2=0.9)"),
    (lambda: tn.AdamW(eps=1e-7), "write epsilon=1e-07", lambda: tn.AdamW(epsilon=1e-07), None),
    (lambda: tn.Nadam(beta_1=0.8), "write beta1=0.8", lambda: tn.Nadam(beta1=0.8), "Nadam(0.001, beta1=0.8)"),
    (lambda: tn.RMSprop(alpha=0.9), "write decay=0.9", lambda: tn.RMSprop(decay=0.9), "RMSprop(0.01, decay=0.9)"),
    (lambda: tn.RMSprop(rho=0.9), "write decay=0.9", lambda: tn.RMSprop(decay=0.9), "RMSprop(0.01, decay=0.9)"),
    (lambda: tn.Adam(clipnorm=1.0), "wrap the optimizer: tn.Clipped(tn.SGD(0.1), norm=1.0)",
     lambda: tn.Clipped(tn.SGD(0.1), norm=1.0), "Clipped(SGD(0.1), norm=1)"),
    (lambda: tn.SoftmaxCrossEntropy(weight=[1, 2]), "write class_weights=[1, 2]",
     lambda: tn.SoftmaxCrossEntropy(class_weights=[1, 2]), "SoftmaxCrossEntropy(class_weights=(1.0, 2.0))"),
    (lambda: tn.SoftmaxCrossEntropy(label_smooth=0.1), "did you mean 'label_smoothing'?",
     lambda: tn.SoftmaxCrossEntropy(label_smoothing=0.1), "SoftmaxCrossEntropy(label_smoothing=0.1)"),
    (lambda: tn.MeanSquaredError(reduction="mean"), "leave it out",
     lambda: tn.MeanSquaredError(), "MeanSquaredError()"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "advice", "right", "made"), CONSTRUCTORS)
def test_arguments_of_other_libraries_are_refused_with_what_to_write(use, advice, right, made):
    assert message_of(use).endswith(f"; {advice}")
    assert made is None or repr(right()) == made


def fit(*arguments, **named):
    """A short name, so that a case fits on a line."""
    return tn.fit(*arguments, **named)


FIT = {
    "positional labels": (lambda model: fit(model, X, LABELS), lambda model: fit(model, (X, LABELS)),
                          "tn.fit(model, (x, y))"),
    "x, y": (lambda model: fit(model, x=X, y=LABELS),
             lambda model: fit(model, (X, LABELS)), "tn.fit(model, (x, y))"),
    "validation_data": (
        lambda model: fit(model, TRAIN, validation_data=3),
        lambda model: fit(model, TRAIN, validation=TRAIN),
        "write validation=3",
    ),
    "validation_split": (
        lambda model: fit(model, TRAIN, validation_split=0.25),
        lambda model: fit(model, TRAIN.split(0.25)[0], validation=TRAIN.split(0.25)[1]),
        "train, validation = train.split(0.25)",
    ),
    "verbose=0": (
        lambda model: fit(model, TRAIN, verbose=0),
        lambda model: fit(model, TRAIN, progress=False),
        "write progress=False",
    ),
    "verbose=1": (
        lambda model: fit(model, TRAIN, verbose=1),
        lambda model: fit(model, TRAIN, progress=True),
        "write progress=True",
    ),
    "batch_size=None": (
        lambda model: fit(model, TRAIN, batch_size=None),
        lambda model: fit(model, TRAIN, batch_size=128),
        "try batch_size=128",
    ),
    "lr": (
        lambda model: fit(model, TRAIN, lr=0.2),
        lambda model: fit(model, TRAIN, optimizer=tn.SGD(0.2)),
        "optimizer=tn.SGD(0.2)",
    ),
    "num_epochs": (
        lambda model: fit(model, TRAIN, num_epochs=2), lambda model: fit(model, TRAIN, epochs=2), "write epochs=2"),
    "class_weight": (
        lambda model: fit(model, TRAIN, class_weight=[1, 1, 1, 9]),
        lambda model: fit(model, TRAIN, loss=tn.SoftmaxCrossEntropy(class_weights=[1, 1, 1, 9])),
        "loss=tn.SoftmaxCrossEntropy(class_weights=[1, 1, 1, 9])",
    ),
    "metrics": (
        lambda model: fit(model, TRAIN, metrics=["accuracy"]),
        lambda model: fit(model, TRAIN),
        "leave it out",
    ),
    "shuffle": (lambda model: fit(model, TRAIN, shuffle=True), lambda model: fit(model, TRAIN), "leave it out"),
    "evaluate(model, x, y)": (
        lambda model: tn.evaluate(model, X, LABELS),
        lambda model: tn.evaluate(model, (X, LABELS)),
        "tn.evaluate(model, (x, y))",
    ),
    "evaluate(model)": (lambda model: tn.evaluate(model),
                       lambda model: tn.evaluate(model, TRAIN), "tn.evaluate(model, test)"),
    "trainer.fit(x, y)": (
        lambda model: tn.Trainer(model).fit(X, LABELS),
        lambda model: tn.Trainer(model).fit((X, LABELS)),
        "trainer.fit((x, y))",
    ),
    "Trainer(model, loss)": (
        lambda model: tn.Trainer(model, tn.SoftmaxCrossEntropy()),
        lambda model: tn.Trainer(model, loss=tn.SoftmaxCrossEntropy()),
        "tn.Trainer(model, loss=tn.SoftmaxCrossEntropy(), optimizer=tn.Adam())",
    ),
    "a layer as model": (
        lambda model: tn.fit(tn.Dense(20, 4), TRAIN),
        lambda model: tn.fit(tn.Sequential(tn.Dense(20, 4)), TRAIN),
        "wrap it: tn.Sequential(layer)",
    ),
    "data first": (lambda model: tn.fit(TRAIN, model), lambda model: fit(model, TRAIN),
                   "give the model first, then the data"),
}  # fmt: skip


@pytest.mark.parametrize("habit", FIT)
def test_calls_of_fit_and_evaluate(habit):
    use, right, advice = FIT[habit]
    message = message_of(lambda: use(small_model()))
    assert advice in message
    assert message.count("\n") == 0
    right(small_model())


def test_a_misspelt_argument_is_answered_with_the_closest():
    message = message_of(lambda: tn.fit(small_model(), TRAIN, epoch=3))
    assert "fit: expected arguments among (model, train, validation, loss, optimizer, epochs" in message
    assert "got epoch=3; did you mean 'epochs'?" in message


def test_errors_inside_a_call_that_fits_pass_through():
    class Odd(tn.Layer):
        def __init__(self, size):
            raise TypeError("of its own")

    with pytest.raises(TypeError, match="^of its own$"):
        Odd(3)
    with pytest.raises(TypeError, match=r"^Odd: expected arguments among \(size\), got "):
        Odd()


def test_a_constructor_keeps_its_signature_and_its_subclasses():
    class Wide(tn.Dense):
        def __init__(self, inputs):
            super().__init__(inputs, 2 * inputs)

    assert repr(tn.Dense(3, 2)) == "Dense(3, 2)"
    assert Wide(3).outputs == 6
    assert "Wide: expected arguments among (inputs), got units=3" in message_of(lambda: Wide(units=3))
