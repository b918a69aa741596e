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
