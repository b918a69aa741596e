"""Every file, folder and test of this repository that a page names exists."""

import re

import pytest

from tests.support.child import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))]
FOLDERS = ("tinynet", "tests", "examples", "benchmarks", "docs")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")
IN_A_FOLDER = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*")  # also in commands and comments
FILE = re.compile(r"[\w*/.-]*[\w*]\.(?:py|md|cuh?|ipynb|cfg|toml)")


def links_of(text):
    """The targets of links in a page; brackets in code are no links."""
    return LINK.findall(CODE.sub("", FENCED.sub("", text)))


def paths_of(text):
    """The paths from a folder of the repository in a page, and the names of files between backticks."""
    text = LINK.sub("]", text)
    words = [word for span in CODE.findall(FENCED.sub("", text)) for word in span.strip("`").split()]
    in_folders = {path.rstrip(".") for path in IN_A_FOLDER.findall(text)}
    return in_folders | {word for word in words if FILE.fullmatch(word)}


def exists(path):
    """Whether a path, or a pattern such as `*.cu`, leads to a file: from the root, from tinynet/, or as a bare name."""
    if any(ROOT.glob(path)) or any((ROOT / "tinynet").glob(path)):
        return True
    return "/" not in path and any(any((ROOT / folder).rglob(path)) for folder in FOLDERS)


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_page_names_exists(name):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    assert not [link for link in links_of(text) if not (page.parent / link).exists()]
    assert not [path for path in sorted(paths_of(text)) if not exists(path)]


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_a_page_names_exists(name):
    named = set(re.findall(r"`(test_\w+)`", (ROOT / name).read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [test for test in sorted(named) if f"def {test}(" not in tests]


def test_paths_are_found_in_links_commands_and_backticks():
    text = "[a](docs/a.md#b), [c](https://c.d/e.py), `python tests/x.py --y`, `step.py`, tinynet/z/. `tn.fit`, a/b.py"
    assert links_of(text + "`f[x](y.py)`") == ["docs/a.md"]
    assert paths_of(text) == {"tests/x.py", "tinynet/z/", "step.py"}
    assert exists("training/step.py")
    assert exists("tinynet/backend/gpu/*.cu")
    assert exists("sgd.py")
    assert not exists("tests/test_devices.py")
    assert not exists("no_such_file.py")
