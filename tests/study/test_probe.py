"""The probe measures what PyTorch measures, and changes no number of the training."""

import numpy as np
import pytest

import tinynet as tn

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
import fashion_mnist  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.backend.arrays import CPU  # noqa: E402
from tinynet.study import Configuration, probe  # noqa: E402
from tinynet.study.jobs import Data, Job  # noqa: E402
from tinynet.study.runs import predicted_classes, predictions_as_text, run  # noqa: E402


def test_gradient_norms_and_activation_state_are_pytorchs(clothes):
    torch = pytest.importorskip("torch")
    train = clothes[0]
    x = train.inputs(slice(0, 64), np.dtype("float32"))
    for name, activation in (("sigmoid", torch.sigmoid), ("relu", torch.relu)):
        model = fashion_mnist.configurations(hidden=(8, 4))[name].build(1)
        weights = [torch.tensor(np.array(model.parameters[f"{n}.weight"]), requires_grad=True) for n in (0, 3, 6)]
        h, states = torch.tensor(x), []
        for weight in weights[:-1]:
            h = activation(h @ weight)
            states.append(h.detach().numpy())
        torch.nn.functional.cross_entropy(h @ weights[-1], torch.tensor(train.labels[:64].astype("int64"))).backward()
        norms = probe.gradient_norms(model, x, train.labels[:64])
        assert norms == pytest.approx([float(weight.grad.norm()) for weight in weights], rel=1e-4)
        state = probe.activation_state(model, x)
        slope = [(s * (1 - s)).mean() if name == "sigmoid" else (s > 0).mean() for s in states]
        assert state["slope"] == pytest.approx(slope, rel=1e-4)
        dead = [0, 0] if name == "sigmoid" else [float((s.max(axis=0) == 0).mean()) for s in states]
        assert state["dead"] == pytest.approx(dead)


def test_the_probe_changes_no_number(clothes):
    train, test = clothes
    thetas = []
    for every in (0, 1):
        model = fashion_mnist.configurations(hidden=(8, 4))["relu-dropout"].build(0)
        watching = probe.Probe(model, train, test, every)
        tn.fit(model, train, epochs=2, batch_size=50, callbacks=[watching], progress=False)
        thetas.append(model.theta.copy())
    assert np.array_equal(*thetas)
    assert [row["epoch"] for row in watching.rows] == [0, 1, 2]


def test_a_sigmoid_is_saturated_within_a_twentieth_of_0_or_1_and_a_unit_is_dead_if_it_never_fires():
    x = np.array([[-10.0, 0.0, -1.0], [3.1, 2.5, -2.0], [-2.9, -2.0, 5.0], [0.5, 1.0, 0.0]], "float32")
    sigmoid = probe.activation_state(tn.Sequential(tn.Sigmoid()), x)
    outputs = 1 / (1 + np.exp(-x.astype("float64")))
    assert sigmoid["saturated"] == pytest.approx([((outputs < 0.05) | (outputs > 0.95)).mean()])
    assert sigmoid["dead"] == [0]
    relu = probe.activation_state(tn.Sequential(tn.ReLU()), x[:3] * [[1, 1, -1]])
    assert relu["saturated"] == [0]
    assert relu["dead"] == [0]
    assert probe.activation_state(tn.Sequential(tn.ReLU()), -abs(x))["dead"] == [1]
    assert probe.activation_state(tn.Sequential(tn.ReLU()), x - [[9, 0, 9]])["dead"] == pytest.approx([2 / 3])


def test_the_probe_looks_every_so_many_epochs(small_data):
    model = tn.Sequential(tn.Dense(20, 8), tn.ReLU(), tn.Dense(8, 4))
    watching = probe.Probe(model, *small_data, every=2)
    history = tn.fit(model, small_data[0], epochs=5, batch_size=100, callbacks=[watching], progress=False)
    assert [row["epoch"] for row in watching.rows] == [0, 2, 4]
    assert watching.rows[1]["running_accuracy"] == history["running_accuracy"][1]
    assert probe.Probe(model, *small_data, every=0).rows == []


def test_gradient_norms_are_those_of_the_weights_alone(small_data):
    model = tn.Sequential(tn.Dense(20, 8), tn.Tanh(), tn.Dense(8, 4), dtype="float64")
    x, labels = small_data[0].images[:50].astype("float64"), small_data[0].labels[:50]
    _, gradient = model.loss_and_gradient(x, labels, context=tn.Context())
    grads = model.views(gradient)
    expected = [np.linalg.norm(grads[number]["weight"]) for number in (0, 2)]
    assert probe.gradient_norms(model, x, labels) == pytest.approx(expected)


# A run ---------------------------------------------------------------------------------------------------------------


def built(seed):
    return tn.Sequential(tn.Dense(20, 8), tn.ReLU(), tn.Dropout(0.5), tn.Dense(8, 4), seed=seed)


def test_a_run_is_fit_with_the_seed_of_its_job_and_is_measured_on_both_sets(small_data):
    train, test = small_data
    for seed in (0, 3):
        job = Job("best", "a", Configuration("a", built), 0.2, seed, 2, 50)
        result = run(job, Data(train, test, CPU))
        tn.fit(model := built(seed), train, optimizer=tn.SGD(0.2), epochs=2, batch_size=50, seed=seed, threads=1,
               progress=False)  # fmt: skip
        assert result["test"]["accuracy"] == tn.evaluate(model, test).accuracy
        assert result["train"]["loss"] == pytest.approx(tn.evaluate(model, train).loss, rel=1e-6)
        np.testing.assert_array_equal(predicted_classes(result), model.predict(test).argmax(axis=1))


def test_a_letter_stands_for_each_of_62_classes_in_the_order_of_a_results_json():
    """Files of other versions hold these letters."""
    text = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert predictions_as_text(np.eye(62), in_full=False) == {"predictions": text}
    np.testing.assert_array_equal(predicted_classes({"predictions": text}), np.arange(62))
