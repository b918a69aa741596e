"""Fashion-MNIST: finding, downloading and verifying it; the real data set where TINYNET_DATA names its folder."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest

import tinynet as tn
from tests.data.test_idx import idx_bytes
from tests.support.data import REAL_DATA
from tinynet.data import catalog, download


def small_files():
    """Small versions of the four files: 20 + 10 pictures."""
    generator = np.random.default_rng(0)
    files = {}
    for prefix, count in (("train", 20), ("t10k", 10)):
        files[f"{prefix}-images-idx3-ubyte"] = generator.integers(0, 256, (count, 28, 28)).astype("uint8")
        files[f"{prefix}-labels-idx1-ubyte"] = generator.integers(0, 10, count).astype("uint8")
    return {name: idx_bytes(array) for name, array in files.items()}


@pytest.fixture
def files(monkeypatch):
    """Small stand-ins for the four files, without a mirror."""
    contents = small_files()
    packed = {name: gzip.compress(content, mtime=0) for name, content in contents.items()}
    sha256 = lambda content: hashlib.sha256(content).hexdigest()  # noqa: E731
    known = tuple(
        catalog.File(f"{name}.gz", len(packed[name]), sha256(packed[name]), sha256(contents[name]))
        for name in catalog.IDX_NAMES
    )
    change_entry(monkeypatch, files=known, mirrors=(), sizes=(20, 10))
    monkeypatch.setattr(download, "WAITS", (0, 0.01))
    return packed


def change_entry(monkeypatch, **changes):
    """Change the catalog's entry of Fashion-MNIST."""
    entry = dataclasses.replace(catalog.CATALOG["fashion_mnist"], **changes)
    monkeypatch.setitem(catalog.CATALOG, "fashion_mnist", entry)


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(content)
    return folder


@pytest.mark.parametrize("subfolder", ["", "fashion-mnist", "fashion_mnist"])
def test_a_folder_is_found_by_argument_and_by_environment(files, tmp_path, monkeypatch, subfolder):
    write(tmp_path / "data" / subfolder, files)
    train, test = tn.data.fashion_mnist(tmp_path / "data")
    assert (len(train), len(test)) == (20, 10)
    assert train.images.shape == (20, 784)
    assert train.image_shape == (28, 28)
    assert train.class_names[9] == "Ankle boot"
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "data"))
    assert tn.data.fashion_mnist(flatten=False)[0].images.shape == (20, 28, 28)


def test_decompressed_files_are_accepted(files, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_bytes(gzip.decompress(content))
    assert len(tn.data.fashion_mnist(tmp_path)[0]) == 20


def test_the_cache_is_looked_at_after_the_folder(files, tmp_path):
    write(tmp_path / "cache" / "fashion_mnist", files)
    (tmp_path / "empty").mkdir()
    assert len(tn.data.fashion_mnist(tmp_path / "empty")[0]) == 20


def test_other_bytes_under_the_same_name_are_refused(files, tmp_path):
    files["train-labels-idx1-ubyte"] = gzip.compress(idx_bytes(np.zeros(20, np.uint8)))
    write(tmp_path, files)
    with pytest.raises(tn.DataError, match=r"train-labels-idx1-ubyte.gz: expected SHA-256 [0-9a-f]{64} of its content, "
                                           r"got [0-9a-f]{64}; it is another data set or damaged"):  # fmt: skip
        tn.data.fashion_mnist(tmp_path)


def test_a_folder_that_does_not_exist_is_named(files, tmp_path):
    with pytest.raises(tn.DataError, match="data: expected a folder, got .*nowhere'; check --data"):
        tn.data.fashion_mnist(tmp_path / "nowhere")


def test_without_files_the_error_says_where_to_put_them(files, tmp_path):
    with pytest.raises(tn.DataNotFoundError) as caught:
        tn.data.fashion_mnist(tmp_path)
    for part in ("train-images-idx3-ubyte.gz", str(tmp_path), str(tmp_path / "cache"), "--data", "TINYNET_DATA"):
        assert part in str(caught.value)


@pytest.fixture
def server(files, tmp_path):
    """An HTTP server with the right files under /good and wrong bytes under /wrong."""
    write(tmp_path / "www" / "good", files)
    write(tmp_path / "www" / "wrong", {name: content + b"!" for name, content in files.items()})

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    requests = []
    handler = functools.partial(Quiet, directory=tmp_path / "www")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", requests
        running.shutdown()
        thread.join()


def test_files_are_downloaded_from_the_first_mirror_that_has_the_right_ones(files, server, monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    address, requests = server
    change_entry(monkeypatch, mirrors=(f"{address}/missing", f"{address}/wrong", f"{address}/good"))
    train, _ = tn.data.fashion_mnist()
    assert len(train) == 20
    cached = sorted(path.name for path in (tmp_path / "cache" / "fashion_mnist").iterdir())
    assert [name for name in cached if not name.endswith(".lock")] == sorted(f"{name}.gz" for name in files)
    seen = len(requests)
    tn.data.fashion_mnist()
    assert len(requests) == seen  # the second load reads the cache


def test_wrong_bytes_never_reach_the_cache(server, monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    address, _ = server
    change_entry(monkeypatch, mirrors=(f"{address}/missing", f"{address}/wrong"))
    with pytest.raises(tn.DataNotFoundError, match="404") as caught:
        tn.data.fashion_mnist()
    assert "bytes, got more" in str(caught.value)
    cache = tmp_path / "cache" / "fashion_mnist"
    assert not [path for path in cache.iterdir() if path.suffix != ".lock"]


def test_a_missing_pooch_is_named(files, monkeypatch):
    change_entry(monkeypatch, mirrors=("http://127.0.0.1:9",))
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(tn.DataNotFoundError, match=r"downloading needs pooch: pip install pooch"):
        tn.data.fashion_mnist()


# The real data set ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL_DATA, reason="needs the real Fashion-MNIST: set TINYNET_DATA to its folder")
class TestReal:
    def test_it_is_what_the_paper_says(self, real_data):
        train, test = real_data
        assert train.images.shape == (60_000, 784)
        assert test.images.shape == (10_000, 784)
        assert list(np.bincount(train.labels)) == [6000] * 10
        assert list(np.bincount(test.labels)) == [1000] * 10
        assert train.images.mean() / 255 == pytest.approx(
            0.2860, abs=5e-5
        )  # the mean that torchvision's users pass to Normalize
        assert train.images.std() / 255 == pytest.approx(0.3530, abs=5e-5)

    def test_one_epoch_learns(self, real_data):
        train, test = real_data
        model = tn.Sequential(tn.Dense(784, 256), tn.ReLU(), tn.Dense(256, 128), tn.ReLU(), tn.Dense(128, 10))
        tn.fit(model, train, optimizer=tn.SGD(0.1), epochs=1, batch_size=100)
        assert tn.evaluate(model, test).accuracy > 0.80
