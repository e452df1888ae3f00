"""coverage.py GRAPH LIBONNXRUNTIME TYPES SETS [ROW…]: asks the CUDA provider which operators it supports, a line each, as
in coverage.tsv. GRAPH is graph.c, built; TYPES are of f32, f16, bf16, int64 and bool, SETS are operator sets, both with
commas between; ROW names some operators alone. Needs Python's onnx; fake libraries in LD_LIBRARY_PATH are enough."""

import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper

TYPES = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16, "int64": TensorProto.INT64,
         "bool": TensorProto.BOOL}
PLANES = [2, 4, 8, 8]


def ints(*numbers):
    return np.array(numbers, np.int64)


def floats(shape, number=1.0):
    return np.full(shape, number, np.float32)


def resize(mode, coordinates, scale=2, **more):
    nearest = {"nearest_mode": "floor"} if mode == "nearest" else {}
    attributes = dict(mode=mode, coordinate_transformation_mode=coordinates, **nearest, **more)
    return ["x", "", ("fixed", np.array([1, 1, scale, scale], np.float32))], attributes


def rows():
    """Operators with their variants: name, inputs (see SHAPES, or an array), attributes."""
    yield "Conv", ["x", floats((4, 4, 3, 3))], dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    yield "ConvTranspose", ["x", floats((4, 4, 2, 2))], dict(kernel_shape=[2, 2], strides=[2, 2])
    one = floats(4)
    yield "BatchNormalization", ["x", one, one, one, one], {}
    yield "InstanceNormalization", ["x", one, one], {}
    yield "LayerNormalization", ["x", floats(8)], {}
    yield "GroupNormalization", ["x", one, one], dict(num_groups=2)
    yield "MaxPool", ["x"], dict(kernel_shape=[2, 2], strides=[2, 2])
    yield "MaxPool2", ["x"], dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield "AveragePool", ["x"], dict(kernel_shape=[2, 2], strides=[2, 2])
    yield "AveragePoolCeil", ["x"], dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=1)
    yield "GlobalAveragePool", ["x"], {}
    yield "GlobalMaxPool", ["x"], {}
    for mode, coordinates in (("nearest", "asymmetric"), ("linear", "half_pixel"), ("linear", "align_corners"),
                              ("cubic", "half_pixel")):
        yield f"Resize-{mode}-{coordinates}", *resize(mode, coordinates)
    yield "Resize-linear-antialias", *resize("linear", "half_pixel", 0.5, antialias=1)
    for op in ("Relu Sigmoid Tanh Softplus Erf HardSigmoid HardSwish Mish Elu LeakyRelu Sqrt Exp Log Neg Abs Sign Floor "
               "Ceil Round Reciprocal Gelu Softmax LogSoftmax Identity Flatten Sin Cos").split():
        yield op, ["x"], {}
    yield "Not", ["b"], {}
    yield "And", ["b", "b"], {}
    yield "PRelu", ["x", floats((4, 1, 1))], {}
    for op in "Add Sub Mul Div Pow Min Max Greater GreaterOrEqual Less LessOrEqual Equal MatMul".split():
        yield op, ["x", "x"], {}
    yield "Clip", ["x", floats(()), floats((), 6.0)], {}
    yield "Gemm", ["m", "m"], {}
    for op in "ReduceSum ReduceMean ReduceMax ReduceMin ReduceL2".split():
        yield op, ["x", ints(2, 3)], {}
    yield "TopK", ["x", ints(4)], {}
    places = np.zeros(PLANES, np.int64)
    yield "GatherElements", ["x", places], {}
    yield "ScatterElements", ["x", places, "x"], dict(axis=0)
    yield "ScatterElements-add", ["x", places, "x"], dict(axis=0, reduction="add")
    yield "ScatterND", ["x", ints([[0, 1]]).reshape(1, 2), floats((1, 8, 8))], {}
    yield "Gather", ["x", ints(0)], {}
    yield "GatherND", ["x", ints([0, 1]).reshape(1, 2)], {}
    yield "CumSum", ["x", ints(3)], {}
    yield "Where", ["b", "x", "x"], {}
    yield "Cast", ["x"], dict(to=None)
    yield "Transpose", ["x"], dict(perm=[0, 2, 3, 1])
    yield "Reshape", ["x", ints(2, -1)], {}
    yield "Concat", ["x", "x"], dict(axis=1)
    yield "Split", ["x", ints(2, 2)], dict(axis=1)
    yield "Slice", ["x", ints(0), ints(2), ints(2)], {}
    yield "Pad", ["x", ints(0, 0, 1, 1, 0, 0, 1, 1)], {}
    yield "Pad-negative", ["x", ints(0, 0, -1, 0, 0, 0, 1, 1)], {}
    yield "Pad-reflect", ["x", ints(0, 0, 1, 1, 0, 0, 1, 1)], dict(mode="reflect")
    yield "Expand", ["x", ints(2, 4, 8, 8)], {}
    yield "Tile", ["x", ints(1, 1, 2, 2)], {}
    yield "Squeeze", ["y", ints(1)], {}
    yield "Unsqueeze", ["x", ints(1)], {}
    yield "Shape", ["x"], {}
    yield "Einsum", ["x", "x"], dict(equation="nchw,ncvw->nchv")
    yield "Dropout", ["x"], {}
    yield "DepthToSpace", ["x"], dict(blocksize=2)
    yield "SpaceToDepth", ["x"], dict(blocksize=2)
    yield "GridSample", ["x", "g"], {}
    yield "ConstantOfShape", [ints(2, 4)], {}
    yield "ArgMax", ["x"], {}


OUTPUTS = {"MaxPool2": 2, "TopK": 2, "Split": 2}
SHAPES = {"x": PLANES, "m": [4, 4], "y": [2, 1, 4], "b": PLANES, "g": [2, 5, 5, 2]}


def model(row, element, opset):
    """Inputs are float32, cast to the type within."""
    name, inputs, attributes = row
    op = name.split("-")[0]
    op = {"MaxPool2": "MaxPool", "AveragePoolCeil": "AveragePool"}.get(op, op)
    attributes = dict(attributes)
    if op == "Cast":
        attributes["to"] = TensorProto.FLOAT16 if element == TensorProto.FLOAT else TensorProto.FLOAT
    if op.startswith("Reduce") and op != "ReduceSum" and opset < 18:
        attributes["axes"], inputs = [int(axis) for axis in inputs[1]], inputs[:1]
    declared, nodes, constants, used = {}, [], [], []
    for at, given in enumerate(inputs):
        if isinstance(given, str) and given:
            if given not in declared:
                declared[given] = helper.make_tensor_value_info(given, TensorProto.FLOAT, SHAPES[given])
                to = TensorProto.BOOL if given == "b" else element
                nodes.append(helper.make_node("Cast", [given], [given + "_"], to=to, name="given_" + given))
            used.append(given + "_")
        elif isinstance(given, str):
            used.append("")
        else:
            is_fixed = isinstance(given, tuple)
            array = given[1] if is_fixed else given
            tensor = numpy_helper.from_array(array, f"c{at}")
            if array.dtype == np.float32 and not is_fixed:
                tensor = helper.make_tensor(f"c{at}", element, array.shape, array.ravel().tolist())
            constants.append(tensor)
            used.append(f"c{at}")
    outputs = [f"o{at}" for at in range(OUTPUTS.get(name, 1))]
    nodes.append(helper.make_node(op, used, outputs, name="asked", **attributes))
    results = []
    for output in outputs:
        nodes.append(helper.make_node("Cast", [output], [output + "_"], to=TensorProto.FLOAT, name="made_" + output))
        results.append(helper.make_empty_tensor_value_info(output + "_"))
    graph = helper.make_graph(nodes, "g", list(declared.values()), results, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def place(graph, library, row, element, opset, folder):
    made = model(row, element, opset)
    path = os.path.join(folder, "asked.onnx")
    with open(path, "wb") as file:
        file.write(made.SerializeToString())
    environment = dict(os.environ, GRAPH_THREADS="1")
    said = subprocess.run([graph, library, "cuda", path, "0"], env=environment, capture_output=True, text=True).stdout
    if "FAILED" in said:
        return "n/a"
    if "not_on_cuda" in said:
        return "CPU"
    return "folded" if "nodes cuda 0 " in said else "cuda"


def main():
    graph, library, types, sets, *only = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for kind in types.split(","):
            for row in rows():
                if only and row[0] not in only:
                    continue
                places = ((it, place(graph, library, row, TYPES[kind], int(it), folder)) for it in sets.split(","))
                print(row[0], kind, *(f"{opset}:{where}" for opset, where in places), sep="\t", flush=True)


main()
