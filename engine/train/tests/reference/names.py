"""Writes golden/weights/names.json.gz: the keys and shapes that packages save, for networks that pleura has.

    python names.py

Each entry has the network as a recipe declares it, the package's name in `weights.names`, and the keys of its
`state_dict` with their shapes.
"""

import gzip
import json
from pathlib import Path

import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from monai.networks import nets as monai
from transformers import EfficientNetConfig, EfficientNetForImageClassification, ResNetConfig, ResNetForImageClassification


def entries():
    for encoder, own in [
        ("efficientnet-b0", "smp-efficientnet-b0"),
        ("efficientnet-b3", "smp-efficientnet-b3"),
        ("timm-efficientnet-b0", "efficientnet-b0"),
        ("resnet34", "resnet34"),
        ("se_resnext50_32x4d", "se-resnext50"),
    ]:
        yield "smp", own, smp.Unet(encoder, encoder_weights=None)
    for name, own in [
        ("resnet34", "resnet34"),
        ("legacy_seresnext50_32x4d", "se-resnext50"),
        ("efficientnet_b0", "efficientnet-b0"),
        ("efficientnet_lite0", "efficientnet-lite0"),
    ]:
        yield "timm", own, timm.create_model(name)
    for name, own in [
        ("alexnet", "alexnet"),
        ("resnet18", "resnet18"),
        ("resnet50", "resnet50"),
        ("efficientnet_b0", "efficientnet-b0"),
        ("efficientnet_b4", "efficientnet-b4"),
    ]:
        yield "torchvision", own, getattr(torchvision.models, name)()
    yield "torchvision", "resnet50", torchvision.models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None)
    yield "monai", "smp-efficientnet-b0", monai.EfficientNetBN("efficientnet-b0", pretrained=False)
    yield "monai", "smp-efficientnet-b2", monai.FlexibleUNet(1, 1, "efficientnet-b2", spatial_dims=2)
    yield "monai", "se-resnext50", monai.SEResNext50(spatial_dims=2, in_channels=3)
    basic = ResNetConfig(depths=[3, 4, 6, 3], layer_type="basic", hidden_sizes=[64, 128, 256, 512])
    yield "hugging-face", "resnet34", ResNetForImageClassification(basic)
    yield "hugging-face", "resnet50", ResNetForImageClassification(ResNetConfig())
    small = EfficientNetConfig(width_coefficient=1.0, depth_coefficient=1.0, image_size=224, hidden_dim=1280)
    yield "hugging-face", "smp-efficientnet-b0", EfficientNetForImageClassification(small)


def main():
    found = []
    with torch.device("meta"):
        for package, encoder, model in entries():
            keys = {key: list(value.shape) for key, value in model.state_dict().items()}
            found.append({"package": package, "encoder": encoder, "class": type(model).__name__, "keys": keys})
            print(package, encoder, len(keys))
    path = Path(__file__).parent.parent / "golden" / "weights" / "names.json.gz"
    path.write_bytes(gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
