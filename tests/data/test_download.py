"""Downloads from a local server that misbehaves in several ways: each gives the right file or one clear error."""

import gzip
import hashlib
import http.server
import multiprocessing
import socket
import threading
import time

import pytest

import tinynet as tn
from tinynet.data import download, transfer
from tinynet.data.catalog import File

pytest.importorskip("pooch")
pytest.importorskip("filelock")

CONTENT = gzip.compress(bytes(range(256)) * 400, mtime=0) * 50
FILE = File("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """A handler that misbehaves in the way named by the first part of the path."""

    seen: list[str] = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        way = self.path.split("/")[1]
        self.seen.append(way)
        getattr(self, f"answer_{way}")()

    def send(self, content, length=None, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def answer_good(self):
        self.send(CONTENT)

    def answer_late(self):
        time.sleep(0.3)
        self.send(CONTENT)

    def answer_wrong(self):
        self.send(CONTENT[:-1] + b"!")

    def answer_long(self):
        self.send(CONTENT * 100)

    def answer_forbidden(self):
        self.send(b"no", status=403)

    def answer_cut(self):
        self.send(CONTENT[: len(CONTENT) // 2], length=len(CONTENT))

    def answer_short(self):
        self.send(CONTENT[: len(CONTENT) // 2])

    def answer_redirect(self):
        self.send_response(302)
        self.send_header("Location", "/good/file.gz")
        self.end_headers()

    def answer_third(self):
        if self.seen.count("third") < 3:
            self.send(b"later", status=503)
        else:
            self.send(CONTENT)

    def answer_dripping(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        try:
            for byte in CONTENT:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:  # the client closed the connection
            pass

    def answer_silent(self):
        time.sleep(1.5)


@pytest.fixture
def server(monkeypatch):
    """The address of a running server, with pauses and limits shortened for a test."""
    monkeypatch.setattr(download, "WAITS", (0, 0.01, 0.02))
    monkeypatch.setattr(transfer, "READ_SECONDS", 0.5)
    Misbehaving.seen = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def mirrors(server, *ways):
    return [f"{server}/{way}" for way in ways]


@pytest.mark.parametrize(
    "ways",
    [["good"], ["redirect"], ["forbidden", "good"], ["wrong", "good"], ["cut", "good"], ["short", "good"], ["third"],
     ["long", "good"], ["dripping", "good"], ["silent", "good"]],
    ids=" then ".join,
)  # fmt: skip
def test_the_right_file_is_downloaded_despite_failing_mirrors(server, tmp_path, ways):
    path = download.fetch(FILE, mirrors(server, *ways), tmp_path)
    assert path == tmp_path / "file.gz"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("way", "answer", "tries"),
    [("wrong", "does not match the known hash", 1), ("forbidden", "403", 1), ("cut", "IncompleteRead|cut|Error", 3),
     ("short", "the transfer was cut", 3), ("long", "got more", 1), ("dripping", "slower than", 3)],
)  # fmt: skip
def test_a_mirror_that_never_works_is_reported_and_leaves_no_file(server, tmp_path, way, answer, tries):
    with pytest.raises(tn.DataNotFoundError, match=f"/{way}: .*({answer})") as caught:
        download.fetch(FILE, mirrors(server, way), tmp_path)
    assert "put the file into" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    assert Misbehaving.seen.count(way) == tries


def test_a_port_without_a_server_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "WAITS", (0,))
    with socket.socket() as free:  # a port without a server
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(tn.DataNotFoundError, match="ConnectionError"):
            download.fetch(FILE, [address], tmp_path)
    assert time.monotonic() - began < 5


def _fetch_in_a_process(address, folder, both):
    both.wait(60)  # until the other process is as far
    download.fetch(FILE, [address], folder)


def test_two_processes_share_one_download(server, tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = f"{server}/late", tmp_path, context.Barrier(2)
    workers = [context.Process(target=_fetch_in_a_process, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert Misbehaving.seen == ["late"]


def _fetch_with_a_full_disk(address, folder, answers):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # longer files fail as on a full disk
    try:
        download.fetch(FILE, [address], folder)
    except tn.DataNotFoundError as error:
        answers.put(str(error))


def test_a_full_disk_is_reported_and_leaves_no_file(server, tmp_path):
    pytest.importorskip("resource")
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    worker = context.Process(target=_fetch_with_a_full_disk, args=(f"{server}/good", tmp_path, answers))
    worker.start()
    assert "OSError: [Errno 27] File too large" in answers.get(timeout=60)
    worker.join(60)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(tn.DataNotFoundError, match="NotADirectoryError|FileExistsError"):
        download.fetch(FILE, mirrors(server, "good"), tmp_path / "file" / "cache")


def test_offline_opens_no_socket(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("fashion_mnist", "mnist", "kmnist", "emnist", "cifar10"):
        with pytest.raises(tn.DataNotFoundError, match="got nothing, and --offline forbids a download"):
            tn.data.load(name, offline=True)
    assert len(tn.data.load("synthetic_fashion", offline=True)) == 2


@pytest.fixture
def homeless(monkeypatch):
    """A user whom the system does not know, without a home directory."""

    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", unknown)
    for name in ("TINYNET_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_home_the_cache_is_named_by_the_user(homeless, tmp_path, monkeypatch):
    message = "cache: expected a home directory, got none; set TINYNET_CACHE to a folder that you can write to"
    with pytest.raises(tn.DataNotFoundError, match=message):
        download.cache_folder()
    with pytest.raises(tn.DataNotFoundError, match=message):
        tn.data.fashion_mnist()
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path))
    assert download.cache_folder() == tmp_path


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_a_cache_that_the_system_names_needs_no_home(platform, homeless, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", platform)
    variable = {"linux": "XDG_CACHE_HOME", "win32": "LOCALAPPDATA", "darwin": "TINYNET_CACHE"}[platform]
    monkeypatch.setenv(variable, str(tmp_path))
    assert download.cache_folder() == (tmp_path if platform == "darwin" else tmp_path / "tinynet")


def test_without_a_home_a_folder_is_still_read(homeless, tmp_path):
    with pytest.raises(tn.DataNotFoundError, match=f"to find it in {tmp_path}.*, got nothing, and --offline"):
        tn.data.load("fashion_mnist", data=tmp_path, offline=True)


def test_without_a_home_tensorflow_datasets_are_named_by_the_user(homeless):
    with pytest.raises(tn.DataNotFoundError, match="expected a home directory, got none; set TFDS_DATA_DIR"):
        tn.data.load("mnist", source="tfds", offline=True)
