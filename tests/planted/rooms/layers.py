"""Bugs in tinynet/layers."""

from tests.planted.bug import Bug

BUGS = [
    Bug(
        "leaky ReLU ignores its slope below 0 in backward",
        "layers/activations.py",
        "            factor += self.slope\n",
        "",
        (
            "layers/test_activations.py",
            "contracts/test_gradcheck.py",
        ),
    ),
    Bug(
        "the largest logit is not subtracted in softmax",
        "layers/activations.py",
        "xp.exp(x - x.max(axis=-1, keepdims=True))",
        "xp.exp(x)",
        (
            "layers/test_activations.py",
            "contracts/test_numbers.py",
        ),
    ),
    Bug(
        "sigmoid overflows at large negative x",
        "layers/activations.py",
        "xp.exp(xp.minimum(-x, largest))",
        "xp.exp(-x)",
    ),
    Bug(
        "all parameters of a layer get the same random numbers",
        "layers/base.py",
        "layer=position, step=number)",
        "layer=position, step=0)",
    ),
    Bug(
        "an initializer's array of another shape is repeated",
        "initializers.py",
        "if received != shape:  # it would be repeated in silence",
        "if False:",
        ("contracts/test_conversions.py",),
    ),
    Bug(
        "x of another dtype than the weights is accepted",
        "layers/base.py",
        "        if x.dtype != vector.dtype:\n            wanted",
        "        if False:\n            wanted",
    ),
    Bug(
        "layer.weight = values makes a new array",
        "layers/base.py",
        '        view[...] = converted(plain_array(value, who, "values"), view.dtype, who, "values")\n',
        '        vars(self)[name] = converted(plain_array(value, who, "values"), view.dtype, who, "values")\n',
    ),
    Bug(
        "setting a hyperparameter leaves what was derived from it",
        "layers/configuration.py",
        '    vars(layer).update({each: derived for each, derived in vars(new).items() if not each.startswith("_")})\n',
        "",
    ),
    Bug(
        "a layer that stands twice is saved twice",
        "layers/configuration.py",
        "layer.get_config() if first[layer] == number else",
        "layer.get_config() if True else",
        (
            "layers/test_configuration.py",
            "io/test_models.py",
            "io/test_architecture.py",
        ),
    ),
    Bug(
        "the gradient of a layer that stands twice is that of one place",
        "layers/base.py",
        "        values += later\n",
        "        values += 0\n",
        ("layers/test_containers.py", "layers/test_containers_of_shared_layers.py"),
    ),
    Bug(
        "the shortcut's gradient is lost",
        "layers/containers.py",
        "            dx += dy_around\n            return dx",
        "            return dx",
        (
            "layers/test_containers.py",
            "contracts/test_gradcheck.py",
        ),
    ),
    Bug(
        "parts of a chain share the position of the first",
        "layers/containers.py",
        "context.at(part.position, input_gradient)",
        "context.at(0, input_gradient)",
    ),
    Bug(
        "initial weights ignore a layer's position",
        "layers/containers.py",
        "layer.draw(vector, offset, seed, position + start)",
        "layer.draw(vector, offset, seed, position)",
        ("layers/test_containers.py", "test_model.py"),
    ),
    Bug("a layer may belong to two models", "layers/containers.py", "    if layer._taken:\n", "    if False:\n"),
    Bug(
        "a copied model keeps the parameters of the original",
        "layers/containers.py",
        "            self.bind(writable(self._vector), self._start)\n",
        "            pass\n",
        (
            "layers/test_containers.py",
            "test_model.py",
            "layers/test_base.py",
        ),
    ),
    Bug(
        "a training loop without step numbers is accepted",
        "layers/context.py",
        "        if self.step is None:\n",
        "        if False:\n",
        (
            "layers/test_context.py",
            "test_model.py",
        ),
    ),
    Bug(
        "a convolution forgets the gradient of all chunks but the last",
        "layers/convolution.py",
        "                weight_gradient += matmul(",
        "                weight_gradient[...] = matmul(",
        (
            "layers/test_convolution.py",
            "contracts/test_gradcheck.py",
        ),
    ),
    Bug(
        "dropout is on in inference",
        "layers/dropout.py",
        "if not context.training or self.threshold == 0:",
        "if self.threshold == 0:",
    ),
    Bug(
        "threads that share a batch draw the same masks",
        "layers/dropout.py",
        "lanes(x.shape, context.first_row, like=x)",
        "lanes(x.shape, 0, like=x)",
    ),
    Bug(
        "the scale of dropout is that of the rate, not of the rounded rate",
        "layers/dropout.py",
        "self.scale = 65536 / (65536 - self.threshold)",
        "self.scale = 1 / (1 - self.rate)",
    ),
    Bug(
        "arrays are not padded to cache lines",
        "layers/layout.py",
        "return -(-count // _ALIGNED) * _ALIGNED",
        "return count",
        (
            "layers/test_layout.py",
            "layers/test_base.py",
            "test_model.py",
        ),
    ),
    Bug(
        "running statistics use the variance with divisor M",
        "layers/normalization.py",
        "unbiased = variance * (count / (count - 1))",
        "unbiased = variance",
        (
            "layers/test_normalization.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "batch norm ignores its momentum",
        "layers/normalization.py",
        "self.momentum * (mean - self.running_mean)",
        "0.1 * (mean - self.running_mean)",
        (
            "layers/test_normalization.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "batch norm normalizes with the batch in inference",
        "layers/normalization.py",
        "            mean, variance = self.running_mean, self.running_var\n",
        "            mean, variance = x.mean(axis=0), x.var(axis=0)\n",
    ),
    Bug(
        "the rounding error of the mean stays in batch norm",
        "layers/normalization.py",
        "            z -= wide(missed)\n",
        "",
        (
            "layers/test_normalization.py",
            "contracts/test_numbers.py",
        ),
    ),
    Bug(
        "a batch of one example is normalized",
        "layers/normalization.py",
        "            if count < 2:\n",
        "            if count < 1:\n",
    ),
    Bug(
        "layer norm ignores its epsilon",
        "layers/normalization.py",
        "keepdims=True) + self.epsilon)  # (M, 1)",
        "keepdims=True) + 1e-5)  # (M, 1)",
    ),
    Bug(
        "ties of max pooling share the gradient",
        "layers/pooling.py",
        "                dy -= part  # so that of several equal maxima the first gets all\n",
        "",
        (
            "layers/test_pooling.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "padded pixels can be the maximum",
        "layers/pooling.py",
        "windows.pad(x, -math.inf)",
        "windows.pad(x, 0.0)",
        (
            "layers/test_pooling.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "channels are moved as if rows and columns were swapped",
        "layers/reshape.py",
        "xp.ascontiguousarray(x.transpose(0, 2, 3, 1)), backward",
        "xp.ascontiguousarray(x.transpose(0, 3, 2, 1)), backward",
    ),
    Bug(
        "flat rows in another order of axes are reshaped in silence",
        "layers/reshape.py",
        "        self.check_order(shape[1:])\n",
        "",
    ),
    Bug(
        "overlapping windows overwrite each other's gradient",
        "layers/windows.py",
        "any(k > s for k, s in zip(self.kernel, self.stride))",
        "all(k > s for k, s in zip(self.kernel, self.stride))",
        (
            "layers/test_windows.py",
            "layers/test_pooling.py",
            "contracts/test_torch_reference.py",
        ),
    ),
    Bug(
        "the odd column of 'same' padding goes to the left",
        "layers/windows.py",
        "above, left = missing[0] // 2, missing[1] // 2",
        "above, left = missing[0] // 2, missing[1] - missing[1] // 2",
    ),
    Bug(
        "windows take the stride of rows for columns",
        "layers/windows.py",
        "strides = (image, row * down, column * right, row, column, channel)",
        "strides = (image, row * down, column * down, row, column, channel)",
        (
            "layers/test_windows.py",
            "layers/test_convolution.py",
        ),
    ),
]
