"""No text that we ship tells anybody to install `tinynet` from an index: there the name belongs to another project."""

import re
import subprocess

import pytest
from child import ROOT

ENDINGS = {".py", ".md", ".ipynb", ".cfg", ".toml", ".html", ".cff", ".in", ".txt", ".yml", ".yaml"}
# `pip install` (or %pip, uv pip, pip3), then on the same line tinynet or tinynet[...] as a requirement. A local wheel
# (tinynet_nn-0.1.0-py3-none-any.whl), a path or `-e '.[examples]'` is no name on an index.
INSTALLS = re.compile(r"""(?:pip3? install|uv add|conda install)\b[^\n]*?[\s'"\\]tinynet(?![\w/.-])""")


def shipped():
    """The text files under version control; in an unpacked source distribution, all text files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [ROOT / name for name in listed.stdout.splitlines()] if listed.returncode == 0 else ROOT.rglob("*")
    return sorted(path for path in paths if path.suffix in ENDINGS and path.is_file() and ".venv" not in str(path))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("pip install tinynet", True),
        ("pip install 'tinynet[data]'", True),
        ('%pip install -q \\"tinynet[examples]\\"', True),
        ("python -m pip install numpy tinynet", True),
        ("pip install -e '.[examples]'", False),
        ("pip install dist/tinynet_nn-0.1.0-py3-none-any.whl", False),
        ("pip install --editable tinynet/", False),
        ("pip install matplotlib; then tinynet.plots draws", False),
    ],
)
def test_the_pattern_tells_them_apart(text, wrong):
    assert bool(INSTALLS.search(text)) == wrong


def test_nobody_is_told_to_install_the_name_of_another_project():
    files = [path for path in shipped() if path.name != "test_shipped_text.py"]
    assert len(files) > 100
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if INSTALLS.search(line)
    ]
    assert not found
