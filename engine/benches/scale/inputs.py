"""Images, networks of two nodes, ensembles and submissions of any number."""

import os
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEMBER = """
[[segmenter.members]]
name = "m{number}"
model = "m{number}.onnx"
input = {{ name = "image", size = [{side}, {side}], channels = 1 }}
map = {{ output = "map", values = "logits", resize_as = "probabilities" }}
"""


def network(path: Path, side: int, shift: float) -> None:
    """Bright pixels are positive: the log-odds are 16 × the intensity, less 8."""
    nodes = [helper.make_node("Mul", ["image", "gain"], ["scaled"]), helper.make_node("Add", ["scaled", "bias"], ["map"])]
    shape = ["n", 1, side, side]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "map")]
    constants = {"gain": 16.0, "bias": -8.0 + shift}
    tensors = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "free", ports[:1], ports[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def ensemble(folder: Path, members: int, side: int, output: int, steps: tuple = ()) -> Path:
    """An ensemble of networks of one size; `steps` follow the threshold."""
    folder.mkdir(parents=True)
    text = f'schema = 1\nname = "scale"\noutput.size = [{output}, {output}]\n'
    for number in range(members):
        network(folder / f"m{number}.onnx", side, number / 1000)
        text += MEMBER.format(number=number, side=side)
    for plugin, params in (("threshold", "above = 0.5"), *steps):
        text += f'\n[[postprocess]]\nplugin = "{plugin}"\nparams = {{ {params} }}\n'
    (folder / "scale.toml").write_text(text)
    return folder / "scale.toml"


def images(folder: Path, count: int, side: int) -> Path:
    """PNG files with one bright ellipse each: sixteen pictures, under as many names as wanted."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(7)
    for number in range(count):
        path = folder / f"i{number:06d}.png"
        if number < 16:
            picture = noise.integers(40, 90, (side // 8, side // 8), np.uint8)
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
            place = tuple(int(side * part) for part in noise.uniform(0.3, 0.7, 2))
            cv2.ellipse(picture, place, (side // 8, side // 16), 0, 0, 360, 220, -1)
            cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        else:
            os.link(folder / f"i{number % 16:06d}.png", path)
    return folder


def dots(folder: Path, components: int) -> Path:
    """Eight pictures of 1024² with so many bright squares of 2×2, the pixels between them dark."""
    folder.mkdir(parents=True)
    picture = np.full((1024, 1024), 40, np.uint8)
    places = np.linspace(0, 341 * 341 - 1, components).astype(int)
    for y, x in zip(3 * (places // 341), 3 * (places % 341)):
        picture[y : y + 2, x : x + 2] = 220
    for number in range(8):
        cv2.imwrite(str(folder / f"d{number}.png"), picture)
    return folder


def submission(path: Path, ids: int, shift: int) -> Path:
    """Rows with ids as long as SIIM's; every fourth has a mask of five runs."""
    with path.open("w") as file:
        file.write("ImageId,EncodedPixels\n")
        for n in range(ids):
            mask = f"{2831 + shift} 59 758 21 982 36 2341 35 2054 55" if n % 4 == 0 else "-1"
            file.write(f"1.2.276.0.7230010.3.1.4.8323329.{n:07d}.15178750{n:08d}.{n * 7 % 1000000:06d},{mask}\n")
    return path
