"""Networks of three nodes and their ensembles: what an engine costs around its models.

A classifier that lets every image pass, and two segmenters, at 512². `lesions.toml` marks a few smooth regions an image,
`ragged.toml` a tenth of it, with thousands of edges.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 512
CHANNELS = 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

MANIFEST = """\
schema = 1
name = "{name}"
output.size = [1024, 1024]

[classifier]
merge = {{ kind = "mean" }}
gate = {{ kind = "score", above = 0.01 }}
{classifier}
[segmenter]
merge = {{ kind = "mean" }}
{segmenters}
[[postprocess]]
plugin = "threshold"
params = {{ above = 0.5 }}

[[postprocess]]
plugin = "min-area"
params = {{ area = 1500, at = [1024, 1024], per_component = true }}

[[postprocess]]
plugin = "fill-holes"
"""

MEMBER = """
[[{stage}.members]]
name = "{name}"
model = "{name}.onnx"
tta = [{{ plugin = "flip", params = {{ axis = "horizontal" }} }}]
input = {{ name = "image", size = [512, 512], channels = 3, mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }}
{output}
"""
SCORE = 'score = { output = "score", values = "logits" }'
MAP = 'map = { output = "map", values = "logits", resize_as = "probabilities" }'


def save(path: Path, nodes: list, constants: dict[str, np.ndarray], output: str, shape: list) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", CHANNELS, SIZE, SIZE])
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "free", [image], [result], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def classifier(path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["image", "all"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["score"]),
    ]
    constants = {"all": np.array([1, 2, 3]), "one": np.array([1])}
    save(path, nodes, constants, "score", ["n", 1])


def segmenter(path: Path, gain: float, offset: np.ndarray) -> None:
    """The channels' mean by a gain, and an offset for each pixel: log-odds."""
    nodes = [
        helper.make_node("ReduceMean", ["image", "channels"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["map"]),
    ]
    constants = {"channels": np.array([1]), "gain": np.array([gain], np.float32), "offset": offset.astype(np.float32)}
    save(path, nodes, constants, "map", ["n", 1, SIZE, SIZE])


def lesions() -> np.ndarray:
    """Log-odds of three ellipses, two of which touch."""
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE
    ellipses = [(0.25, 0.3, 0.12, 0.05), (0.33, 0.27, 0.06, 0.06), (0.6, 0.7, 0.04, 0.09)]
    inside = [1 - ((rows - y) / high) ** 2 - ((columns - x) / wide) ** 2 for y, x, high, wide in ellipses]
    return 4 * np.clip(np.max(inside, axis=0), -3, 1)


def write(folder: Path) -> None:
    """The networks and the manifests `lesions.toml` and `ragged.toml`."""
    classifier(folder / "c.onnx")
    kinds = {"lesions": (0.3, lesions()), "ragged": (5.0, np.array([-4.5]))}
    for kind, (gain, offset) in kinds.items():
        segmenters = ""
        for number, factor in [(1, 1.0), (2, 1.2)]:
            name = f"{kind}{number}"
            segmenter(folder / f"{name}.onnx", factor * gain, offset)
            segmenters += MEMBER.format(stage="segmenter", name=name, output=MAP)
        first = MEMBER.format(stage="classifier", name="c", output=SCORE)
        manifest = MANIFEST.format(name=kind, classifier=first, segmenters=segmenters)
        (folder / f"{kind}.toml").write_text(manifest)
