"""What the library does is tested by running it: only the lints and the pages listed here read its source as text."""

import re

import pytest

from tests.support.child import ROOT

READERS = {
    "backend/gpu/test_kernels.py": "compiles the CUDA sources, and compares their list with the package's",
    "backend/test_files.py": "a lint: which modules write files",
    "contracts/test_devices.py": "lints: which modules import an array library, and which of its functions they call",
    "contracts/test_imports.py": "a lint: imports inside functions give their reason",
    "contracts/test_mirror.py": "lists modules and test files",
    "contracts/test_readers_of_files.py": "a lint: which modules open files, and how",
    "contracts/test_readers_of_source.py": "this lint",
    "contracts/test_startup.py": "a lint: type checkers see every public name",
    "docs/test_backpropagation.py": "code that the page quotes stands in the source",
    "docs/test_paths.py": "paths and tests that the documents name exist",
    "docs/test_reliability.py": "tests that the document names exist",
    "examples/test_by_hand.py": "the example is as short as the README says",
    "support/advice.py": "parses the code in the text of an error, not in a file",
    "support/host_kernels.py": "compiles the CUDA sources for the CPU",
    "support/remedies/source.py": "finds the texts of errors, each of which needs a row in the table of remedies",
}
TOOLS = {"mutation", "planted"}  # folders of programs that change the source, to see whether the tests notice
READING = re.compile(
    r"getsource|\bco_code\b|__code__|\blinecache\b|\btokenize\b|^import ast$|^from ast import"
    r"|glob\(\"[^\"]*\.(?:py|cu)h?\"\)|\"tinynet\" / |kernels\.source\(|by_hand\.py\"$|\"from tinynet/\"",
    re.MULTILINE,
)


def readers():
    found = (path for path in (ROOT / "tests").rglob("*.py") if READING.search(path.read_text(encoding="utf-8")))
    names = (path.relative_to(ROOT / "tests") for path in found)
    return {name.as_posix() for name in names if name.parts[0] not in TOOLS}


def test_no_test_of_behaviour_reads_the_source():
    assert readers() == set(READERS)


@pytest.mark.parametrize(
    "line",
    [
        "assert 'fsync' in inspect.getsource(write_atomically)",
        "assert function.__code__.co_consts",
        'text = (ROOT / "tinynet" / "model.py").read_text()',
        'for path in PACKAGE.rglob("*.py"):',
        "import ast",
    ],
)
def test_the_lint_finds_a_reader(line):
    assert READING.search(f"import numpy\n{line}\n")
