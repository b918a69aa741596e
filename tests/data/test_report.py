"""A report of a data set says what is in it: sizes, brightness in units of 255, counts, and which pictures repeat."""

import numpy as np

import tinynet as tn


def line_of(text, name):
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def test_each_number_of_a_report_is_of_the_set_it_is_given_for():
    images = np.zeros((7, 2, 2), "uint8")
    images[:, 0, 0] = [51, 102, 153, 204, 255, 102, 102]  # 0.2 to 1.0
    train = tn.data.from_arrays(images[[0, 1, 2, 3, 4]], [0, 0, 0, 1, 1], ("cat", "dog"), "pets")
    test = tn.data.from_arrays(images[[1, 1, 1]], [1, 1, 0], ("cat", "dog"), "pets")
    text = tn.data.data_report(train, test)
    assert text.startswith("pets: 5 training and 3 test pictures of 2 x 2 uint8\n")
    for name, data in (("train ", train), ("test ", test)):
        mean, deviation = (data.images / 255).mean(), (data.images / 255).std()
        assert line_of(text, name)[1:] == [f"{mean:.4f}", f"{deviation:.4f}"]
    assert line_of(text, "cat")[1:] == ["3", "1"]
    assert line_of(text, "dog")[1:] == ["2", "2"]
    assert text.endswith("0 within train, 2 within test, 1 of train in test")


def test_floats_are_reported_as_they_are():
    data = tn.data.from_arrays(np.full((4, 3), 0.25), [0, 1, 0, 1])
    text = tn.data.data_report(data, data)
    assert line_of(text, "train ")[1:] == ["0.2500", "0.0000"]
    assert "synthetic" not in text
    assert "synthetic" in tn.data.data_report(*tn.data.synthetic_fashion(10, 10))
