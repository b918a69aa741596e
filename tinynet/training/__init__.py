"""Training: the training step, the loop over epochs and batches, and the state of a run."""
