"""Exports randomly initialised networks of PyTorch's usual libraries to ONNX, each in the ways in which people do it.

    HF_HUB_OFFLINE=1 python tests/golden/exports/exports.py FOLDER [--only SUBSTRING] [--list]

NETWORK-WAY.onnx gets a NETWORK-WAY.json beside it: the input's name, shape and type, the outputs, what they are (a map
or a score), the exporter, its opset and the form (eval or training). For eval forms, `agrees` is the largest difference
between ONNX Runtime and PyTorch on a random input in [0, 1], and `others` says the same of other shapes that the file
declares to accept, or the error there. If an export fails, NETWORK-WAY.json holds the error instead.

Needs torch 2.15.0, torchvision 0.29.2, segmentation_models_pytorch 0.6.0, timm 1.0.22, monai 1.6.1, transformers,
onnx 1.23.2, onnxruntime 1.32.0 and onnxscript 0.7.2. Nothing is downloaded."""

import argparse
import contextlib
import copy
import io
import json
import time
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np
import onnx
import onnxruntime as ort
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision.models as tv
from monai.networks import nets as monai
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

BATCH = 2


@dataclass
class Network:
    """How a network is made, and what it takes and returns."""

    make: Callable[[], torch.nn.Module]
    kind: str = "map"
    channels: int = 1
    classes: int = 1
    size: int = 64
    resizable: bool = False  # exported with any height and width, not only with any batch

    @property
    def shape(self):
        return [BATCH, self.channels, self.size, self.size]


@dataclass
class Way:
    """How a network becomes a file."""

    exporter: str
    opset: int | None = None
    form: str = "eval"
    options: dict = field(default_factory=dict)
    networks: list[str] | None = None  # None: all
    half: bool = False
    quantise: str | None = None


class Output(torch.nn.Module):
    """torchvision's segmentation networks without the dictionary around their map."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)["out"]


def of_smp(kind, encoder, channels=1, size=64, resizable=False, **settings):
    settings = {"encoder_weights": None, "in_channels": channels, "classes": 1} | settings
    return Network(lambda: getattr(smp, kind)(encoder, **settings), "map", channels, 1, size, resizable)


def of_torchvision(name, resizable=False, **settings):
    settings = {"weights": None, "weights_backbone": None, "num_classes": 2} | settings
    return Network(lambda: Output(getattr(tv.segmentation, name)(**settings)), "map", 3, 2, 64, resizable)


def of_monai(kind, classes=1, resizable=False, **settings):
    settings = {"spatial_dims": 2, "in_channels": 1, "out_channels": classes} | settings
    return Network(lambda: getattr(monai, kind)(**settings), "map", 1, classes, 64, resizable)


def of_timm(name, channels=1, resizable=False, **settings):
    settings = {"pretrained": False, "num_classes": 1, "in_chans": channels} | settings
    return Network(lambda: timm.create_model(name, **settings), "score", channels, 1, 64, resizable)


NETWORKS = {
    "smp-unet-resnet18": of_smp("Unet", "resnet18", resizable=True),
    "smp-unet-seresnext50": of_smp("Unet", "se_resnext50_32x4d", 3),
    "smp-unet-efficientnet-b0": of_smp("Unet", "efficientnet-b0"),
    "smp-unet-timm-efficientnet-b0": of_smp("Unet", "timm-efficientnet-b0", 3),
    "smp-manet-resnet18": of_smp("MAnet", "resnet18"),
    # the legacy exporter wants sides that pooling to 6 x 6 divides evenly
    "smp-upernet-resnet18": of_smp("UPerNet", "resnet18", size=192),
    "smp-segformer-mit-b0": of_smp("Segformer", "mit_b0", 3),
    "smp-deeplabv3plus-efficientnet-b3": of_smp("DeepLabV3Plus", "efficientnet-b3", 3),
    "smp-deeplabv3-resnet18": of_smp("DeepLabV3", "resnet18"),
    "smp-fpn-resnet18": of_smp("FPN", "resnet18", resizable=True),
    "smp-linknet-resnet18": of_smp("Linknet", "resnet18"),
    "smp-pspnet-resnet18": of_smp("PSPNet", "resnet18", size=96),
    "smp-pspnet-resnet18-uneven": of_smp("PSPNet", "resnet18"),
    "smp-pan-resnet18": of_smp("PAN", "resnet18", size=128),  # pools a sixteenth of the image three times
    "smp-unetplusplus-resnet18": of_smp("UnetPlusPlus", "resnet18"),
    "tv-deeplabv3-mobilenetv3": of_torchvision("deeplabv3_mobilenet_v3_large", resizable=True, aux_loss=False),
    "tv-fcn-resnet50": of_torchvision("fcn_resnet50", aux_loss=False),
    "tv-lraspp-mobilenetv3": of_torchvision("lraspp_mobilenet_v3_large", resizable=True),
    "tv-densenet121": Network(lambda: tv.densenet121(weights=None, num_classes=1), "score", 3),
    "monai-unet": of_monai("UNet", channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2, resizable=True),
    "monai-basicunet": of_monai("BasicUNet"),
    "monai-segresnet": of_monai("SegResNet", resizable=True),
    "monai-attentionunet": of_monai("AttentionUnet", channels=(16, 32, 64, 128), strides=(2, 2, 2)),
    "monai-dynunet": of_monai("DynUNet", kernel_size=[3] * 4, strides=[1, 2, 2, 2], upsample_kernel_size=[2] * 3,
                              filters=[16, 32, 64, 128]),
    "monai-swinunetr": of_monai("SwinUNETR", classes=2, feature_size=12),
    "monai-unetr": of_monai("UNETR", classes=2, img_size=64, feature_size=8, hidden_size=96, mlp_dim=192, num_heads=4),
    "timm-convnext-atto": of_timm("convnext_atto"),
    "timm-vit-tiny": of_timm("vit_tiny_patch16_224", 3, img_size=64),
    "timm-swin-tiny": of_timm("swin_tiny_patch4_window7_224", img_size=64, window_size=4),
    "timm-efficientnet-b0": of_timm("efficientnet_b0"),
    "timm-mobilenetv3-small": of_timm("mobilenetv3_small_100", 3),
    "timm-resnet50d": of_timm("resnet50d", resizable=True),
}

MODE = torch.onnx.TrainingMode
TRAINING = {"training": MODE.TRAINING, "do_constant_folding": False}
UNFOLDED = {"training": MODE.EVAL, "do_constant_folding": False}
NEW = ["timm-vit-tiny", "timm-swin-tiny", "smp-segformer-mit-b0", "smp-unet-resnet18"]
OLD = ["smp-unet-resnet18", "monai-basicunet", "timm-vit-tiny"]
NORMS = ["smp-unet-resnet18", "smp-unet-efficientnet-b0", "smp-fpn-resnet18", "smp-pspnet-resnet18",
         "smp-segformer-mit-b0", "tv-lraspp-mobilenetv3", "tv-densenet121", "monai-attentionunet",
         "timm-efficientnet-b0"]
ONE = ["smp-unet-resnet18"]

WAYS = {
    "legacy17": Way("legacy", 17),
    "legacy17-training": Way("legacy", 17, "training", TRAINING),
    "legacy11": Way("legacy", 11, networks=OLD),
    "legacy13": Way("legacy", 13, networks=OLD),
    "legacy17-unfolded": Way("legacy", 17, options=UNFOLDED, networks=NORMS),
    "dynamo": Way("dynamo"),
    "dynamo23": Way("dynamo", 23, networks=NEW),
    "dynamo25": Way("dynamo", 25, networks=NEW),
    "dynamo-training": Way("dynamo", form="training", networks=ONE),
    "dynamo-unoptimized": Way("dynamo", options={"optimize": False}, networks=NORMS),
    "dynamo-unoptimized-training": Way("dynamo", form="training", options={"optimize": False}, networks=ONE),
    "legacy17-half": Way("legacy", 17, half=True, networks=ONE),
    "dynamo-half": Way("dynamo", half=True, networks=ONE),
    "legacy17-static8": Way("legacy", 17, quantise="static", networks=ONE),
    "legacy17-dynamic8": Way("legacy", 17, quantise="dynamic", networks=ONE),
}


def image(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def settled(name):
    """The network as after some training: batch norms have statistics, and no parameter is constant, because the legacy
    exporter merges equal ones."""
    network = NETWORKS[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    module = network.make().train()
    with torch.no_grad():
        for weight in module.parameters():
            if (weight == weight.flatten()[0]).all():
                weight += torch.empty_like(weight).uniform_(-0.1, 0.1)
        for seed in range(8):
            module(image(network.shape, seed))
    return module.eval()


def export(module, network, way, path):
    example = image(network.shape, 100)
    if way.half:
        module, example = module.half(), example.half()
    module.train(way.form == "training")
    if way.exporter == "legacy" and way.opset < 14:  # before which this exporter has no fused attention
        for part in module.modules():
            if hasattr(part, "fused_attn"):
                part.fused_attn = False
    options = {"input_names": ["image"], "output_names": [network.kind], "opset_version": way.opset} | way.options
    if way.exporter == "legacy":
        axes = {0: "batch"} | ({2: "height", 3: "width"} if network.resizable else {})
        of_output = axes if network.kind == "map" else {0: "batch"}
        options |= {"dynamo": False, "dynamic_axes": {"image": axes, network.kind: of_output}}
    else:
        # AUTO becomes a constant where the network's code needs one
        axes = [0, 2, 3] if network.resizable else [0]
        options |= {"dynamo": True, "verbose": False, "dynamic_shapes": (dict.fromkeys(axes, torch.export.Dim.AUTO),)}
    torch.onnx.export(module, (example,), str(path), **options)
    if way.quantise:
        quantise(path, network, way.quantise)


def quantise(path, network, kind):
    class Images(CalibrationDataReader):
        def __init__(self):
            self.left = iter([{"image": image(network.shape, seed).numpy()} for seed in range(4)])

        def get_next(self):
            return next(self.left, None)

    if kind == "static":
        quantize_static(path, path, Images(), quant_format=QuantFormat.QDQ)
    else:
        quantize_dynamic(path, path)


def difference(session, module, shape, half):
    values = image(shape, 200)
    values = values.half() if half else values
    with torch.no_grad():
        expected = module(values).float().numpy()
    got = session.run(None, {session.get_inputs()[0].name: values.numpy()})[0].astype(np.float32)
    if got.shape != expected.shape:
        raise ValueError(f"shape {got.shape} instead of {expected.shape}")
    return float(np.abs(got - expected).max())


def agreement(path, module, network, way):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    module.eval()
    free = [isinstance(side, str) for side in session.get_inputs()[0].shape]
    shapes = [[1, *network.shape[1:]]] if free[0] else []
    if free[2] and free[3]:
        shapes.append([3, network.channels, 96, 128])
    others = {}
    for shape in shapes:
        try:
            others["x".join(map(str, shape))] = difference(session, module, shape, way.half)
        except Exception as error:
            others["x".join(map(str, shape))] = summary(error)
    return {"agrees": difference(session, module, network.shape, way.half), "others": others}


def summary(error):
    text = str(error)
    # the dynamo exporter puts the cause after its advice
    text = text.split("## Exception summary")[-1]
    return " ".join(f"{type(error).__name__}: {text}".split())[:600]


def described(path, network, way):
    model = onnx.load(path, load_external_data=False)
    opset = next(entry.version for entry in model.opset_import if not entry.domain)
    taken = model.graph.input[0]
    sides = [side.dim_param or side.dim_value for side in taken.type.tensor_type.shape.dim]
    return {"input": taken.name, "shape": network.shape, "declared": sides,
            "dtype": onnx.TensorProto.DataType.Name(taken.type.tensor_type.elem_type).lower(),
            "outputs": [output.name for output in model.graph.output], "kind": network.kind,
            "classes": network.classes, "exporter": way.exporter + (f", {way.quantise} int8" if way.quantise else ""),
            "opset": opset, "form": way.form}


def run(name, way_name, module, folder):
    network, way = NETWORKS[name], WAYS[way_name]
    path = folder / f"{name}-{way_name}.onnx"
    for old in folder.glob(f"{path.name}*"):
        old.unlink()
    start = time.monotonic()
    module = copy.deepcopy(module)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the legacy exporter prints the whole graph of a failure
            export(module, network, way, path)
        found = described(path, network, way)
        if way.form == "eval":
            found |= agreement(path, module, network, way)
    except Exception as error:
        found = {"error": summary(error)}
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    told = found.get("error", f"agrees {found.get('agrees')} {found.get('others', '')}")
    print(f"{path.stem} {time.monotonic() - start:.0f}s opset {found.get('opset')}: {told}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="exports whose NETWORK-WAY contains this")
    parser.add_argument("--list", action="store_true", help="print the exports' names, and export nothing")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    for name in NETWORKS:
        ways = [way for way, found in WAYS.items() if found.networks is None or name in found.networks]
        ways = [way for way in ways if args.only in f"{name}-{way}"]
        if args.list:
            print(*(f"{name}-{way}" for way in ways), sep="\n")
        elif ways:
            module = settled(name)
            for way in ways:
                run(name, way, module, args.folder)


if __name__ == "__main__":
    main()
