"""How timm prepares an image: the settings of several models, and the tensors of one image.

timm/models.json maps a model's name to timm.data.resolve_model_data_config. timm/cases.json maps a case to such
settings, with a small input_size; timm/CASE.npy is image.png as RGB after create_transform, float32 (3, H, W)."""

import json

import numpy as np
import timm
from PIL import Image

from images import radiograph, save

MODELS = ["resnet18", "tf_efficientnet_b0", "convnext_tiny", "vit_base_patch16_224", "densenet121", "inception_v4",
          "swin_tiny_patch4_window7_224", "resnetv2_50x1_bit", "mobilenetv3_small_050"]
SMALL = {"input_size": (3, 24, 24)}
CASES = {  # model -> what replaces its settings
    "resnet18": ("resnet18", SMALL), "tf_efficientnet_b0": ("tf_efficientnet_b0", SMALL),
    "convnext_tiny": ("convnext_tiny", SMALL), "vit_base_patch16_224": ("vit_base_patch16_224", SMALL),
    "bilinear-squash": ("resnet18", SMALL | {"interpolation": "bilinear", "crop_mode": "squash", "crop_pct": 1.0}),
    "border": ("resnet18", SMALL | {"crop_mode": "border", "crop_pct": 0.9}),
    "oblong": ("vit_base_patch16_224", {"input_size": (3, 20, 28)}),  # resized bilinearly, whatever the settings say
}


def settings(name):
    # Configurations are part of the package, weights are not needed.
    return timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())


def write(out, scratch):
    save(radiograph(70, 91, 31), out / "image.png")
    image = Image.open(out / "image.png").convert("RGB")
    cases = {name: settings(model) | changes for name, (model, changes) in CASES.items()}
    for name, config in cases.items():
        np.save(out / f"{name}.npy", timm.data.create_transform(**config, is_training=False)(image).numpy())
    (out / "models.json").write_text(json.dumps({name: settings(name) for name in MODELS}, indent=1) + "\n")
    (out / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
