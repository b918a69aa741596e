"""Servers that send no file, and never end: each is given up in time, and the next mirror is tried."""

import gc
import gzip
import hashlib
import itertools
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

import tinynet as tn
from tinynet.data import download, transfer
from tinynet.data.catalog import File

pytest.importorskip("pooch")
pytest.importorskip("filelock")
pytest.importorskip("requests")  # now, not while the time runs

SECONDS = 1.0  # in place of READ_SECONDS
LIMIT = 20 * SECONDS  # on a machine that does much else
CONTENT = gzip.compress(bytes(range(256)) * 400, mtime=0) * 50
FILE = File("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
LENGTH = b"Content-Length: %d\r\n\r\n" % len(CONTENT)
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(1 << 26), 9)


def drip(text):
    for byte in text:
        yield bytes([byte])
        time.sleep(0.02)


def say_nothing():
    time.sleep(60)
    yield b""


ANSWERS = {  # what each server sends, in parts
    # These never end.
    "drips its status": lambda: drip(itertools.repeat(ord("H"))),
    "drips a header": lambda: itertools.chain([OK, b"X: "], drip(itertools.repeat(ord("a")))),
    "drips headers": lambda: itertools.chain([OK], drip(b"X: y\r\n" * 99)),
    "continues": lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "continues slowly": lambda: drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "continues with headers": lambda: itertools.chain(
        [b"HTTP/1.1 100 Continue\r\n"], itertools.repeat(b"A: b\r\n")
    ),
    "is silent": say_nothing,
    "is silent after the headers": lambda: itertools.chain([OK, LENGTH], say_nothing()),
    "stops half-way": lambda: itertools.chain([OK, LENGTH, CONTENT[:9999]], say_nothing()),
    "drips the content": lambda: itertools.chain([OK, LENGTH], drip(CONTENT)),
    "drips the end": lambda: itertools.chain([OK, LENGTH, CONTENT[:30_000]], drip(CONTENT[30_000:])),
    "drips the size of a chunk": lambda: itertools.chain(
        [OK, b"Transfer-Encoding: chunked\r\n\r\n"], drip(itertools.repeat(ord("0")))
    ),
    "drips chunks": lambda: itertools.chain(
        [OK, b"Transfer-Encoding: chunked\r\n\r\n"], drip(b"1\r\na\r\n" * 9999)
    ),
    "redirects slowly": lambda: itertools.chain([b""], drip(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n" * 9)),
    # These do, or break a rule.
    "redirects to itself": lambda: [b"HTTP/1.1 302 Found\r\nLocation: ?again\r\nContent-Length: 0\r\n\r\n"],
    "redirects with endless content": lambda: itertools.chain(
        [b"HTTP/1.1 302 Found\r\nLocation: ?again\r\n\r\n"], itertools.repeat(bytes(1 << 16))
    ),
    "redirects with a bomb": lambda: [
        b"HTTP/1.1 302 Found\r\nLocation: ?again\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB),
        BOMB,
    ],
    "redirects to a file": lambda: [b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"],
    "redirects to nonsense": lambda: [b"HTTP/1.1 302 Found\r\nLocation: http://[::1\xff\r\n\r\n"],
    "sends endless headers": lambda: itertools.chain([OK], itertools.repeat(b"X: y\r\n")),
    "sends an endless header": lambda: itertools.chain([OK, b"X: "], itertools.repeat(b"a" * 65536)),
    "sends an endless size of a chunk": lambda: itertools.chain(
        [OK, b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"0" * 65536)
    ),
    "sends a bomb": lambda: [OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB],
    "sends more": lambda: [OK + b"\r\n" + CONTENT + CONTENT],  # at once: whoever has the whole file may stop reading
    "sends without end": lambda: itertools.chain([OK, b"\r\n"], itertools.repeat(bytes(1 << 16))),
    "promises less": lambda: [OK, b"Content-Length: 9\r\n\r\n", CONTENT],
    "promises more and closes": lambda: [OK, LENGTH, CONTENT[:-1]],
    "promises two lengths": lambda: [OK, b"Content-Length: 9\r\nContent-Length: 8\r\n\r\n", CONTENT],
    "sends a chunk without a size": lambda: [OK, b"Transfer-Encoding: chunked\r\n\r\n?\r\n", CONTENT],
    "sends another status": lambda: [b"HTTP/1.1 206 Partial Content\r\n", LENGTH, CONTENT],
    "sends early hints": lambda: [b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 3 + [OK, LENGTH, CONTENT],
    "sends no content": lambda: [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "sends an unknown status": lambda: [b"HTTP/1.1 999 \x1b[31m\r\n\r\n"],
    "speaks another protocol": lambda: [b"220 ready\r\n" * 99],
    "hangs up": list,
}  # fmt: skip
FORGIVEN = {  # the file is whole, whatever follows
    "promises a negative length": lambda: [OK, b"Content-Length: -5\r\n\r\n", CONTENT],
    "promises a negative chunk": lambda: [OK, b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", CONTENT],
    "promises a length in words": lambda: [OK, b"Content-Length: many\r\n\r\n", CONTENT],
    "promises more": lambda: itertools.chain(
        [OK, b"Content-Length: %d\r\n\r\n" % (len(CONTENT) + 9), CONTENT], say_nothing()
    ),
    "keeps the connection open": lambda: itertools.chain([b"HTTP/1.0 200 OK\r\n\r\n", CONTENT], say_nothing()),
    "drips the last chunk": lambda: itertools.chain(
        [OK, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(CONTENT), CONTENT], drip(b"\r\n0\r\n" + b"A: b\r\n" * 99)
    ),
    "calls the file an encoding": lambda: [OK, b"Content-Encoding: gzip\r\n", LENGTH, CONTENT],
    "redirects five times": list,  # see Handler
    "works": lambda: [OK, LENGTH, CONTENT],
}  # fmt: skip


class Handler(socketserver.BaseRequestHandler):
    """Sends the parts of the answer that the path names, until the client is gone."""

    def handle(self):
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                if not (more := self.request.recv(4096)):
                    return
                head += more
                if head.startswith(b"\x16"):  # TLS: begin a handshake, and drip
                    for byte in itertools.chain([b"\x16\x03\x03\x3f\xff"], drip(bytes(9999))):
                        self.request.sendall(byte)
            path, _, hops = head.split()[1].decode().partition("?")
            name = "drips its status" if head.startswith(b"CONNECT") else path.split("/")[-2].replace("_", " ")
            if name == "redirects five times":
                place = f"?{hops}x" if len(hops) < 4 else "/works/file.gz"
                self.request.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n".encode())
            for part in {**ANSWERS, **FORGIVEN}[name]():
                self.request.sendall(part)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads, block_on_close, request_queue_size = True, False, 99


@pytest.fixture(scope="module")
def address():
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def short(patch):
    patch.setattr(transfer, "READ_SECONDS", SECONDS)
    patch.setattr(transfer, "CONNECT_SECONDS", SECONDS)
    patch.setattr(download, "WAITS", (0,))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        patch.delenv(name, raising=False)


@pytest.fixture
def shortened(monkeypatch):
    short(monkeypatch)
    return monkeypatch


def outcome(mirror, folder):
    """(the error or the path, the seconds) of a download from one mirror."""
    began = time.monotonic()
    try:
        found = download.fetch(FILE, [mirror], folder)
    except Exception as error:
        found = error
    return found, time.monotonic() - began


def content(address, folder):
    """The file from a server that works, which has more than SECONDS for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "READ_SECONDS", LIMIT)
        return outcome(f"{address}/works", folder)[0].read_bytes()


@pytest.fixture(scope="module")
def outcomes(address, tmp_path_factory):
    """The outcome for each server. All that never end are asked at the same time, since each takes SECONDS."""
    results, folders = {}, {name: tmp_path_factory.mktemp("cache") for name in (*ANSWERS, *FORGIVEN)}

    def ask(name):
        results[name] = (*outcome(f"{address}/{name.replace(' ', '_')}", folders[name]), folders[name])

    with pytest.MonkeyPatch.context() as patch:
        short(patch)
        threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in ANSWERS]
        [thread.start() for thread in threads]
        end = time.monotonic() + 60
        [thread.join(max(0, end - time.monotonic())) for thread in threads]
        patch.setattr(transfer, "READ_SECONDS", LIMIT)
        [ask(name) for name in FORGIVEN]
    return results


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_sends_no_file_is_given_up_in_time(name, outcomes):
    error, seconds, folder = outcomes[name]
    assert isinstance(error, tn.DataNotFoundError)
    assert "put the file into" in str(error)
    assert len(str(error).splitlines()) == 3  # what was wanted, the mirror's answer, the remedy
    assert seconds < LIMIT
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize("name", FORGIVEN)
def test_a_file_that_is_whole_is_taken_whatever_follows(name, outcomes):
    path, seconds, _ = outcomes[name]
    assert not isinstance(path, Exception), path
    assert path.read_bytes() == CONTENT
    assert seconds < LIMIT


def is_over():
    """Whether all threads of downloads end within 10 seconds."""
    end = time.monotonic() + 10
    while left := [each for each in threading.enumerate() if each.name == "tinynet download"]:
        if time.monotonic() > end:
            break
        time.sleep(0.01)
    return not left


def test_no_thread_and_no_lock_is_left(outcomes, address, shortened):
    assert is_over()
    gc.collect()  # a socket that was not closed would warn
    assert content(address, outcomes["continues"][2]) == CONTENT


@pytest.mark.parametrize("name", ["drips a header", "continues"])
def test_the_next_mirror_is_tried(name, address, tmp_path, shortened):
    shortened.setattr(transfer, "READ_SECONDS", 0.3)
    shortened.setattr(download, "WAITS", (0, 0.01, 0.01))
    path = download.fetch(FILE, [f"{address}/{name.replace(' ', '_')}", f"{address}/works"], tmp_path)
    assert path.read_bytes() == CONTENT


def test_who_waits_for_the_lock_of_a_silent_mirror_gets_an_error_in_time(address, tmp_path, shortened):
    first = threading.Thread(target=outcome, args=(f"{address}/is_silent", tmp_path))
    first.start()
    shortened.setattr(download, "LOCK_SECONDS", 0.1)
    while not [each for each in threading.enumerate() if each.name == "tinynet download"]:  # it has the lock
        time.sleep(0.001)
    error, seconds = outcome(f"{address}/works", tmp_path)
    assert isinstance(error, tn.DataNotFoundError)
    assert "Timeout" in str(error)
    assert seconds < LIMIT
    first.join()
    assert content(address, tmp_path) == CONTENT


def test_a_tls_handshake_that_drips_is_given_up(address, tmp_path, shortened):
    error, seconds = outcome(address.replace("http:", "https:"), tmp_path)
    assert isinstance(error, tn.DataNotFoundError)
    assert seconds < LIMIT


def test_a_proxy_that_drips_is_given_up(address, tmp_path, shortened):
    shortened.setenv("https_proxy", address)
    shortened.delenv("no_proxy", raising=False)
    error, seconds = outcome("https://example.invalid", tmp_path)
    assert "slower than" in str(error)
    assert seconds < LIMIT
    assert is_over()


def test_a_proxy_is_used(address, tmp_path, shortened):
    shortened.setenv("http_proxy", address)
    shortened.delenv("no_proxy", raising=False)
    assert content("http://example.invalid", tmp_path) == CONTENT


@pytest.mark.parametrize("proxy", ["nonsense://[", "http://", "http://127.0.0.1:99999", "::", "socks5://127.0.0.1:1"])
def test_a_proxy_that_is_none_is_a_reason(proxy, address, tmp_path, shortened):
    shortened.setenv("http_proxy", proxy)
    shortened.delenv("no_proxy", raising=False)
    error, _ = outcome(f"{address}/works", tmp_path)
    assert isinstance(error, tn.DataNotFoundError)


def test_a_name_server_that_does_not_answer_is_given_up(tmp_path, shortened):
    """The name is looked up by the C library, which only its own limits end; here a stand-in that waits."""
    asked, answer = threading.Event(), threading.Event()

    def wait(*_, **__):
        asked.set()
        answer.wait(60)
        raise socket.gaierror("no answer")

    shortened.setattr(socket, "getaddrinfo", wait)
    shortened.setattr(transfer, "READ_SECONDS", 0.1)
    shortened.setattr(transfer, "END_SECONDS", 0.1)
    error, seconds = outcome("http://example.invalid", tmp_path)
    assert asked.is_set()
    assert "slower than" in str(error)
    assert seconds < 5
    answer.set()


def test_ctrl_c_ends_a_download_at_once_and_frees_the_lock(address, tmp_path, shortened):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer._Transfer, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            download.fetch(FILE, [f"{address}/is_silent"], tmp_path)
    assert content(address, tmp_path) == CONTENT


def test_a_reason_is_one_line():
    assert download._reason(ValueError("\n a\r\n b\x0b c\u2028d")) == "ValueError: a b c d"
    assert download._reason(ValueError()) == "ValueError: "


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_a_redirect_from_https_to_http_is_refused(address, tmp_path, shortened):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9"]
    made = ["openssl", "req", "-x509", *kind, "-keyout", key, "-out", certificate, *name]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Secure(socketserver.BaseRequestHandler):
        def handle(self):
            with context.wrap_socket(self.request, server_side=True) as connected:
                secret = b"/secret/" in connected.recv(4096)
                place = f"{address}/works/file.gz" if secret else "/secret/file.gz"
                connected.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n".encode())

    with Server(("127.0.0.1", 0), Secure) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        shortened.setenv("REQUESTS_CA_BUNDLE", os.fspath(certificate))
        error, _ = outcome(f"https://127.0.0.1:{running.server_address[1]}", tmp_path / "cache")
        running.shutdown()
        thread.join()
    assert f"redirected from https to {address}/works/file.gz" in str(error)
