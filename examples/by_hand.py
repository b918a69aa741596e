"""Train a network by hand: load, batches, forward, loss, backward, update, accuracy, with every step in view.

    python examples/by_hand.py

784-128-64-10 with ReLU and dropout on Fashion-MNIST, by plain gradient descent: 87% of the test images in half a
minute. `tn.fit` does the same in one call. Without the data and a network it trains on drawings made by tinynet.
"""

import numpy as np

import tinynet as tn

EPOCHS, BATCH_SIZE, LEARNING_RATE, SEED = 8, 100, 0.1, 0

# The data: uint8 pixels in rows of 784, and labels from 0 to 9.
try:
    train, test = tn.data.fashion_mnist()  # from $TINYNET_DATA, the cache, or the network
except tn.DataNotFoundError as error:
    print(f"{error}\nSynthetic drawings are used instead of Fashion-MNIST.\n")
    train, test = tn.data.synthetic_fashion()
x_test = test.images.astype("float32") / 255  # (10000, 784)

# The network. Its parameters are views into one vector, theta, and its gradients into another of the same layout.
model = tn.Sequential(
    tn.Dense(784, 128), tn.ReLU(), tn.Dropout(0.1),
    tn.Dense(128, 64), tn.ReLU(),
    tn.Dense(64, 10), seed=SEED,
)  # fmt: skip
cross_entropy = tn.SoftmaxCrossEntropy()
theta = model.theta
gradient = np.zeros_like(theta)
grads = model.views(gradient)  # the same memory by name: grads[0]["weight"] is the gradient of model[0].weight

step = 0
for epoch in range(EPOCHS):
    losses = []
    for x, labels in tn.data.batches(train, BATCH_SIZE, SEED, epoch):  # shuffled; x (N, 784) in [0, 1], labels (N,)
        context = tn.Context(training=True, seed=SEED, step=step)  # dropout is on; its masks depend on seed and step
        logits, backward = model.forward(x, context)  # (N, 10), and the function that takes the gradient back
        loss, loss_backward = cross_entropy.forward(logits, labels)  # a number, and its gradient with respect to logits
        backward(loss_backward(), grads)  # backpropagation: fills `gradient`
        theta -= LEARNING_RATE * gradient  # the update: one step down the gradient
        losses.append(loss)
        step += 1
    accuracy = np.mean(model(x_test).argmax(axis=1) == test.labels)  # model(x) is inference: dropout is off
    print(f"epoch {epoch + 1}: training loss {np.mean(losses):.4f}, test accuracy {accuracy:.2%}", flush=True)

assert accuracy > 0.86, f"expected a test accuracy above 86%, got {accuracy:.2%}"
