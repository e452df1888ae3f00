"""Networks in ONNX Runtime, as a manifest declares them: batches over images, test-time augmentation, probabilities."""

import pathlib
from collections.abc import Iterator

import numpy as np
import onnxruntime

AXES = {"horizontal": 1, "vertical": 0}


def known(table: dict, keys: str, where: str) -> None:
    """Refuses features that the peer lacks."""
    if unknown := set(table) - set(keys.split()):
        raise SystemExit(f"{where}: the peer does not know {', '.join(sorted(unknown))}")


class Member:
    """One network of a stage. `batch` is the largest number of views per run."""

    def __init__(self, declared: dict, folder: pathlib.Path, batch: int, threads: int) -> None:
        self.name = declared["name"]
        known(declared, "name model sha256 weight intensity input map score tta", f"member {self.name}")
        if declared.get("intensity", {"kind": "stored"})["kind"] != "stored":
            raise SystemExit(f"member {self.name}: the peer takes stored intensities")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        path = folder / declared["model"]
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.weight = declared.get("weight", 1.0)
        self.input = declared["input"]
        known(self.input, "name size channels scale mean std resize", f"input of {self.name}")
        self.size = tuple(self.input["size"])
        self.recipe = (self.size, self.input.get("resize", "linear"))
        self.draws = "map" in declared
        self.output = declared["map" if self.draws else "score"]
        known(self.output, "output values resize_as", f"output of {self.name}")
        if self.draws and self.output.get("resize_as", self.output["values"]) != "probabilities":
            raise SystemExit(f"member {self.name}: the peer resizes maps as probabilities")
        # The axis along which each view is mirrored; the first is the unchanged image.
        self.views = [None, *(AXES[step["params"]["axis"]] for step in declared.get("tta", []))]
        self.tensor = np.empty((batch, self.input["channels"], *self.size), np.float32)

    def answers(self, planes: list[np.ndarray], white: list[int]) -> np.ndarray:
        """The mean probabilities over the views: (N,) scores or (N, height, width) maps."""
        total = None
        for axis in self.views:
            seen = [plane if axis is None else np.flip(plane, axis) for plane in planes]
            answers = np.concatenate([self.probabilities(batch) for batch in self.run(seen, white)])
            answers = answers.reshape(len(planes), *answers.shape[-2:] if self.draws else ())  # one channel
            if axis is not None and self.draws:
                answers = np.flip(answers, axis + 1)
            total = answers if total is None else np.add(total, answers, out=total)
        return np.divide(total, len(self.views), out=total)

    def run(self, planes: list[np.ndarray], white: list[int]) -> Iterator[np.ndarray]:
        most = len(self.tensor)
        for start in range(0, len(planes), most):
            tensor = self.tensor[: len(planes) - start]
            for image, plane, top in zip(tensor, planes[start:], white[start:]):
                self.fill(image, plane, top)
            yield self.session.run([self.output["output"]], {self.input["name"]: tensor})[0]

    def fill(self, image: np.ndarray, plane: np.ndarray, white: int) -> None:
        """`(value / white * scale - mean) / std`, straight into the batch."""
        for channel, target in enumerate(image):
            mean, std = (pick(self.input.get(key, [default]), channel) for key, default in (("mean", 0.0), ("std", 1.0)))
            np.multiply(plane, np.float32(self.input.get("scale", 1.0) / white / std), out=target)
            target -= np.float32(mean / std)

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Applies the sigmoid in place."""
        if self.output["values"] == "logits":
            np.negative(values, out=values)
            np.exp(values, out=values)
            values += 1
            np.reciprocal(values, out=values)
        return values


def pick(values: list[float], channel: int) -> float:
    """One number for all channels, or one per channel."""
    return values[channel] if len(values) > 1 else values[0]
