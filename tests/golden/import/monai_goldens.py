"""monai.inferers.sliding_window_inference of a network whose result depends on the position in the window.

monai/ramp.onnx maps (batch, 1, 24, 32) to the same shape. cases.json lists per case the window, overlap, mode, the
input and the output: NAME.npy, float32 (H, W). Inputs are in 0..1. One image has fewer rows than the window."""

import json

import numpy as np
import onnx
import torch
from monai.inferers import sliding_window_inference

from images import radiograph

WINDOW = (24, 32)


class Ramp(torch.nn.Module):
    """sigmoid(image * a + b), with a and b that rise towards different corners of the window."""

    def __init__(self):
        super().__init__()
        rows, columns = (torch.linspace(0, 1, n) for n in WINDOW)
        self.register_buffer("scale", 1 + 3 * rows.view(-1, 1) + columns)
        self.register_buffer("offset", 2 * columns - rows.view(-1, 1) - 2)

    def forward(self, image):
        return torch.sigmoid(image * self.scale + self.offset)


def write(out, scratch):
    out.mkdir(exist_ok=True)
    network, cases = Ramp().eval(), []
    torch.onnx.export(network, (torch.zeros(1, 1, *WINDOW),), str(out / "ramp.onnx"), input_names=["image"],
                      output_names=["probability"], dynamic_axes={"image": {0: "batch"}, "probability": {0: "batch"}},
                      opset_version=17, dynamo=False)
    onnx.checker.check_model(str(out / "ramp.onnx"))
    images = {"large": radiograph(50, 66, 21), "flat": radiograph(20, 50, 22)}
    for name, image in images.items():
        image = (image / 255).astype(np.float32)
        np.save(out / f"{name}.npy", image)
        for mode in ("constant", "gaussian"):
            for overlap in (0.25, 0.5):
                with torch.no_grad():
                    values = sliding_window_inference(torch.from_numpy(image)[None, None], WINDOW, 4, network,
                                                      overlap=overlap, mode=mode)
                output = f"{name}-{mode}-{int(overlap * 100)}.npy"
                np.save(out / output, values[0, 0].numpy())
                cases.append({"input": f"{name}.npy", "output": output, "window": WINDOW, "overlap": overlap,
                              "mode": mode, "sigma_scale": 0.125, "padding": 0})
    (out / "cases.json").write_text("[\n  " + ",\n  ".join(map(json.dumps, cases)) + "\n]\n")
