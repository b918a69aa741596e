"""Losses: extreme inputs, refused targets and hyperparameters, and a model that learns yes-or-no questions."""

import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_is_exact_at_huge_logits(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    value, backward = tn.SoftmaxCrossEntropy().forward(logits, np.array([0, 1]))
    gradient = backward()
    assert float(value) == 1e4  # the mean of 0 and 2e4
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, -0.5, 0]])
    assert gradient.dtype == logits.dtype


def test_cross_entropy_of_a_blind_guess_is_the_log_of_the_classes():
    assert tn.SoftmaxCrossEntropy()(np.zeros((5, 10), "float32"), np.arange(5)) == pytest.approx(np.log(10), rel=1e-6)


def test_mean_squared_error_stays_in_float32():
    value, backward = tn.MeanSquaredError().forward(np.array([[1, 2]], "float32"), np.array([[0, 4]], "float32"))
    assert float(value) == 2.5
    np.testing.assert_array_equal(backward(), [[1, -2]])
    assert backward().dtype == np.float32


def test_a_numpy_scalar_does_not_widen_a_gradient():
    _, backward = tn.MeanSquaredError().forward(np.ones((2, 2), "float32"), np.zeros((2, 2), "float32"))
    assert backward(np.float64(0.5)).dtype == np.float32


LABEL_ERRORS = [
    (np.array([0, 10]), "expected labels from 0 to 9, got 10 in example 1; the last layer has 10 outputs"),
    (np.array([-1, 0]), "got -1 in example 0"),
    (np.array([0.0, 1.0]), r"expected integer labels of shape \(N,\), got float64 of shape \(2,\); use np.asarray"),
    (np.zeros((2, 1), np.int64), r"got int64 of shape \(2, 1\); use np.asarray\(labels\).reshape\(-1\)"),
    (np.eye(10)[:2], r"got float64 of shape \(2, 10\); use np.asarray\(labels\).argmax\(axis=1\), since"),
    (np.array([True, False]), "expected integer labels"),
]


@pytest.mark.parametrize(("labels", "message"), LABEL_ERRORS)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(tn.DataError, match=message):
        tn.SoftmaxCrossEntropy()(np.zeros((2, 10), "float32"), labels)


SOFTMAX, SQUARED, BINARY = tn.SoftmaxCrossEntropy(), tn.MeanSquaredError(), tn.BinaryCrossEntropy()


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        (np.zeros((2, 1), int), "use np.asarray(labels).reshape(-1)"),
        (np.zeros((2, 1, 1), int), "use np.asarray(labels).reshape(-1)"),
        (np.eye(3)[:2], "use np.asarray(labels).argmax(axis=1), since these rows are one-hot"),
        (
            np.array([[1, 1, 0], [1, 0, 0]]),
            "use loss=BinaryCrossEntropy() and np.asarray(labels, 'float32') for several",
        ),
        (np.array([[0.3, 0.7], [0, 1]]), "use loss=BinaryCrossEntropy() and np.asarray(labels, 'float32') for several"),
        (np.array([[0, 2], [1, 0]]), "use loss=MeanSquaredError() and np.asarray(labels, 'float32') for a regression"),
        (np.array([[0, -1], [1, 0]]), "use loss=MeanSquaredError() and np.asarray(labels, 'float32') for a regression"),
        (np.array([True, False]), "use np.asarray(labels, 'int64')"),
        (np.array([0.0, 2]), "use np.asarray(labels, 'int64')"),
        (np.array([0, 0.5]), "use loss=MeanSquaredError() and np.asarray(labels).reshape(-1, 1) for a regression"),
        (np.zeros((2, 3, 3), int), "give one label for each example"),
        (np.full((2, 3, 3), 0.5), "give one label for each example"),
        (np.array([1, 3]), "labels count from 0: use np.asarray(labels) - 1"),
        (np.array([5, 6, 7]), "labels count from 0: use np.asarray(labels) - 5"),
        (np.array([2, 3]), "labels count from 0: use np.asarray(labels) - 1"),
        (np.array([5, 8]), "the last layer has 3 outputs, and labels count from 0: end with Dense(..., 9)"),
        (np.array([0, 3]), "the last layer has 3 outputs, and labels count from 0: end with Dense(..., 4)"),
        (np.array([-1, 1]), "number them from 0: np.unique(labels, return_inverse=True)[1]"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_what_makes_them_fit(labels, remedy):
    with pytest.raises(tn.DataError) as told:
        SOFTMAX.check_targets(labels, (len(labels), 3))
    assert str(told.value).startswith("SoftmaxCrossEntropy(): expected ")
    assert remedy in str(told.value)


@pytest.mark.parametrize(
    ("targets", "outputs_shape", "remedy"),
    [
        (np.zeros(6), (6, 1), "reshape the targets: np.asarray(targets).reshape(-1, 1)"),
        (np.zeros((6, 6)), (6, 2, 3), "reshape the targets: np.asarray(targets).reshape(-1, 2, 3)"),
        (np.zeros(6, int), (6, 3), "use loss=SoftmaxCrossEntropy() for labels, or np.eye(3, dtype='float32')[targets]"),
        (
            np.zeros(6),
            (6, 3),
            "end the model with one output, Dense(..., 1), and reshape the targets: np.asarray(targets)",
        ),
        (np.zeros(6, int), (6, 2, 3), "end the model with one output, Dense(..., 1), and reshape the targets"),
        (np.zeros((6, 4)), (6, 3), "end the model with as many outputs as there are targets: Dense(..., 4)"),
        (np.zeros((6, 2, 4)), (6, 3), "end the model with as many outputs as there are targets: Dense(..., 8)"),
    ],
)
@pytest.mark.parametrize("loss", [SQUARED, BINARY], ids=repr)
def test_targets_of_another_shape_are_refused_with_what_fits(loss, targets, outputs_shape, remedy):
    wanted = ", ".join(["N", *map(str, outputs_shape[1:])])
    with pytest.raises(tn.ShapeError) as told:
        loss.check_targets(targets, outputs_shape)
    assert str(told.value).startswith(f"{loss!r}: expected targets of shape ({wanted}), got {targets.shape}; ")
    assert remedy in str(told.value)
    with pytest.raises(tn.ShapeError) as told:
        loss.forward(np.zeros(outputs_shape), targets)
    assert str(told.value).startswith(f"{loss!r}: expected targets of shape {outputs_shape}, got {targets.shape}; ")
    assert remedy in str(told.value)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([[-1.0], [1]], "from -1 to 1; use (np.asarray(targets) > 0).astype('float32')"),
        ([[-1.0], [0.5]], "from -1 to 0.5; use loss=MeanSquaredError() for a regression"),
        ([[0.0], [1.5]], "from 0 to 1.5; use loss=MeanSquaredError() for a regression"),
    ],
)
def test_targets_outside_0_and_1_are_refused_with_the_loss_that_takes_them(targets, message):
    with pytest.raises(tn.DataError) as told:
        BINARY.check_targets(np.array(targets), (2, 1))
    assert f"BinaryCrossEntropy(): expected targets from 0 to 1, got numbers {message}" in str(told.value)
    BINARY.check_targets(np.array([[0.0], [1]]), (2, 1))
    SQUARED.check_targets(np.array(targets), (2, 1))


def test_a_row_of_questions_is_right_if_every_answer_is():
    logits = np.array([[1.0, -1], [1, 1], [-1, -1], [0, 1]])
    targets = np.array([[1.0, 0], [1, 0], [0, 0.5], [0, 0.75]])
    assert BINARY.hits(logits, targets) == 3
    assert SOFTMAX.hits(logits, np.array([0, 0, 0, 0])) == 3  # the first of equal ones
    assert SQUARED.hits(logits, targets) is None


def test_a_loss_called_is_checked_and_named_by_its_arguments():
    with pytest.raises(tn.DataError, match=r"^SoftmaxCrossEntropy\(\): expected outputs of numbers"):
        SOFTMAX([["a"]], [0])
    with pytest.raises(tn.DataError, match=r"^SoftmaxCrossEntropy\(\): expected targets"):
        SOFTMAX(np.zeros((1, 2)), ["a"])
    assert SOFTMAX([[0.0, 0.0]], [1]) == pytest.approx(np.log(2))
    with pytest.raises(ValueError, match="^SoftmaxCrossEntropy: expected label_smoothing from 0"):
        tn.SoftmaxCrossEntropy(-0.5)


@pytest.mark.parametrize("loss", [tn.SoftmaxCrossEntropy(), tn.MeanSquaredError()], ids=repr)
def test_an_attribute_that_no_loss_reads_is_refused(loss):
    with pytest.raises(AttributeError, match=f"^{type(loss).__name__}: unknown attribute 'reduction'; check the sp"):
        loss.reduction = "sum"


def test_a_loss_of_ones_own_refuses_arguments_that_it_does_not_know():
    class Own(tn.Loss):
        def __init__(self, margin):
            self.margin = margin

    with pytest.raises(TypeError, match=r"^Own: expected arguments among \(margin\), got delta=1"):
        Own(delta=1)


def test_a_loss_of_ones_own_may_have_a_base_that_looks_at_its_classes():
    seen = []

    class Listing:
        def __init_subclass__(cls, label, **arguments):
            seen.append((cls.__name__, label))

    class Own(tn.Loss, Listing, label="own"):
        pass

    assert seen == [("Own", "own")]


def test_threads_do_not_share_a_batch_unless_a_loss_of_ones_own_allows_it():
    class Largest(tn.Loss):
        """The largest square of a batch: no mean over its rows."""

        def forward(self, outputs, targets):
            square = (outputs - targets) ** 2
            return square.max(), lambda dloss=1.0: 2 * (outputs - targets) * (square == square.max()) * dloss

    x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    with pytest.raises(ValueError, match="threads: expected 1 where the rows of a batch depend on each other, got 2"):
        tn.fit(tn.Sequential(tn.Dense(3, 1)), (x, x[:, :1]), loss=Largest(), batch_size=6, threads=2)


def test_a_loss_that_is_infinite_is_no_error():
    assert SQUARED(np.full((1, 1), 1e30, "float32"), np.zeros((1, 1), "float32")) == np.inf


def test_measure_gives_the_loss_the_hits_and_a_fraction_of_the_gradient():
    logits, labels = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 2, 0, 1])
    value, backward = SOFTMAX.forward(logits, labels)
    measured = SOFTMAX.measure(logits, labels, 0.25)
    assert (measured[0], measured[1]) == (value, SOFTMAX.hits(logits, labels))
    np.testing.assert_allclose(measured[2], backward() / 4, rtol=1e-12)
    np.testing.assert_array_equal(SOFTMAX.measure(logits, labels)[2], backward())


def test_what_outputs_mean_and_whether_examples_count_alike():
    assert [loss.predicts for loss in (SOFTMAX, SQUARED, BINARY)] == ["classes", "numbers", "probabilities"]
    assert [loss.weighted for loss in (SOFTMAX, tn.SoftmaxCrossEntropy(class_weights=[1, 2]), SQUARED)] == [0, 1, 0]
    assert SOFTMAX.weight(np.arange(7)) == SQUARED.weight(np.zeros((7, 2))) == 7


def test_shapes_that_would_broadcast_silently_are_refused():
    with pytest.raises(
        tn.ShapeError, match=r"labels of shape \(3,\), got \(3, 1\); use np.asarray\(labels\).reshape\(-1\)"
    ):
        tn.SoftmaxCrossEntropy().forward(np.zeros((3, 4)), np.zeros((3, 1), int))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(3, 1\), got \(3,\); reshape the targets"):
        tn.MeanSquaredError().forward(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(
        tn.ShapeError, match=r"^SoftmaxCrossEntropy\(\): expected logits of shape \(N, classes\), got \(2, 3, 4\); end"
    ):
        tn.SoftmaxCrossEntropy().check_targets(np.zeros(2, int), (2, 3, 4))
    with pytest.raises(
        tn.ShapeError, match=r"^SoftmaxCrossEntropy\(\): expected logits of shape \(N, classes\), got \(2, 1, 4\)"
    ):
        tn.SoftmaxCrossEntropy().forward(np.zeros((2, 1, 4)), np.zeros(2, int))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(N, 1\), got \(3,\)"):
        tn.MeanSquaredError().check_targets(np.zeros(3), (3, 1))
    with pytest.raises(
        tn.DataError, match=r"floating targets, got int64; convert them: np.asarray\(targets, 'float32'\)"
    ):
        tn.MeanSquaredError().check_targets(np.zeros((3, 1), int), (3, 1))


def test_binary_questions_are_learned():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2)).astype("float32")
    t = np.stack([x[:, 0] * x[:, 1] > 0, x[:, 0] > x[:, 1]], axis=1).astype("float32")
    model = tn.Sequential(tn.Dense(2, 32), tn.Tanh(), tn.Dense(32, 2))
    history = tn.fit(model, (x, t), loss=tn.BinaryCrossEntropy(), optimizer=tn.Adam(0.02), epochs=40, batch_size=50)
    assert history["running_accuracy"][-1] > 0.95  # both answers right


def test_targets_of_binary_cross_entropy_are_checked():
    loss = tn.BinaryCrossEntropy()
    with pytest.raises(tn.DataError, match="BinaryCrossEntropy.*: expected targets from 0 to 1"):
        loss.check_targets(np.array([[2.0]]), (1, 1))
    with pytest.raises(tn.ShapeError, match="reshape"):
        loss.check_targets(np.array([1.0]), (1, 1))
    with pytest.raises(
        tn.DataError, match=r"floating targets, got int64; convert them: np.asarray\(targets, 'float32'\)"
    ):
        loss.check_targets(np.array([[1]], "int64"), (1, 1))


def test_class_weights_must_fit_the_classes():
    with pytest.raises(tn.ShapeError, match="3 class_weights, got 2; give one weight for each class"):
        tn.SoftmaxCrossEntropy(class_weights=[1, 2]).check_targets(np.array([0]), (1, 3))
    with pytest.raises(tn.ShapeError, match="3 class_weights, got 4; give one weight for each class$"):
        tn.SoftmaxCrossEntropy(class_weights=[1, 2, 3, 4]).check_targets(np.array([0]), (1, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.SoftmaxCrossEntropy(1), "expected label_smoothing from 0 up to, not including, 1, got 1; try 0.1"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[1, -1]), "expected class_weights of at least 0, one above 0"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[0, 0]), "expected class_weights of at least 0, one above 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Class weights ------------------------------------------------------------------------------------------------------

LIST = [1.0, 2.0, 0.5, 4.0]
SAME = {
    "a tuple": lambda: tuple(LIST),
    "an array": lambda: np.array(LIST, "float32"),
    "a dict": lambda: {0: 1.0, 1: 2.0, 2: 0.5, 3: 4.0},
    "a dict in another order": lambda: {3: 4, 0: 1, 2: 0.5, 1: 2},
    "a dict of NumPy's integers": lambda: dict(zip(np.array([2, 1, 0, 3]), np.array([0.5, 2, 1, 4]))),
    "a pandas Series in another order": lambda: pandas().Series([4.0, 0.5, 2.0, 1.0], index=[3, 2, 1, 0]),
    "a tensor": lambda: pytest.importorskip("torch", reason="PyTorch is not installed").tensor(LIST),
    "an array of a device": lambda: strict.device.put(np.array(LIST)),
}


def pandas():
    return pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.mark.parametrize("name", SAME)
def test_class_weights_belong_to_their_classes_in_whatever_form(name):
    loss = tn.SoftmaxCrossEntropy(class_weights=SAME[name]())
    assert loss.class_weights == (1.0, 2.0, 0.5, 4.0)
    assert repr(loss) == "SoftmaxCrossEntropy(class_weights=(1.0, 2.0, 0.5, 4.0))"


def test_a_dict_of_class_weights_gives_pytorchs_loss():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    logits, labels = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 4
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels), torch.tensor(LIST).double()
    )
    loss = tn.SoftmaxCrossEntropy(class_weights={2: 0.5, 0: 1, 1: 2, 3: 4})
    assert loss(logits, labels) == pytest.approx(expected.item(), rel=1e-12)
    assert float(loss.weight(labels)) == np.array(LIST)[labels].sum()


WITHOUT_ORDER = [{1.0, 2.0}, frozenset([1.0, 2.0]), (w for w in (1.0, 2.0)), {0: 1.0, 1: 2.0}.values(), "12", 3.0,
                 np.ones((2, 1)), iter([1.0, 2.0]), map(float, [1, 2])]  # fmt: skip


@pytest.mark.parametrize("weights", WITHOUT_ORDER, ids=lambda weights: type(weights).__name__)
def test_class_weights_without_an_order_are_refused(weights):
    remedy = "give a list in the order of the classes, or a dict {class"
    message = f"^SoftmaxCrossEntropy: class_weights: expected a list or tuple, got .*; {remedy}"
    with pytest.raises(TypeError, match=message):
        tn.SoftmaxCrossEntropy(class_weights=weights)


def test_a_dict_without_some_class_is_refused_with_its_name():
    with pytest.raises(
        ValueError, match="a weight for each class from 0 to 5, got none for 1, 3; add the rest, as 1: 1.0"
    ):
        tn.SoftmaxCrossEntropy(class_weights={0: 1, 2: 1, 4: 1, 5: 2})
    tn.SoftmaxCrossEntropy(class_weights={0: 1, 2: 1, 4: 1, 5: 2, 1: 1.0, 3: 1.0})  # the advice, followed
    with pytest.raises(ValueError, match="from 0 to 9, got none for 0, 1, 2, 3, 4; add the rest, as 0: 1.0"):
        tn.SoftmaxCrossEntropy(class_weights={9: 1})  # the first five
    with pytest.raises(ValueError, match="from 0 to 0, got none for 0; add the rest, as 0: 1.0"):
        tn.SoftmaxCrossEntropy(class_weights={})
    loss = tn.SoftmaxCrossEntropy(class_weights={0: 1, 1: 2})
    with pytest.raises(tn.ShapeError, match="3 class_weights, got 2; give one weight for each class; class 2 has none"):
        loss.check_targets(np.array([0]), (1, 3))


@pytest.mark.parametrize("key", ["shirt", 0.5, -1, True])
def test_keys_that_are_no_class_numbers_are_refused(key):
    with pytest.raises(ValueError, match="a class: expected a whole number from 0, got .*the keys: {0: 1.0, 1: 2.5}"):
        tn.SoftmaxCrossEntropy(class_weights={0: 1.0, key: 2.5})
    assert tn.SoftmaxCrossEntropy(class_weights={0: 1.0, 1: 2.5}).class_weights == (1.0, 2.5)


@pytest.mark.parametrize("weights", [[], {}, ["1", "2"], [1, float("nan")], [1, float("inf")], [None, 1]])
def test_weights_that_are_no_numbers_are_refused(weights):
    with pytest.raises(ValueError, match="expected class_weights of at least 0, one above 0|got none for 0"):
        tn.SoftmaxCrossEntropy(class_weights=weights)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_batch_of_weight_0_has_a_finite_loss_and_gradient(smoothing):
    loss = tn.SoftmaxCrossEntropy(smoothing, class_weights=[0, 1])
    logits, labels = np.random.default_rng(0).normal(size=(5, 2)), np.zeros(5, int)
    assert tn.gradcheck.check_loss(loss, (5, 2), labels)
    value, backward = loss.forward(logits, labels)
    assert np.isfinite(value)
    assert (value == 0) == (smoothing == 0) == (not backward().any())
    assert loss.weight(labels) == 0


def test_a_weighted_loss_travels_without_its_arrays_on_a_device():
    loss = tn.SoftmaxCrossEntropy(class_weights=[1, 2])
    loss.forward(strict.device.put(np.zeros((3, 2))), strict.device.put(np.array([0, 1, 1])))
    assert b"StrictArray" not in pickle.dumps(loss)
    for travelled in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert repr(travelled) == repr(loss)
        assert travelled(np.zeros((3, 2)), np.array([0, 1, 1])) == pytest.approx(np.log(2))


def test_arguments_that_are_set_later_are_checked_as_by_the_constructor():
    loss, other = tn.SoftmaxCrossEntropy(0.1, [1, 2, 3]), tn.SoftmaxCrossEntropy(0.2, [3, 0, 1])
    logits, labels = np.array([[0.1, 0.2, 0.3], [3, 2, 1]], "float32"), np.array([2, 0])
    assert loss(logits, labels) != other(logits, labels)
    for name, wrong in [("label_smoothing", 1), ("label_smoothing", "0.1"), ("class_weights", [-1, 1, 1])]:
        with pytest.raises(ValueError, match="expected .*, got .*; "):
            setattr(loss, name, wrong)
    loss.label_smoothing, loss.class_weights = np.float32(0.25), {0: 3, 1: 0, 2: 1}
    other.label_smoothing = 0.25
    assert repr(loss) == repr(other)
    assert loss(logits, labels) == other(logits, labels)
