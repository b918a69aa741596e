"""Small pictures of three classes, and models trained on them."""

import numpy as np

import tinynet as tn

NAMES = ("left", "right", "top")


def pictures(count, seed=0, height=8, width=6):
    """uint8 pictures (count, height, width) on a grey ground, with one bright part, and their labels."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = generator.integers(60, 120, (count, height, width))
    images[labels == 0, :, : width // 2] += 80
    images[labels == 1, :, width // 2 :] += 80
    images[labels == 2, : height // 2] += 80
    images[:, 0, 0], images[:, -1, -1] = 0, 255
    return images.astype("uint8"), labels


def trained(images, labels, standardize=True, flatten=True, loss=None, class_names=NAMES, **settings):
    """(model, training set) after a few epochs on pictures (N, H, W) or (N, H, W, C)."""
    train = tn.data.from_arrays(images, labels, class_names, flatten=flatten)
    train = train.standardize() if standardize else train
    outputs = labels.shape[1] if labels.ndim == 2 else len(NAMES)
    inputs = int(np.prod(images.shape[1:]))
    model = tn.Sequential(tn.Flatten(), tn.Dense(inputs, 16), tn.Tanh(), tn.Dense(16, outputs), seed=1)
    tn.fit(model, train, loss=loss, optimizer=tn.Adam(0.01), epochs=8, batch_size=16, progress=False, **settings)
    return model, train
