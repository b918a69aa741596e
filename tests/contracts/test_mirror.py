"""Tests mirror the source: the tests of tinynet/layers/dense.py are in tests/layers/test_dense.py."""

from tests.support.child import ROOT

ELSEWHERE = {  # modules that are tested with the module that uses them
    "backend/gpu/recorder.py": "training/test_recorded.py",
    "data/archives.py": "data/test_sources.py",
    "data/duplicates.py": "data/test_sources.py",
    "data/store.py": "data/test_sources.py",
    "gradcheck/compare.py": "gradcheck/test_differences.py",
    "gradcheck/conduct.py": "gradcheck/test_checks_planted.py",
    "gradcheck/explain.py": "gradcheck/test_checks_planted.py",
    "gradcheck/first_pass.py": "gradcheck/test_checks_planted.py",
    "gradcheck/learning_rate.py": "gradcheck/test_checks_planted.py",
    "gradcheck/losses.py": "gradcheck/test_checks_planted.py",
    "gradcheck/passes.py": "gradcheck/test_checks_planted.py",
    "gradcheck/rows.py": "gradcheck/test_checks_planted.py",
    "gradcheck/statistics.py": "gradcheck/test_checks_planted.py",
    "study/options.py": "study/test_program.py",
    "study/progress.py": "study/test_study.py",
    "study/runs.py": "study/test_probe.py",
    "training/code.py": "training/test_identity.py",
    "training/config.py": "training/test_fit.py",
    "training/eager.py": "training/test_fit.py",
    "training/operations.py": "training/test_step.py",
    "training/run.py": "training/test_fit.py",
}
NOT_MIRRORED = {"contracts", "benchmarks", "docs", "examples", "gpu", "mutation", "planted", "stress", "support"}


def modules():
    return {str(path.relative_to(ROOT / "tinynet")) for path in (ROOT / "tinynet").rglob("[!_]*.py")}


def files_of_tests():
    paths = (path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
    return [path for path in paths if path.parts[0] not in NOT_MIRRORED]


def test_each_module_has_its_tests_at_the_mirrored_path_or_an_entry_here():
    own = {str(path.with_name(path.name.removeprefix("test_"))) for path in files_of_tests()}
    assert modules() - own == set(ELSEWHERE)
    assert not [path for path in ELSEWHERE.values() if not (ROOT / "tests" / path).exists()]


def test_each_test_file_is_named_after_a_module():
    """Or begins with its name: test_checkpoints_of_older_versions.py."""
    known = [module.removesuffix(".py") for module in modules()]
    strangers = [
        str(path)
        for path in files_of_tests()
        if not any(str(path.with_name(path.stem.removeprefix("test_"))).startswith(name) for name in known)
    ]
    assert not strangers
