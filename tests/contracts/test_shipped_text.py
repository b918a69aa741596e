"""No shipped text tells users to install `tinynet` from an index, where that name belongs to another project."""

import re
import subprocess

import pytest

from tests.support.child import ROOT

ENDINGS = {".py", ".md", ".ipynb", ".cfg", ".toml", ".html", ".cff", ".in", ".txt", ".yml", ".yaml"}
# An install command with the requirement tinynet or tinynet[...] on the same line. Local wheels, paths and
# `-e '.[examples]'` are allowed.
INSTALLS = re.compile(r"""(?:pip3? install|uv add|conda install)\b[^\n]*?[\s'"\\]tinynet(?![\w/.-])""")


def shipped():
    """The text files under version control; in an unpacked source distribution, all text files."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files"]  # the checkout may belong to another user
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    paths = [ROOT / name for name in listed.splitlines()] or [*ROOT.rglob("*")]
    return sorted(path for path in paths if path.suffix in ENDINGS and path.is_file())


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


def test_no_text_tells_users_to_install_the_name_of_another_project():
    files = [path for path in shipped() if path.name != "test_shipped_text.py"]
    assert len(files) > 100
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if INSTALLS.search(line)
    ]
    assert not found
