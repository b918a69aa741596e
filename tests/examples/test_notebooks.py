"""The notebook has the cells of its source, was executed on the real data, and runs in its quick form."""

import re

import pytest

from tests.support.child import ROOT

jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install jupytext")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbformat")

SOURCE = ROOT / "examples/notebooks/activations_and_dropout.py"
NOTEBOOK = SOURCE.with_suffix(".ipynb")
LARGEST = 500_000  # bytes


def read():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_its_cells_are_those_of_the_source():
    source, notebook = (
        [(cell.cell_type, cell.source) for cell in each.cells] for each in (jupytext.read(SOURCE), read())
    )
    assert notebook == source, "write it again: examples/notebooks/README.md says how"
    nbformat.validate(read())


def test_it_was_executed_in_order_and_nothing_failed():
    code = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"stream", "display_data"}
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_is_small_and_says_nothing_of_the_machine_it_ran_on():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    words = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.findall(r"/(?:home|tmp|work|root|Users|usr)/", words)
    assert "60,000 examples" in words  # of the real data, in full


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own machinery
def test_it_runs_in_its_quick_form(monkeypatch, tmp_path):
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install nbclient")
    monkeypatch.setenv("TINYNET_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no data and no network: it runs on drawings
    executed = nbclient.execute(read(), cwd=tmp_path, timeout=600)
    printed = "".join(output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []))
    assert "generated drawings" in printed
    assert "p = " in printed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_tinynet_it_says_what_to_type(monkeypatch, tmp_path):
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install nbclient")
    (tmp_path / "tinynet.py").write_text("raise ImportError('No module named tinynet')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(nbclient.exceptions.CellExecutionError, match=r"type: pip install -e '\.\[examples\]'"):
        nbclient.execute(read(), cwd=tmp_path, timeout=600)
