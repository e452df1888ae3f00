"""Converts checkpoints of segmentation_models.pytorch by `pleura export`, and prints how far the networks' logits are
apart as a Markdown table.

    python tests/golden/exports/convert.py [--pleura PATH]

Each network gets random weights and running statistics, is saved as a package would save it (a plain `state_dict`, a
Lightning checkpoint with its other content, safetensors), and is run on noise of 96 x 128 pixels by PyTorch and, after
the conversion, by ONNX Runtime.

Needs numpy, onnxruntime, safetensors, segmentation_models_pytorch and torch."""

import argparse
import subprocess
import tempfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnxruntime as ort
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file

RECIPE = """schema = 1
name = "converted"
network = {{ architecture = {{ {architecture} }}, channels = {channels} }}
weights = {{ file = "{file}"{keys} }}
data = {{ images = ["images"], truth = {{ kind = "masks", folder = "masks" }} }}
loss = {{ map = [{{ kind = "bce" }}] }}
optimizer = {{ kind = "adam" }}
phases = [{{ epochs = 1, size = [96, 128], batch = 1, lr = 1e-3 }}]
"""

CASES = [
    ("Unet", "resnet34", 'kind = "unet", encoder = "resnet34"', 1, "state"),
    ("Unet", "efficientnet-b0", 'kind = "unet", encoder = "smp-efficientnet-b0"', 3, "lightning"),
    ("Unet", "efficientnet-b2", 'kind = "unet", encoder = "smp-efficientnet-b2"', 1, "state"),
    ("Unet", "efficientnet-b5", 'kind = "unet", encoder = "smp-efficientnet-b5"', 1, "safetensors"),
    ("Unet", "efficientnet-b7", 'kind = "unet", encoder = "smp-efficientnet-b7"', 1, "state"),
    ("Unet", "timm-efficientnet-b3", 'kind = "unet", encoder = "efficientnet-b3"', 1, "lightning"),
    ("Unet", "se_resnext50_32x4d", 'kind = "unet", encoder = "se-resnext50"', 3, "state"),
    ("Linknet", "efficientnet-b1", 'kind = "linknet", encoder = "smp-efficientnet-b1"', 1, "state"),
    ("FPN", "efficientnet-b4", 'kind = "fpn", encoder = "smp-efficientnet-b4"', 1, "state"),
    ("DeepLabV3", "efficientnet-b0", 'kind = "deeplab-v3", encoder = "smp-efficientnet-b0"', 1, "state"),
    ("DeepLabV3Plus", "efficientnet-b3", 'kind = "deeplab-v3-plus", encoder = "smp-efficientnet-b3"', 1, "state"),
]


def network(kind, encoder, channels):
    model = getattr(smp, kind)(encoder, encoder_weights=None, in_channels=channels).eval()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model


def save(model, form, folder):
    """The file, and what a recipe says of its keys."""
    names = ', names = "smp"'
    weights = model.state_dict()
    if form == "safetensors":
        save_file({key: value.contiguous() for key, value in weights.items()}, folder / "net.safetensors")
        return "net.safetensors", names
    if form == "state":
        torch.save(weights, folder / "net.pth")
        return "net.pth", names
    optimizer = torch.optim.Adam(model.parameters())
    torch.save(
        {
            "epoch": 3,
            "global_step": 100,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": OrderedDict((f"model.{key}", value) for key, value in weights.items()),
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"current": {"ready": 4}}}},
            "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.25)}},
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [],
            "hparams_name": "kwargs",
            "hyper_parameters": {"lr": 1e-3, "arguments": Namespace(fold=0)},
        },
        folder / "net.ckpt",
    )
    return "net.ckpt", f', strip_prefix = "model."{names}'


def converted(program, case, folder):
    kind, encoder, architecture, channels, form = case
    torch.manual_seed(1)
    model = network(kind, encoder, channels)
    file, keys = save(model, form, folder)
    recipe = RECIPE.format(architecture=architecture, channels=channels, file=file, keys=keys)
    (folder / "recipe.toml").write_text(recipe)
    command = [program, "export", "recipe.toml", "--out", "net.onnx"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()[:300]
    image = torch.rand(2, channels, 96, 128)
    with torch.no_grad():
        expected = model(image).numpy()
    found = ort.InferenceSession(folder / "net.onnx").run(["map"], {"image": image.numpy()})[0]
    return f"{np.abs(found - expected).max():.1e} of {np.abs(expected).max():.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pleura", type=Path, default=Path("target/debug/pleura"))
    program = parser.parse_args().pleura.resolve()
    print("| network | saved as | largest difference of logits |\n|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {case[0]} {case[1]} | {case[4]} | {converted(program, case, Path(folder))} |", flush=True)


if __name__ == "__main__":
    main()
