"""A lint: every reader opens files by `open_regular` or `read_regular`, which wait for no pipe and read no device."""

import ast

import pytest

from tests.support.child import ROOT

NAMES = {  # functions that open a file, whatever object or module they belong to
    "open", "open_code", "openat", "fdopen", "FileIO", "read_bytes", "read_text", "fromfile", "memmap", "open_memmap",
    "loadtxt", "genfromtxt", "NpzFile", "ZipFile", "GzipFile", "TarFile", "LZMAFile", "BZ2File", "mmap", "imread",
    "safe_open", "load_file", "read_csv", "read_file", "FileInput", "getlines", "copyfile", "copyfileobj", "sendfile",
    "urlopen", "run_path",
}  # fmt: skip
OF_NUMPY = {"np.load", "numpy.load", "np.lib.npyio.load"}  # other things are called load, too

STREAM = "reads an open file or bytes, not a path"
ELSEWHERE = {  # each call that is no reader of a file that a user or a data set names, and why it is none
    "backend/environment.py": {
        "Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace')": "a file of the system",
    },
    "backend/files.py": {
        "os.open(path, flags)": "this is `open_regular`",
        "os.fdopen(descriptor, 'rb')": "this is `open_regular`",
        "open(name, 'wb')": "writes",
        "os.fdopen(descriptor, 'wb')": "writes",
        "os.open(path, flags, mode)": "creates a temporary file",
        "os.open(folder, os.O_RDONLY)": "opens a folder, to flush it",
    },
    "backend/gpu/kernels.py": {
        "(FOLDER / f'{name}.cu').read_text(encoding='utf-8')": "a file of this package",
        "(FOLDER / found[1]).read_text(encoding='utf-8')": "a file of this package",
    },
    "backend/terminal.py": {"open(os.devnull, 'wb')": "writes to /dev/null"},
    "data/decoding.py": {
        "image_module.open(stream, formats=('PNG', 'JPEG'))": STREAM,
        "pillow().open(stream, formats=('PNG',))": STREAM,
    },
    "data/download.py": {"open(output, 'wb')": "writes a temporary file of pooch"},
    "data/store.py": {"open(temporary / name, 'wb')": "writes"},
    "data/tfds.py": {"Image.open(io.BytesIO(content), formats=('PNG', 'JPEG'))": STREAM},
    "data/unpacking.py": {
        "gzip.GzipFile(fileobj=io.BytesIO(content))": STREAM,
        "gzip.GzipFile(fileobj=file)": STREAM,
        "tarfile.open(fileobj=stream, mode='r:', tarinfo=_Plain)": STREAM,
        "zipfile.ZipFile(file)": STREAM,
        "archive.open(entry)": "opens a member of an open archive",
    },
    "io/tensor_files.py": {"np.fromfile(file, np.uint8, header.size)": STREAM},
    "study/jobs.py": {"path.read_bytes()": "the source of this package, to name its version"},
    "study/report.py": {"path.read_bytes()": "a figure that this study has drawn"},
    "study/study.py": {"workers.open()": "starts processes"},
    "study/verify.py": {"workers.open()": "starts processes"},
    "study/workers.py": {
        "np.load(folder / f'{name}-{which}.npy', mmap_mode='r')": "a temporary file that this study has written",
    },
    "training/run.py": {"self.team.open()": "starts threads"},
}


def openings(source):
    """The calls in `source` that may open a file."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [ast.unparse(call) for call in calls if _opens(call.func)]


def _opens(function):
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name in NAMES or ast.unparse(function) in OF_NUMPY


def test_every_reader_of_a_file_opens_it_by_open_regular():
    found = {
        path.relative_to(ROOT / "tinynet").as_posix(): set(openings(path.read_text(encoding="utf-8")))
        for path in (ROOT / "tinynet").rglob("*.py")
    }
    assert {name: calls for name, calls in found.items() if calls} == {
        name: set(calls) for name, calls in ELSEWHERE.items()
    }


@pytest.mark.parametrize(
    "line",
    [
        "with open(path, 'rb') as file: pass",
        "text = Path(path).read_text()",
        "text = io.open(path).read()",
        "with Path(path).open() as file: pass",
        "array = np.load(path)",
        "array = np.fromfile(path, 'uint8')",
        "picture = Image.open(path)",
        "archive = zipfile.ZipFile(path)",
        "content = gzip.open(path).read()",
        "read = [each.read_bytes() for each in folder.iterdir()]",
    ],
)
def test_the_lint_finds_a_reader(line):
    assert len(openings(line)) == 1


def test_the_lint_leaves_the_two_functions_alone():
    assert openings("with open_regular(path) as file: read_regular(path)\ndata.load('mnist')\njson.load(file)") == []
