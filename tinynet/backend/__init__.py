"""Arrays and what computes on them: devices, random numbers, matrix products, threads, memory, atomic files."""

from tinynet.backend import gpu

__all__ = ["gpu"]  # importing it registers the device "gpu"; CuPy is imported when a GPU is first used
