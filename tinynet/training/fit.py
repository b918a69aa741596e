"""`tn.fit`: train a model from its current parameters, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinynet.backend.arrays import Device
from tinynet.backend.habits import explained
from tinynet.data.transforms import Transform
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.callbacks import Callback
from tinynet.training.config import Resume
from tinynet.training.history import History
from tinynet.training.steps import Capture
from tinynet.training.trainer import Trainer
from tinynet.training.validate import Data

if TYPE_CHECKING:
    from tinynet.backend.files import PathLike
    from tinynet.training.checkpoints import Checkpoints


@explained
def fit(
    model: Sequential,
    train: Data,
    *,
    validation: Data | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    seed: int = 0,
    device: str | Device | None = None,
    threads: int | None = None,
    transforms: Sequence[Transform] = (),
    capture: Capture = "auto",
    precision: str = "float32",
    measure_train: bool = False,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    checkpoint: PathLike | Checkpoints | None = None,
    resume: Resume = False,
    nan_guard: bool = True,
) -> History:
    """Train `model` in place; return the history, a row for each epoch.

    Each call makes a new `Trainer`, so it begins at step 0 with a new optimizer state. To train further, keep a Trainer
    and call its `fit` again. The loop over epochs is in trainer.py, the training step in step.py.

    train, validation   a Dataset, or a pair (images, labels)
    loss, optimizer     SoftmaxCrossEntropy() and SGD(0.1) unless given
    epochs, batch_size  whole numbers from 1; the last batch of an epoch may be smaller, and is used
    seed                of the shuffles and dropout; the model has its own seed for the initial weights
    device              "cpu", "gpu", "gpu:N", "auto"; model and data move there. None trains where the model is
    threads             how many threads share each batch, by rows; None chooses a good number. It changes results by
                        rounding only; the same number gives the same bits. Runs beside each other take turns, step by
                        step, where they need other numbers of BLAS threads
    transforms          change the training pictures at random: Shift(2), HorizontalFlip(), ... of tn.data
    capture             record the step as a CUDA graph and replay it, with equal results. "auto": if possible. True, or
                        the number of steps in each graph: an error if not possible. False: never
    precision           of the factors of matrix products: "float32", "tf32", "bfloat16" or "float16" (the loss is then
                        scaled: optimizers/loss_scaling.py). Parameters and sums stay float32. This is faster on a
                        GPU; a CPU only rounds as a GPU does
    measure_train       also evaluate the training set after each epoch, in inference mode
    progress            show a bar on a terminal (needs tqdm)
    checkpoint          a folder in which the run is saved, or Checkpoints(folder, ...): see docs/reliability.md
    resume              continue from the newest checkpoint in that folder, if there is one; the results have the same
                        bits as those of a run that was never stopped. Raises ValueError if a setting has changed, or
                        is a lambda or another function that cannot be compared: resume="trust" accepts these
    nan_guard           stop if a loss or a parameter becomes NaN or infinite (nan_guard.py); False continues

    On Linux, the process keeps the memory that a step frees for the next step (backend/memory.py).

    Raises DivergenceError, with the history so far, if the NaN guard stops the run; DataError, ShapeError or
    TypeError for data that do not fit the model; DeviceError if the device cannot be used.
    """
    if getattr(model, "_trained", False) and not resume:
        model._trained = False  # say it once
        import logging  # start-up time: only a second call has something to say

        remedy = "to go on, keep a Trainer and call its fit"
        logging.getLogger("tinynet").warning(
            "fit: this model was trained before; shuffles, dropout and optimizer begin anew from its parameters: %s",
            remedy,
        )
    trainer = Trainer(model, loss=loss, optimizer=optimizer, seed=seed, device=device, precision=precision)
    return trainer.fit(
        train,
        validation=validation,
        epochs=epochs,
        batch_size=batch_size,
        threads=threads,
        transforms=transforms,
        capture=capture,
        measure_train=measure_train,
        progress=progress,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=resume,
        nan_guard=nan_guard,
    )
