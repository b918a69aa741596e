"""Sentences follow from the numbers of a study."""

from tinynet.study import sentences


def comparison(difference, p, low=-0.01, high=0.01):
    return {"arm": "a", "against": "b", "seeds": 5, "difference": difference, "low": low, "high": high, "p_holm": p}


def test_words_follow_from_the_numbers():
    study = {"arms": {"a": {"title": "A"}, "b": {"title": "B"}}}
    assert sentences.comparison_sentence(study, comparison(0.02, 0.001)).startswith("A: 2.00 points better than B")
    assert sentences.comparison_sentence(study, comparison(-0.02, 0.001)).startswith("A: 2.00 points worse than B")
    assert sentences.comparison_sentence(study, comparison(0.02, 0.2)).startswith(
        "A: no significant difference from B at 5 seeds"
    )
    assert "not tested" in sentences.comparison_sentence(study, comparison(0.02, None))


def test_each_side_of_a_comparison_is_named_as_what_it_is():
    study = {"arms": {"a": {"title": "A"}, "b": {"title": "B"}}}
    said = sentences.comparison_sentence(study, comparison(0.02, 0.2, -0.01, 0.05))
    assert said.startswith("A: no significant difference from B at 5 seeds (−1.00 to +5.00 points")
    assert sentences.comparison_sentence(study, comparison(-0.02, None)) == (
        "A: −2.00 points against B, not tested at 5 seeds."
    )


def test_only_a_choice_at_the_edge_of_its_grid_is_noted():
    study = {"arms": {name: {"title": name.upper()} for name in "abc"}}
    study["grids"] = {name: [(0.1, 0.8), (0.3, 0.9), (1.0, 0.7)] for name in "abc"}
    study["chosen"] = {"a": 0.1, "b": 0.3, "c": 1.0}
    assert sentences.edge_note(study) == [
        "At the edge of the grid, so a better learning rate may lie outside it: A, C."
    ]
    assert sentences.edge_note({**study, "chosen": {"b": 0.3}}) == []


def test_the_gap_is_train_minus_test():
    curve = {"epoch": [0, 5], "train_accuracy": [0.1, 0.95], "test_accuracy": [0.1, 0.9]}
    study = {"arms": {"a": {"title": "A"}}, "given": {"curves": {"a": curve}}}
    (said,) = sentences.gap_sentences(study, "given")
    assert said == "Generalization gap (train minus test accuracy) after 5 epochs, in points: A +5.0."


def test_the_noise_of_one_seed_is_that_of_the_examples_it_was_measured_on():
    """A fraction of 0.9 of 10,000 examples has a standard error of sqrt(0.9 * 0.1 / 10,000), 0.30 points."""
    row = {"arm": "a", "seeds": 1, "test_accuracy": 0.9}
    study = {"best": {"rows": [row]}, "settings": {"seeds": 1}, "examples": {"train": 60_000, "test": 10_000}}
    (said,) = sentences.noise_note(study)
    assert said == "An accuracy of 90% has a standard error of 0.30 points; more seeds reduce it."
    assert sentences.noise_note({**study, "settings": {"seeds": 2}}) == []


def test_synthetic_data_are_called_so():
    assert sentences.synthetic_note({"synthetic": True}) == "synthetic data, not Fashion-MNIST"
    assert sentences.synthetic_note({"synthetic": False}) == ""


def test_the_classes_that_changed_most_are_named():
    study = {"arms": {"a": {"title": "A"}, "b": {"title": "B"}}, "classes": ["cat", "dog", "owl"]}
    study["best"] = {"comparisons": [comparison(0.1, 0.01)], "recall": {"a": [0.9, 0.5, None], "b": [0.8, 0.7, 0.1]}}
    assert sentences.class_sentences(study, "best") == ["A against B: cat +10.0, dog −20.0."]
