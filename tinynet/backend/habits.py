"""What users of Keras, PyTorch and scikit-learn write, and what to write here.

Calls that do not fit are refused in the user's words, with the right call:

    Adam: expected arguments among (learning_rate, beta1, beta2, epsilon, weight_decay), got lr=0.1; write
    learning_rate=0.1
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from tinynet.errors import closest, mismatch, shown

Function = TypeVar("Function", bound=Callable[..., Any])

# Attributes of a model there.
ATTRIBUTES = {
    "add": "give Sequential all layers at once: tn.Sequential(*layers)",
    "append": "give Sequential all layers at once: tn.Sequential(*layers)",
    "compile": "leave it out: loss and optimizer are arguments of fit: tn.fit(model, train, optimizer=tn.Adam())",
    "count_params": "read model.parameter_count",
    "cpu": "write model.to('cpu')",
    "cuda": "write model.to('gpu')",
    "eval": "leave it out: model(x) and model.predict(x) are inference",
    "evaluate": "write tn.evaluate(model, test)",
    "fit": "write tn.fit(model, train)",
    "get_weights": "write model.parameters, a dict of arrays",
    "load_state_dict": "write model.load_weights(path)",
    "named_parameters": "write model.parameters.items()",
    "predict_proba": "write model.predict(x)",
    "save_weights": "write model.save(path)",
    "score": "write tn.evaluate(model, test).accuracy",
    "set_weights": "write into the arrays of model.parameters: model.parameters['0.weight'][...] = values",
    "state_dict": "write model.parameters and model.statistics, dicts of arrays",
    "train": "leave it out: tn.fit and tn.Trainer train, model(x) is inference",
    "train_on_batch": "write trainer = tn.Trainer(model), then trainer.step(x, labels)",
    "trainable_variables": "write model.parameters, a dict of arrays",
    "weights": "write model.parameters, a dict of arrays",
    "zero_grad": "leave it out: each step overwrites the gradient",
}  # fmt: skip

# Classes and functions there, in small letters without "_", and what to write here.
NAMES = {
    "adagrad": "tn.RMSprop()", "adam": "tn.Adam()", "adamw": "tn.AdamW()", "nadam": "tn.Nadam()",
    "rmsprop": "tn.RMSprop()", "sgd": "tn.SGD(0.1)",
    "bce": "tn.BinaryCrossEntropy()", "bceloss": "tn.BinaryCrossEntropy()",
    "bcewithlogitsloss": "tn.BinaryCrossEntropy()", "binarycrossentropy": "tn.BinaryCrossEntropy()",
    "categoricalcrossentropy": "tn.SoftmaxCrossEntropy()", "crossentropy": "tn.SoftmaxCrossEntropy()",
    "crossentropyloss": "tn.SoftmaxCrossEntropy()", "meansquarederror": "tn.MeanSquaredError()",
    "mse": "tn.MeanSquaredError()", "mseloss": "tn.MeanSquaredError()", "nll": "tn.SoftmaxCrossEntropy()",
    "nllloss": "tn.SoftmaxCrossEntropy()", "softmaxcrossentropy": "tn.SoftmaxCrossEntropy()",
    "sparsecategoricalcrossentropy": "tn.SoftmaxCrossEntropy()",
    "elu": "tn.ELU()", "gelu": "tn.GELU()", "leakyrelu": "tn.LeakyReLU()", "relu": "tn.ReLU()",
    "sigmoid": "tn.Sigmoid()", "silu": "tn.SiLU()", "softmax": "tn.Softmax()", "softplus": "tn.Softplus()",
    "swish": "tn.SiLU()", "tanh": "tn.Tanh()",
    "averagepooling2d": "tn.AveragePool2D(2)", "avgpool2d": "tn.AveragePool2D(2)", "batchnorm1d": "tn.BatchNorm(64)",
    "batchnorm2d": "tn.BatchNorm(64)", "batchnormalization": "tn.BatchNorm(64)", "conv2d": "tn.Conv2D(3, 16)",
    "dense": "tn.Dense(784, 10)", "dropout": "tn.Dropout(0.5)", "flatten": "tn.Flatten()",
    "globalaveragepooling2d": "tn.GlobalAveragePool2D()", "layernormalization": "tn.LayerNorm(64)",
    "linear": "tn.Dense(784, 10)", "maxpool2d": "tn.MaxPool2D(2)", "maxpooling2d": "tn.MaxPool2D(2)",
    "batchnorm": "tn.BatchNorm(64)", "layernorm": "tn.LayerNorm(64)", "averagepool2d": "tn.AveragePool2D(2)",
    "globalaveragepool2d": "tn.GlobalAveragePool2D()",
}  # fmt: skip

# Arguments there that have another name here. One with several meanings is tried in this order.
RENAMED = {
    "alpha": ("slope", "decay"), "beta_1": ("beta1",), "beta_2": ("beta2",), "bias_initializer": ("bias",),
    "eps": ("epsilon",), "in_channels": ("inputs",), "in_features": ("inputs",), "input_dim": ("inputs",),
    "kernel_initializer": ("weight",), "kernel_size": ("pool_size",), "lr": ("learning_rate",),
    "n_epochs": ("epochs",), "negative_slope": ("slope",), "normalized_shape": ("features",),
    "num_epochs": ("epochs",), "num_features": ("features",), "out_channels": ("outputs",),
    "out_features": ("outputs",), "p": ("rate",), "rho": ("decay",), "strides": ("stride",),
    "validation_data": ("validation",), "class_weight": ("class_weights",), "weight": ("class_weights",),
}  # fmt: skip

# Arguments there that are said in another way here.
ARGUMENTS = {
    "activation": "put the activation after the layer, as a layer of its own: {activation}",
    "betas": "write beta1={value[0]}, beta2={value[1]}",
    "class_weight": "give it to the loss: loss=tn.SoftmaxCrossEntropy(class_weights={value})",
    "clipnorm": "wrap the optimizer: tn.Clipped(tn.SGD(0.1), norm={value})",
    "filters": "write Conv2D(inputs, outputs), such as Conv2D(3, 16) for RGB pictures",
    "input_shape": "leave it out: the number of inputs comes first, as in Dense(784, 10) or Conv2D(3, 16)",
    "lr": "give the optimizer its learning rate: optimizer=tn.SGD({value})",
    "metrics": "leave it out: the accuracy is measured in any case",
    "params": "leave it out: fit and Trainer give the optimizer its parameters",
    "shuffle": "leave it out: each epoch has an order of its own",
    "units": "write Dense(inputs, outputs), such as Dense(784, 10)",
    "use_bias": "leave it out: each output has a bias, 0 at first",
    "validation_split": "split the data first: train, validation = train.split({value})",
    "verbose": "write progress={bar}",
    "x": "give both as a pair: tn.fit(model, (x, y))",
    "y": "give both as a pair: tn.fit(model, (x, y))",
}  # fmt: skip

# What to write where arguments are missing, or too many without a name.
CALLS = {
    "BatchNorm": "write BatchNorm(features), such as BatchNorm(64)",
    "Conv2D": "write Conv2D(inputs, outputs), such as Conv2D(3, 16) for RGB pictures",
    "Dense": "write Dense(inputs, outputs), such as Dense(784, 10)",
    "Dropout": "write Dropout(0.5)",
    "LayerNorm": "write LayerNorm(features), such as LayerNorm(64)",
    "SGD": "write SGD(0.1)",
    "Trainer": "name them: tn.Trainer(model, loss=tn.SoftmaxCrossEntropy(), optimizer=tn.Adam())",
    "Trainer.fit": "give images and labels as a pair: trainer.fit((x, y))",
    "evaluate": "write tn.evaluate(model, test)",
    "fit": "give images and labels as a pair: tn.fit(model, (x, y))",
}


class NamedArrays(dict[str, Any]):
    """Arrays by name, read without parentheses: `model.parameters`. A call says so."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        remedy = "write model.parameters without parentheses: a dict of arrays; an optimizer needs none"
        raise TypeError(mismatch("parameters", "to be read as an attribute", "a call", remedy))


def attribute(owner: object, name: str) -> str:
    """The message of the AttributeError for a name that models of this library do not have."""
    who = type(owner).__name__
    if name in ATTRIBUTES:
        return mismatch(who, "an attribute of a model", f".{name}", ATTRIBUTES[name])
    return f"{who!r} object has no attribute {name!r}"


def written_here(value: object) -> str | None:
    """What to write here for a name, a class or an object of another library, or a class of ours; None if unknown."""
    name = value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)
    found = NAMES.get(str(name).lower().replace("_", "").replace("-", ""))
    return found and f"write {found}"


def instance(who: str, value: Any, base: type, otherwise: str) -> Any:
    """`value`; TypeError unless it is an instance of `base`. Names such as "adam" are not looked up."""
    if isinstance(value, base):
        return value
    received = repr(value) if isinstance(value, (str, type)) else type(value).__name__
    remedy = written_here(value) or otherwise
    raise TypeError(mismatch(who, f"an instance of {base.__name__}", received, remedy))


def explained(function: Function, name: str | None = None) -> Function:
    """`function`, whose TypeError for arguments that do not fit says what to write. Calls that fit lose no time."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            who = name or function.__qualname__
            if who.endswith("__init__"):
                who = type(args[0]).__name__
            problem = _arguments_problem(who, function, args, kwargs)
            if problem is None:  # an error of another kind
                raise
        raise TypeError(problem)

    call.explained = True  # type: ignore[attr-defined]  # the code of `call` is not the caller's
    return call  # type: ignore[return-value]


def explain_constructor(cls: type) -> None:
    """Make `cls(...)` say what to write if its arguments do not fit."""
    if "__init__" in vars(cls):
        cls.__init__ = explained(cls.__init__)  # type: ignore[misc]


def _arguments_problem(who: str, function: Callable[..., Any], args: Any, kwargs: Any) -> str | None:
    """The message for arguments that `function` does not take; None if it takes them."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        known = [name for name in signature.parameters if name != "self"]
        expected = f"arguments among ({', '.join(known)})" if known else "no arguments"
        for name, value in kwargs.items():
            if name not in known:
                return mismatch(who, expected, f"{name}={shown(value)}", _remedy(who, name, value, known))
        return mismatch(who, expected, str(error), CALLS.get(who, "name them" if known else "leave them out"))
    return None


def _remedy(who: str, name: str, value: object, known: list[str]) -> str:
    """What to write for the argument `name`, which `who` does not take."""
    for ours in RENAMED.get(name, ()):
        if ours in known:
            return f"write {ours}={shown(value)}"
    if name in ARGUMENTS:
        activation = (written_here(value) or "write tn.ReLU()").removeprefix("write ")
        bar = not isinstance(value, int) or value > 0
        return ARGUMENTS[name].format(value=value, activation=activation, bar=bar)
    close = closest(name, known)
    return f"did you mean {close!r}?" if close else "leave it out"
