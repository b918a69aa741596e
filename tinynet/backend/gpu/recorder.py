"""Record a function as a CUDA graph and replay it without Python (training/recorded.py records training steps)."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator

from tinynet.backend.arrays import Device
from tinynet.backend.gpu.cublas import CuBLAS
from tinynet.backend.matmul import use_multiplier


class CudaRecorder:
    """Runs and records functions on a stream of its own, with its own memory pool and cuBLAS handle.

    The pool is kept as long as the graphs live: memory that a graph writes to is never given to anything else.
    """

    def __init__(self, device: Device, precision: str = "float32") -> None:
        self.cuda = device.module.cuda
        with device.active():
            self.stream, self.pool = self.cuda.Stream(non_blocking=True), self.cuda.MemoryPool()
            with self.stream:
                self.multiplier = CuBLAS(self.stream, device.module, precision, device.kernels())

    def run(self, function: Callable[[], None]) -> None:
        """Call `function` on the recorder's stream, without recording."""
        with self._inside():
            function()

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """Record what `function` launches on the device; the result replays it, in the same memory."""
        with self._inside(), _no_garbage_collection():
            self.stream.begin_capture()
            try:
                function()
            except BaseException:
                with contextlib.suppress(Exception):  # the error may have ended the capture already
                    self.stream.end_capture()
                raise
            graph = self.stream.end_capture()
            graph.upload(self.stream)

        def launch() -> None:
            with self._in_turn():
                graph.launch(self.stream)

        return launch

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        allocating = self.cuda.using_allocator(self.pool.malloc)
        with self._in_turn(), self.stream, allocating, use_multiplier(self.multiplier):
            yield

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Order the work inside after all earlier work on the current stream, and before all later work."""
        current = self.cuda.get_current_stream()
        self.stream.wait_event(current.record())
        yield
        current.wait_event(self.stream.record())


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch Python's garbage collector off inside: freeing an array or event would invalidate a running capture."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
