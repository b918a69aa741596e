"""The notebook is what examples/notebook.py says, was executed, and runs in its quick form."""

import json
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
import notebook  # noqa: E402  (examples/ is on the path: conftest.py)

CONTENT = json.loads(notebook.TARGET.read_text(encoding="utf-8"))


def test_its_cells_are_those_of_the_program():
    ours = ["".join(cell["source"]) for cell in CONTENT["cells"]]
    assert ours == notebook.CELLS
    nbformat.validate(nbformat.from_dict(CONTENT))


def test_it_was_executed_in_order_and_nothing_failed():
    code = [cell for cell in CONTENT["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data"}
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_is_small_and_says_nothing_of_the_machine_it_ran_on():
    text = notebook.TARGET.read_text(encoding="utf-8")
    assert len(text.encode()) < notebook.LARGEST
    words = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.findall(r"/(?:home|tmp|work|root|Users|usr)/", words)
    assert "60,000 examples" in words  # of the real data, in full


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own machinery
def test_it_runs_in_its_quick_form(monkeypatch, tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("TINYNET_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(notebook.__file__).parents[1]))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # without data or network it runs on drawings
    done = notebook.execute(nbformat.read(notebook.TARGET, as_version=4), tmp_path)
    said = "".join(str(output.get("text", "")) for cell in done.cells for output in cell.get("outputs", []))
    assert "these are drawings" in said
    assert "p = " in said
