"""A report prints as a table with a verdict for each array."""

import numpy as np

import tinynet as tn
from tinynet.gradcheck import check_layer


def test_a_report_prints_a_table():
    text = str(check_layer(tn.Dense(4, 3), (5, 4)))
    lines = text.splitlines()
    assert lines[0] == "Gradient check of Dense(4, 3)"
    assert lines[1].split() == ["array", "worst", "relative", "error", "where", "analytic", "numeric", "verdict"]
    assert [line.split()[0] for line in lines[2:5]] == ["x", "weight", "bias"]
    assert all(line.endswith("ok") for line in lines[2:5])


def test_a_report_says_what_was_checked_and_what_was_not():
    report = check_layer(tn.Dense(30, 20), (4, 30))
    lines = " ".join(str(report).split())
    assert "Also checked: repeated passes, old numbers in grads, input_gradient=False" in lines
    assert "Detection floor: an error below 1e-06 of the largest gradient" in lines
    assert "400 of 600 entries of weight are checked in sums: one error below 1e-06" in lines
    assert 1e-6 <= report.floor < 1.1e-6
    thorough = check_layer(tn.Dense(30, 20), (4, 30), thorough=True)
    assert "in sums" not in str(thorough)
    assert [row.checked for row in thorough.rows] == [row.entries for row in thorough.rows] == [120, 600, 20]


def test_the_floor_of_a_report_is_that_of_the_entries_in_sums_too():
    report = check_layer(tn.Dense(60, 20, bias=np.full(20, 1e10)), (4, 60))  # so large an output rounds
    assert report.floor > 1.5 * max(row.floor for row in report.rows)


def test_a_report_counts_kinks_and_names_what_was_skipped():
    x = np.append(np.linspace(-1, 1, 20), 0.0)[:, None]
    assert "1 of 21 entries of x lie at a kink, where any gradient passes" in str(check_layer(tn.ReLU(), x=x))
    huge = check_layer(tn.ReLU(), x=x * 1e200)
    assert huge
    assert "Not checked: float32, since its numbers do not fit into float32" in str(huge)


def test_an_error_at_the_detection_floor_is_found_and_one_below_it_is_not():
    class Spoiled(tn.Dense):
        factor, largest = 1.0, None

        def forward(self, x, context):
            y, backward = super().forward(x, context)

            def spoiled(dy, grads):
                dx = backward(dy, grads)
                if Spoiled.largest is None:
                    Spoiled.largest = np.unravel_index(np.abs(grads["weight"]).argmax(), grads["weight"].shape)
                grads["weight"][Spoiled.largest] *= self.factor
                return dx

            return y, spoiled

    layer = Spoiled(30, 20)
    floor = check_layer(layer, (4, 30)).floor
    for times, found in ((1.2, True), (0.5, False)):
        object.__setattr__(layer, "factor", 1 + times * floor)
        assert bool(check_layer(layer, (4, 30))) is not found
