"""All planted bugs."""

from tests.planted.rooms import backend, data, layers, learning, more, study, training

BUGS = [*backend.BUGS, *layers.BUGS, *learning.BUGS, *data.BUGS, *training.BUGS, *study.BUGS, *more.BUGS]
