"""Every public layer, loss and optimizer passes the gradient check."""

import pytest

import tinynet as tn
from tests.support.cases import LAYERS, LOSSES, OPTIMIZERS
from tinynet.gradcheck import check_layer, check_loss, check_optimizer


def public(base):
    """The names of the classes derived from `base` that `tinynet` exports."""
    classes = {name: value for name, value in vars(tn).items() if isinstance(value, type) and name in tn.__all__}
    return {name for name, value in classes.items() if issubclass(value, base) and value is not base}


@pytest.mark.parametrize(("table", "base"), [(LAYERS, tn.Layer), (LOSSES, tn.Loss), (OPTIMIZERS, tn.Optimizer)])
def test_the_tables_name_everything_public(table, base):
    assert set(table) == public(base)


@pytest.mark.parametrize(("make", "shape"), [case for cases in LAYERS.values() for case in cases])
@pytest.mark.parametrize("training", [True, False])
def test_each_layer_has_the_gradient_of_its_forward(make, shape, training):
    report = check_layer(make(), shape, training=training, seed=1)
    assert report, report


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_has_the_gradient_of_its_value(name):
    report = check_loss(LOSSES[name](), seed=1)
    assert report, report


@pytest.mark.parametrize("optimizer", [o for optimizers in OPTIMIZERS.values() for o in optimizers], ids=repr)
def test_each_optimizer_passes_the_check_of_optimizers(optimizer):
    report = check_optimizer(optimizer)
    assert report, report
