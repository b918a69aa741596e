"""Every public layer, loss and optimizer, with arguments and shapes for tests that cover all of them."""

import tinynet as tn

LAYERS = {
    "AveragePool2D": [(lambda: tn.AveragePool2D(), (2, 5, 6, 3)), (lambda: tn.AveragePool2D(3, 1), (2, 5, 6, 3))],
    "BatchNorm": [(lambda: tn.BatchNorm(4), (7, 4)), (lambda: tn.BatchNorm(3), (2, 3, 4, 3))],
    "ChannelsLast": [(lambda: tn.ChannelsLast(), (2, 3, 4, 5))],
    "Conv2D": [
        (lambda: tn.Conv2D(1, 4), (2, 5, 6, 1)),
        (lambda: tn.Conv2D(9, 2, 3, padding="same"), (2, 4, 3, 9)),
        (lambda: tn.Conv2D(3, 2, (2, 3), (2, 1), padding=1), (3, 5, 4, 3)),
        (lambda: tn.Conv2D(2, 3, 3, 2, padding="same"), (2, 6, 5, 2)),
        (lambda: tn.Conv2D(8, 2, 1, 2), (2, 4, 5, 8)),
    ],
    "Dense": [(lambda: tn.Dense(4, 3), (5, 4)), (lambda: tn.Dense(1, 1), (1, 1)), (lambda: tn.Dense(40, 30), (9, 40))],
    "Dropout": [
        (lambda rate=rate: tn.Dropout(rate), shape) for rate, shape in [(0.3, (8, 9)), (0, (3, 4)), (0.9, (40, 3))]
    ],
    "ELU": [(lambda: tn.ELU(), (5, 4)), (lambda: tn.ELU(0.3), (2, 3, 4))],
    "Flatten": [(lambda: tn.Flatten(), (3, 4, 2)), (lambda: tn.Flatten(), (3, 4))],
    "GELU": [(lambda: tn.GELU(), (5, 4)), (lambda: tn.GELU(), (2, 3, 4))],
    "GlobalAveragePool2D": [(lambda: tn.GlobalAveragePool2D(), (3, 4, 5, 2))],
    "LayerNorm": [(lambda: tn.LayerNorm(5), (4, 5)), (lambda: tn.LayerNorm(3), (2, 3, 4, 3))],
    "LeakyReLU": [(lambda: tn.LeakyReLU(), (5, 4)), (lambda: tn.LeakyReLU(0.3), (2, 3, 4))],
    "MaxPool2D": [
        (lambda: tn.MaxPool2D(), (2, 5, 6, 3)),
        (lambda: tn.MaxPool2D(3, 2, padding="same"), (2, 6, 5, 2)),
        (lambda: tn.MaxPool2D((2, 3), (1, 2), padding=1), (2, 4, 5, 2)),
    ],
    "ReLU": [(lambda: tn.ReLU(), (5, 4)), (lambda: tn.ReLU(), (2, 3, 4))],
    "Reshape": [(lambda: tn.Reshape(2, 3, 1), (4, 6)), (lambda: tn.Reshape(6), (4, 2, 3))],
    "Residual": [
        (lambda: tn.Residual(tn.Dense(4, 5), tn.Tanh(), tn.Dense(5, 4)), (3, 4)),
        (lambda: tn.Residual(tn.BatchNorm(4), tn.Dense(4, 3), shortcut=tn.Dense(4, 3)), (5, 4)),
        (lambda: tn.Residual(tn.Conv2D(2, 3, 3, 2, "same"), shortcut=tn.Conv2D(2, 3, 1, 2)), (2, 4, 5, 2)),
    ],
    "Sequential": [
        (lambda: tn.Sequential(tn.Flatten(), tn.Dense(6, 5), tn.Sigmoid(), tn.Dense(5, 2)), (4, 2, 3)),
        (lambda: tn.Sequential(tn.Sequential(tn.Dense(3, 3), tn.Dropout(0.5)), tn.Dropout(0.5)), (6, 3)),
    ],
    "Sigmoid": [(lambda: tn.Sigmoid(), (5, 4)), (lambda: tn.Sigmoid(), (2, 3, 4))],
    "SiLU": [(lambda: tn.SiLU(), (5, 4)), (lambda: tn.SiLU(), (2, 3, 4))],
    "Softmax": [(lambda: tn.Softmax(), (4, 5)), (lambda: tn.Softmax(), (3, 2))],
    "Softplus": [(lambda: tn.Softplus(), (5, 4)), (lambda: tn.Softplus(), (2, 3, 4))],
    "Tanh": [(lambda: tn.Tanh(), (5, 4)), (lambda: tn.Tanh(), (2, 3, 4))],
}
LOSSES = {
    "BinaryCrossEntropy": tn.BinaryCrossEntropy,
    "MeanSquaredError": tn.MeanSquaredError,
    "SoftmaxCrossEntropy": tn.SoftmaxCrossEntropy,
}
OPTIMIZERS = {
    "Adam": [tn.Adam(0.1), tn.Adam(0.1, beta1=0.8, beta2=0.99, epsilon=1e-5), tn.Adam(0.1, weight_decay=0.01)],
    "AdamW": [tn.AdamW(0.1), tn.AdamW(0.1, weight_decay=0.1), tn.AdamW(0.1, weight_decay=0)],
    "Averaged": [tn.Averaged(tn.SGD(0.1), 0.9), tn.Averaged(tn.Adam(0.1))],
    "Clipped": [tn.Clipped(tn.SGD(0.1)), tn.Clipped(tn.Adam(0.1), 0.5)],
    "Nadam": [tn.Nadam(0.1), tn.Nadam(0.1, beta1=0.8, weight_decay=0.01)],
    "RMSprop": [tn.RMSprop(0.05), tn.RMSprop(0.05, decay=0.9, momentum=0.5, epsilon=1e-6)],
    "SGD": [
        tn.SGD(0.1),
        tn.SGD(0.1, momentum=0.9),
        tn.SGD(0.01, momentum=0.9, nesterov=True),
        tn.SGD(0.1, weight_decay=0.01),
        tn.SGD(0.05, momentum=0.5, weight_decay=0.1),
        tn.SGD(lambda step: 0.1 / (1 + step)),
    ],
}
