"""segmentation_models_pytorch: preparation settings of encoders, and a small Unet's result.

smp/encoders.json maps an encoder to smp.encoders.get_preprocessing_params; only encoders of timm ("tu-") are there,
since smp fetches the others' settings from the network. smp/unet.onnx takes (batch, 3, H, W), sides in multiples of 8,
and returns logits (batch, 1, H, W). logits.npy (H, W) is PyTorch's result for image.png as RGB, prepared by
get_preprocessing_fn of tu-mobilenetv3_small_050, its encoder."""

import json

import numpy as np
import segmentation_models_pytorch as smp
import torch

from images import radiograph, save

ENCODERS = ["tu-resnet18", "tu-resnet34", "tu-tf_efficientnet_b0", "tu-tf_efficientnet_b0.ap_in1k", "tu-convnext_tiny",
            "tu-densenet121", "tu-mobilenetv3_small_050", "tu-inception_v4"]
ENCODER = "tu-mobilenetv3_small_050"


def write(out, scratch):
    torch.manual_seed(51)
    network = smp.Unet(ENCODER, encoder_weights=None, encoder_depth=3, decoder_channels=(8, 8, 4))
    with torch.no_grad():
        for _ in range(30):  # statistics for the batch norms
            network(torch.randn(4, 3, 32, 32))
    network.eval()
    out.mkdir(exist_ok=True)
    dynamic = {name: {0: "batch", 2: "height", 3: "width"} for name in ("image", "logits")}
    torch.onnx.export(network, (torch.zeros(1, 3, 32, 32),), str(out / "unet.onnx"), input_names=["image"],
                      output_names=["logits"], dynamic_axes=dynamic, opset_version=17, dynamo=False)
    grey = radiograph(48, 40, 52)
    save(grey, out / "image.png")
    prepare = smp.encoders.get_preprocessing_fn(ENCODER)
    values = prepare(np.repeat(grey[:, :, None], 3, 2)).transpose(2, 0, 1).astype(np.float32)
    with torch.no_grad():
        np.save(out / "logits.npy", network(torch.from_numpy(values)[None])[0, 0].numpy())
    encoders = {name: smp.encoders.get_preprocessing_params(name) for name in ENCODERS}
    (out / "encoders.json").write_text(json.dumps(encoders, indent=1) + "\n")
