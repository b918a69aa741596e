"""All planted bugs."""

from tests.planted.rooms import backend, layers, learning

BUGS = [*backend.BUGS, *layers.BUGS, *learning.BUGS]
