"""ONNX Runtime: inference only, of the same network written as an ONNX graph."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from peers import NotOffered, Predict, Task


def trainer(task: Task) -> None:
    """ONNX Runtime does not train."""
    raise NotOffered("it does not train")


def predictor(task: Task) -> Predict:
    """An inference session with the CPU provider and all optimizations."""
    generator = np.random.default_rng(0)
    nodes, weights, name = [], [], "x"
    for number, shape in enumerate(itertools.pairwise(task.widths)):
        weight = generator.normal(0, 0.05, shape).astype("float32")
        weights += [numpy_helper.from_array(weight, f"W{number}")]
        weights += [numpy_helper.from_array(np.zeros(shape[1], "float32"), f"b{number}")]
        nodes.append(helper.make_node("Gemm", [name, f"W{number}", f"b{number}"], [f"z{number}"]))
        last = number == len(task.widths) - 2
        kind = "Softmax" if last else "Sigmoid" if task.activation == "sigmoid" else "Relu"
        name = "y" if last else f"a{number}"
        nodes.append(helper.make_node(kind, [f"z{number}"], [name]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", task.widths[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", task.widths[-1]])
    model = helper.make_model(helper.make_graph(nodes, "mlp", [x], [y], weights))
    model.opset_import[0].version, model.ir_version = 17, 8
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def predict(x: np.ndarray) -> np.ndarray:
        parts = [x[start : start + task.batch_size] for start in range(0, len(x), task.batch_size)]
        return np.concatenate([session.run(None, {"x": part})[0] for part in parts])

    return predict
