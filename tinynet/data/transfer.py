"""Transfer a file over HTTP in bounded time, whatever the server sends."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, BinaryIO
from urllib.parse import urljoin

CONNECT_SECONDS = 5  # for each address of a mirror: without a network the download fails soon
READ_SECONDS = 20  # the time in which READ_SECONDS * SLOWEST bytes have to arrive
SLOWEST = 20_000  # bytes per second; a slower mirror is given up
REDIRECTS = 5
END_SECONDS = 1  # to wait for the end of a transfer that was given up


def transfer(address: str, target: BinaryIO, length: int, update: Callable[[int], object]) -> None:
    """Copy the `length` bytes of `address` into `target`; call `update` with the length of each block.

    A thread does it. It is given up with TimeoutError if READ_SECONDS pass in which fewer than READ_SECONDS * SLOWEST
    bytes of the file arrive, whatever it waits for: a name server, a connection, redirects, headers, content. Raises
    ValueError if more bytes come, ConnectionError if fewer, and the errors of requests.
    """
    import requests  # an optional dependency; loaded before the time runs

    work = _Transfer(requests, address, target, length, update)
    thread = threading.Thread(target=work.run, name="tinynet download", daemon=True)
    thread.start()
    try:
        work.wait()
    finally:
        work.stop()
        thread.join(END_SECONDS)  # not for ever: nothing breaks off the search for a name's address


class _Transfer:
    """A transfer in a thread (`run`), and what the caller does meanwhile (`wait`, `stop`)."""

    def __init__(
        self, requests: Any, address: str, target: BinaryIO, length: int, update: Callable[[int], object]
    ) -> None:
        self.requests, self.address, self.target, self.length, self.update = requests, address, target, length, update
        self.received = 0
        self.error: Exception | None = None
        self.done, self.stopped = threading.Event(), threading.Event()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    # In the caller's thread -----------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Wait for the end, and raise the error of `run`. TimeoutError if it is too slow."""
        before = 0
        while not self.done.wait(READ_SECONDS):
            received = self.received
            if received < before + READ_SECONDS * SLOWEST:
                raise TimeoutError(f"slower than {SLOWEST:,} bytes a second")
            before = received
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Break off the connections, so that whoever waits for one gets an error or its end."""
        with self._lock:
            self.stopped.set()
            while self._sockets:
                _break_off(self._sockets.pop())

    # In the thread of the transfer ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Transfer the file. `error` and `done` are set at the end."""
        try:
            self._copy()
        except Exception as error:  # is raised by `wait`
            self.error = error
        finally:
            self.done.set()

    def watch(self, connected: socket.socket) -> None:
        """Remember a connection, to break it off. TLS takes over its file descriptor, hence the copy."""
        with self._lock:
            self._sockets.append(connected.dup())
        if self.stopped.is_set():
            self.stop()

    def _copy(self) -> None:
        with self.requests.Session() as session:
            adapter = _adapter(self.requests.adapters.HTTPAdapter, self.watch)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            with self._answer(session) as answer:
                answer.raise_for_status()
                if answer.status_code != 200:
                    raise self.requests.HTTPError(f"{answer.status_code} instead of 200")
                self._read(answer.raw)

    def _answer(self, session: Any) -> Any:
        """The answer after all redirects. Session.get would follow them, but reads and decompresses their contents."""
        address = self.address
        for _ in range(REDIRECTS + 1):
            request = session.prepare_request(self.requests.Request("GET", address))
            settings = session.merge_environment_settings(request.url, {}, True, None, None)  # proxies, certificates
            timeout = CONNECT_SECONDS, READ_SECONDS
            answer = session.get_adapter(request.url).send(request, timeout=timeout, **settings)
            if not answer.is_redirect:
                return answer
            answer.close()
            before, address = address, urljoin(address, answer.headers["Location"])
            if before.startswith("https:") and not address.startswith("https:"):  # others could see and stop it
                raise ConnectionError(f"redirected from https to {address}")
        raise ConnectionError(f"redirected more than {REDIRECTS} times")

    def _read(self, content: Any) -> None:
        """Copy the content as it was sent, so that nothing is decompressed. What follows the last byte is not read."""
        while self.received < self.length:
            most = min(1 << 16, self.length - self.received + 1)
            block = content.read1(most, decode_content=False)  # what is there, without waiting for a full block
            if self.stopped.is_set():
                return
            if not block:
                got = f"expected {self.length:,} bytes, got {self.received:,}"
                raise ConnectionError(f"{got}: the transfer was cut")
            self.target.write(block)
            self.received += len(block)
            self.update(len(block))
        if self.received > self.length:
            raise ValueError(f"expected {self.length:,} bytes, got more")


def _adapter(kind: Any, watch: Callable[[socket.socket], None]) -> Any:
    """An adapter of requests that passes each new connection to `watch`, those to a proxy included."""

    def watched(manager: Any) -> Any:
        classes = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():

            class Connection(pool.ConnectionCls):  # type: ignore[misc,name-defined]
                def _new_conn(self) -> socket.socket:
                    connected: socket.socket = super()._new_conn()
                    watch(connected)
                    return connected

            classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": Connection})
        manager.pool_classes_by_scheme = classes
        return manager

    class Adapter(kind):  # type: ignore[misc]
        def init_poolmanager(self, *settings: Any, **more: Any) -> None:
            super().init_poolmanager(*settings, **more)
            watched(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **settings)
            return manager if known else watched(manager)

    return Adapter()


def _break_off(connected: socket.socket) -> None:
    with contextlib.suppress(OSError), connected:
        connected.shutdown(socket.SHUT_RDWR)
