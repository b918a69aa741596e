"""Each promise of docs/reliability.md names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_promise_names_a_test_that_exists():
    promises = [line for line in PAGE.partition("## Checkpoints")[0].splitlines() if line.startswith("| ")]
    promises = [line for line in promises if not line.startswith("| promise |")]
    assert len(promises) > 25
    for line in promises:
        names = re.findall(r"`((?:test_|tests/)[\w/.]+)`", line.rpartition(" | ")[2])
        assert names, line
        for name in names:
            assert (ROOT / name).is_file() if "/" in name else f"def {name}(" in TESTS, name


def test_every_command_names_a_script_that_exists():
    for script in re.findall(r"python ((?:tests|benchmarks)/[\w/]+\.py)", PAGE):
        assert (ROOT / script).is_file(), script
