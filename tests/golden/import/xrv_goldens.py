"""How torchxrayvision prepares an image, and what its DenseNet's outputs mean.

xrv/SIZE.npy is image.png after utils.load_image, XRayCenterCrop and XRayResizer(SIZE): float32 (1, SIZE, SIZE) in
-1024..1024; of 224, every 7th row and column is kept. xrv/outputs.json holds the labels and operating points of
densenet121-res224-all, and pairs of a logit and the output that op_norm makes of it."""

import json

import numpy as np
import torch
import torchxrayvision as xrv

from images import radiograph, save

WEIGHTS = "densenet121-res224-all"


def write(out, scratch):
    save(radiograph(90, 71, 41), out / "image.png")
    image = xrv.datasets.XRayCenterCrop()(xrv.utils.load_image(str(out / "image.png")))
    np.save(out / "32.npy", xrv.datasets.XRayResizer(32)(image))
    np.save(out / "224-every-7th.npy", xrv.datasets.XRayResizer(224)(image)[:, ::7, ::7])
    about = xrv.models.model_urls[WEIGHTS]
    logits = torch.tensor([[-6.0], [-3.0], [-2.0], [0.0], [2.0]]).expand(-1, len(about["labels"]))
    outputs = xrv.models.op_norm(torch.sigmoid(logits), torch.tensor(about["op_threshs"]))
    result = {"weights": WEIGHTS, **{key: about[key] for key in ("input_resolution", "labels", "op_threshs")},
              "logits": logits[:, 0].tolist(), "outputs": outputs.tolist()}
    (out / "outputs.json").write_text(json.dumps(result, indent=1) + "\n")
