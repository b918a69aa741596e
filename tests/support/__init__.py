"""What several tests share: a stand-in for a GPU, kernels compiled for the CPU, processes, small models and data."""
