"""Text from outside cannot command a terminal: each door is given a hostile text, and everything printed is looked at.

A door is a way by which text of others (a file's name, what a file holds, a server's answer, a variable of the
environment) gets into a message, a warning, a table or a line of output.
"""

import contextlib
import http.server
import json
import os
import pickle
import sys
import tarfile
import threading
import traceback
import warnings

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet import errors
from tinynet.backend.locks import file_lock
from tinynet.backend.terminal import say
from tinynet.cli.main import main
from tinynet.data.archives import read_cifar10
from tinynet.data.catalog import FASHION_MNIST, File
from tinynet.data.download import fetch
from tinynet.data.tfds import read_tfds
from tinynet.errors import mismatch, printable, unknown_name
from tinynet.study.verify import read
from tinynet.training import callbacks

IN_A_LINE = "\x1b]0;pwned\x07\x1b[2J\u202e\x9b31m\x7f\u2028\r"  # line ends stay where our messages have them
HOSTILE = f"{IN_A_LINE}\nerror: forged"
NAME = HOSTILE + ("\udcff" if sys.platform == "linux" else "")  # a byte of a file name that is not UTF-8
X, LABELS = np.zeros((8, 20), "float32"), np.arange(8) % 4

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or sys.getfilesystemencoding() == "ascii", reason="needs file names of any characters"
)


def harmful(text):
    """The characters in a text that a terminal could obey; a line of its own is one for text from outside, too."""
    return sorted({each for each in text if not each.isprintable() and each != "\n"} | set(text.split("\n")) & FORGED)


FORGED = {"error: forged"}


def files_with(content):
    """A folder in which each of the four files of MNIST is a link or a file as said."""

    def make(folder):
        (folder / NAME).mkdir()
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
            (folder / NAME / name).write_bytes(content)
        return folder / NAME

    return make


def damaged_idx(at):
    (at / NAME).write_bytes(b"\x1f\x8b no IDX")
    return tn.data.read_idx(at / NAME)


def a_pipe(at):
    os.mkfifo(at / NAME)
    return tn.data.read_idx(at / NAME)


def pickled(at):
    content = b"c" + HOSTILE.splitlines()[0].encode("ascii", "replace") + b"\x1b[2J\nsystem\n(tR."
    (at / "data_batch_1").write_bytes(content)
    with tarfile.open(at / "c.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(at / "data_batch_1", "data_batch_1")
    return read_cifar10(at / "c.tar")


def a_picture(at, name="1.png", folder="cat"):
    (at / "pets" / folder).mkdir(parents=True)
    (at / "pets" / folder / name).write_bytes(b"no picture")
    return tn.data.from_folder(at / "pets")


def predicted(at, exists):
    if exists:
        (at / f"{NAME}.png").write_bytes(b"no picture")
    model = tn.Sequential(tn.Flatten(), tn.Dense(16, 2))
    tn.fit(model, (np.zeros((4, 4, 4), "uint8"), np.arange(4) % 2), epochs=1, progress=False)
    return model.predict(str(at / f"{NAME}.png"))


class Answering(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.wfile.write(b"HTTP/1.1 404 \x1b]0;pwned\x07\x1b[2J\xe2\x80\xae\x9b31m\x7f\r\nContent-Length: 0\r\n\r\n")


def downloaded(at):
    pytest.importorskip("pooch")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            fetch(File("a.gz", 1, "0" * 64), (f"http://127.0.0.1:{server.server_port}",), at / NAME)
        finally:
            server.shutdown()


def variable(name, value, use):
    """Use something while a variable of the environment has this value."""

    def call(at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value(at))
            return use()

    return call


def described(at, content):
    (at / "fashion_mnist" / "3.0.1").mkdir(parents=True)
    (at / "fashion_mnist" / "3.0.1" / "dataset_info.json").write_text(json.dumps(content))
    return read_tfds(FASHION_MNIST, at, dict)


def model_file(at, arrays=None, about=None):
    """A model file with hostile names in it, and the right checksum."""
    pytest.importorskip("safetensors")
    from tests.support.model_files import rewrite

    model = small_model()
    model.save(at / "m")
    known = {name: np.asarray(values) for name, values in model.parameters.items()}
    rewrite(at / "m", about=about, arrays={**known, **(arrays or {})})
    return at / "m"


def unexpected(at, strict):
    return small_model().load_weights(model_file(at, {HOSTILE: np.zeros(3, "f4")}), strict=strict)


def a_layer(at, layer):
    about = {"architecture": {"layer": "Sequential", "layers": [layer]}, "dtype": "float32", "preprocessing": None}
    return tn.load(model_file(at, about=about))


def linked(at):
    (at / NAME).symlink_to(at)
    return file_lock(at / NAME, "this needs")


def run(at, folder, **settings):
    pytest.importorskip("safetensors")
    pytest.importorskip("filelock")
    arguments = {"epochs": 1, "checkpoint": folder, "resume": True, "progress": False} | settings
    return tn.fit(small_model(), (X, LABELS), **arguments)


def a_damaged_checkpoint(at):
    run(at, at / NAME)
    newest = sorted((at / NAME).glob("step-*"))[-1]
    newest.write_bytes(newest.read_bytes()[:-5])
    return run(at, at / NAME, epochs=2)


def other_settings(at):
    run(at, at / NAME)
    return run(at, at / NAME, optimizer=tn.SGD(0.5))


class AddsColumns(tn.Callback):
    def __init__(self, value):
        self.value = value

    def epoch_ends(self, history):
        history.last[HOSTILE + "_loss"] = self.value


def a_column(at):
    return run(at, at / "run", callbacks=[AddsColumns(HOSTILE)])


def a_bar(at):
    pytest.importorskip("tqdm")
    bar = callbacks.ProgressBar()
    return tn.fit(small_model(), (X, LABELS), epochs=1, callbacks=[AddsColumns(0.5), bar], progress=False) and None


def results(at, content):
    (at / NAME).write_text(json.dumps(content) if not isinstance(content, str) else content)
    return read(at / NAME, ["relu"])


DATA = tn.data.from_arrays(np.zeros((4, 2, 2), "uint8"), np.arange(4) % 2, (HOSTILE, "b"), name=HOSTILE)

DOORS = {
    "every exception": lambda at: [str(kind(IN_A_LINE)) for kind in KINDS],
    "an exception with an errno": lambda at: str(tn.SaveError(28, IN_A_LINE)),
    "each part of a message": lambda at: mismatch(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    "a misspelt name": lambda at: unknown_name("layer", HOSTILE, [HOSTILE, "b"]),
    "a line on standard output": lambda at: say(IN_A_LINE),
    "a line on standard error": lambda at: say(IN_A_LINE, "stderr"),
    "a data file that is missing": lambda at: tn.data.read_idx(at / NAME),
    "a data file that is damaged": damaged_idx,
    "a data file that is a pipe": a_pipe,
    "a name in a pickle": pickled,
    "a folder of data that is missing": lambda at: tn.data.load("mnist", data=at / NAME),
    "data that are other ones": lambda at: tn.data.load("mnist", data=files_with(b"\0\0\x08\x01\0\0\0\0")(at)),
    "data that are missing": lambda at: tn.data.load("mnist", data=files_with(b"")(at), source="folder"),
    "the name of a data set": lambda at: tn.data.load(HOSTILE),
    "the name of a source": lambda at: tn.data.load("mnist", source=HOSTILE),
    "a class folder": lambda at: a_picture(at, folder=NAME),
    "a picture": lambda at: a_picture(at, f"{NAME}.png"),
    "a picture of another format": lambda at: a_picture(at, f"{NAME}.gif"),
    "a picture to predict that is missing": lambda at: predicted(at, False),
    "a picture to predict that is damaged": lambda at: predicted(at, True),
    "the reason phrase of a server": downloaded,
    "TINYNET_DATA": variable("TINYNET_DATA", lambda at: str(at / NAME), lambda: tn.data.load("mnist")),
    "TINYNET_CACHE": variable(
        "TINYNET_CACHE", lambda at: str(at / NAME), lambda: tn.data.load("mnist", source="cache")
    ),
    "the format of prepared data": lambda at: described(at, {"fileFormat": HOSTILE}),
    "the folder of prepared data": lambda at: described(at / NAME, []),
    "a lock file": linked,
    "a model file that is missing": lambda at: tn.load(at / NAME),
    "arrays of a model file": lambda at: tn.load(model_file(at, {HOSTILE: np.zeros(3, "f4")})),
    "arrays of a file of weights": lambda at: unexpected(at, True),
    "arrays of a file of weights, listed": lambda at: unexpected(at, False),
    "a layer of a model file": lambda at: a_layer(at, {"layer": HOSTILE}),
    "an argument of a layer": lambda at: a_layer(at, {"layer": "Dense", "inputs": HOSTILE, "outputs": 3}),
    "the name of an argument": lambda at: a_layer(at, {"layer": "Dense", HOSTILE: 3}),
    "a model that cannot be saved": lambda at: small_model().save(at / "missing" / NAME),
    "a picture that cannot be drawn": lambda at: tn.fit(small_model(), (X, LABELS), epochs=1, progress=False).plot(
        at / "missing" / f"{NAME}.png"
    ),
    "a damaged checkpoint": a_damaged_checkpoint,
    "the folder of another run": other_settings,
    "a column of a history that is no number": a_column,
    "a column of a history": lambda at: tn.History([{HOSTILE: 1.0}])["other"],
    "a progress bar": a_bar,
    "a history": lambda at: repr(tn.History([{HOSTILE: 1.0}])),
    "a data set": lambda at: repr(DATA),
    "a data set in an error": lambda at: tn.data.from_arrays(np.zeros((4, 2)), [1, 2], name=HOSTILE),
    "a class in an error": lambda at: tn.data.from_arrays(np.zeros((1, 2)), [HOSTILE], class_names=("a", "b")),
    "a report of data": lambda at: tn.data.data_report(DATA, DATA),
    "results that are missing": lambda at: read(at / NAME, ["relu"]),
    "results of another kind": lambda at: results(at, {"format": HOSTILE}),
    "results that are no JSON": lambda at: results(at, HOSTILE),
    "results with a hostile key": lambda at: results(at, {"format": "tinynet-study", "version": HOSTILE, HOSTILE: 1}),
    "a command": lambda at: main(["data", "report", HOSTILE]),
    "a command with a folder": lambda at: main(["data", "report", "mnist", "--data", str(at / NAME)]),
    "a command with a device": lambda at: main(["doctor", "--device", HOSTILE]),
    "what the doctor finds": variable(
        "TINYNET_CACHE", lambda at: str(at / NAME), lambda: main(["doctor", "--device", "cpu"])
    ),
}

KINDS = [errors.ShapeError, tn.DataError, tn.DataNotFoundError, tn.DeviceError, tn.SaveError, tn.DivergenceError]


@pytest.mark.parametrize("door", DOORS)
def test_nothing_that_is_printed_commands_a_terminal(door, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("tinynet.data.download.WAITS", (0,))
    printed = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            returned = DOORS[door](tmp_path)
            printed += returned if isinstance(returned, list) else [returned] if isinstance(returned, str) else []
        except (Exception, SystemExit) as error:
            printed += [str(error), "".join(traceback.format_exception(error))]
    printed += [str(each.message) for each in told] + [text.replace("\repoch", "epoch") for text in capfd.readouterr()]
    assert "".join(printed)
    for text in printed:
        # The traceback quotes lines of this file, which are harmless.
        assert not harmful(text), text.encode("unicode_escape")
    assert any(r"\x1b" in text for text in printed), "the hostile text did not come this way"


def test_line_ends_of_our_own_stay_and_what_is_printable_is_not_changed():
    assert str(tn.DataNotFoundError("a:\n  b\n  c")) == "a:\n  b\n  c"
    text = "käfer 甲虫 🐞 ± ≥ “x” \\x1b\nsecond line"
    assert printable(text) == printable(printable(text)) == text
    assert printable("\x1b\u202e\x9b\x7f\udcff\u2028\r") == r"\x1b\u202e\x9b\x7f\udcff\u2028\r"


def test_exceptions_keep_what_they_hold():
    full = tn.SaveError(28, "full\x1b")
    assert (full.errno, full.strerror, str(full)) == (28, r"full\x1b", r"[Errno 28] full\x1b")
    assert tn.DivergenceError("a", [1]).history == [1]
    with contextlib.suppress(tn.DataError):
        raise tn.DataError
    for error in (full, tn.DataError("a\x1b"), tn.DivergenceError("a")):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  what was dumped
        assert (type(again), again.args) == (type(error), error.args)


def test_causes_that_are_printed_raw_are_left_out():
    assert errors.printable_cause(ValueError("\x1b")) is None
    harmless = ValueError("a")
    assert errors.printable_cause(harmless) is harmless
