"""Make the synthetic data set small in every Python process whose PYTHONPATH has this folder, workers included.

Drawing its 70,000 pictures, training on them and measuring them takes most of the time of a test that runs an example.
"""

from tinynet.data import drawings

drawings.synthetic_fashion.__defaults__ = (2000, 500, 0, True)
