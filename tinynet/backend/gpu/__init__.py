"""What makes a GPU fast: kernels of our own, products that can be recorded, and steps recorded once and replayed.

Nothing here is imported on a CPU; the layers stay what they are. See docs/gpu.md.
"""
