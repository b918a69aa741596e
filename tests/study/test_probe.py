"""The probe measures what PyTorch measures, and changes no number of the training."""

import numpy as np
import pytest

import tinynet as tn

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
import fashion_mnist  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.study import probe  # noqa: E402


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
