"""Data of the tests."""

import os

REAL_DATA = os.environ.get("TINYNET_DATA")  # the folder of the real Fashion-MNIST, read before tests change it
