"""Writes golden/nets.json.gz: PyTorch's results for the networks that engine/train/src/nets builds.

    python nets.py [NAME...]   all results, or (only printed) the forward passes whose names contain one of these

Published definitions come from torchvision, timm and segmentation_models_pytorch (0.6); others are written here from
their papers. Each network has its number of parameters, and the SHA-256 of its sorted lines `key shape`. Some also have
a few output values for a synthetic image and synthetic weights; both come from `numbers`, a formula of a name and an
index that the test repeats.
"""

import gzip
import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
import torchvision
from segmentation_models_pytorch.decoders.deeplabv3.decoder import ASPP
from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import nn
from torch.nn import functional as F

ENCODERS = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "se-resnext50": "se_resnext50_32x4d",
    "se-resnext101": "se_resnext101_32x4d",
    "senet154": "senet154",
    "efficientnet-b0": "timm-efficientnet-b0",
    "efficientnet-b1": "timm-efficientnet-b1",
    "efficientnet-b2": "timm-efficientnet-b2",
    "efficientnet-b3": "timm-efficientnet-b3",
    "efficientnet-b4": "timm-efficientnet-b4",
    "efficientnet-b5": "timm-efficientnet-b5",
    "efficientnet-lite0": "timm-tf_efficientnet_lite0",
    **{f"smp-efficientnet-b{size}": f"efficientnet-b{size}" for size in range(8)},
}
KINDS = {
    "unet": smp.Unet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "deeplab-v3": smp.DeepLabV3,
    "deeplab-v3-plus": smp.DeepLabV3Plus,
}


# --- definitions that the libraries lack


class AlexNet(nn.Module):
    """torchvision's features, padded so that sizes halve; with dilated stages below the output stride."""

    out_channels = [1, 0, 64, 192, 256, 256]

    def __init__(self, channels, output_stride=32):
        super().__init__()
        self.features = torchvision.models.alexnet(weights=None).features
        self.features[0] = nn.Conv2d(channels, 64, 11, stride=4, padding=4)
        for pool, own in [(2, 8), (5, 16), (12, 32)]:
            self.features[pool] = nn.MaxPool2d(3, 1 if own > output_stride else 2, padding=1)
        if output_stride < 16:
            for conv in (6, 8, 10):
                self.features[conv].dilation = self.features[conv].padding = (16 // output_stride,) * 2

    def forward(self, x):
        empty = x.new_zeros(x.shape[0], 0, x.shape[2] // 2, x.shape[3] // 2)
        quarter = self.features[:2](x)
        eighth = self.features[2:5](quarter)
        sixteenth = self.features[5:12](eighth)
        return [x, empty, quarter, eighth, sixteenth, self.features[12](sixteenth)]


def over_alexnet(kind, channels, output_stride):
    """A decoder of segmentation_models.pytorch over AlexNet."""
    model = published(kind, "resnet18", channels)
    model.encoder = AlexNet(channels, output_stride)
    widths = AlexNet.out_channels
    if kind == "unet":
        model.decoder = UnetDecoder(widths, (256, 128, 64, 32, 16))
    elif kind == "linknet":
        model.decoder = LinknetDecoder(widths)
    elif kind == "fpn":
        model.decoder = smp.decoders.fpn.decoder.FPNDecoder(widths)
    else:
        decoder = smp.decoders.deeplabv3.decoder
        model.decoder = (
            decoder.DeepLabV3Decoder(256, 256, (12, 24, 36), False, 0.5)
            if kind == "deeplab-v3"
            else decoder.DeepLabV3PlusDecoder(widths, 5, 256, (12, 24, 36), output_stride, True, 0.5)
        )
    model.classification_head = smp.base.ClassificationHead(256, 1)
    model.check_input_shape = lambda x: None
    return model


class Whole(nn.Module):
    """A custom encoder, a decoder, heads."""

    def __init__(self, encoder, decoder, head, width):
        super().__init__()
        self.encoder, self.decoder, self.segmentation_head = encoder, decoder, head
        self.classification_head = smp.base.ClassificationHead(width, 1)

    def forward(self, x):
        features = self.encoder(x)
        return self.segmentation_head(self.decoder(features)), self.classification_head(features[-1])


def conv_relu(before, after, kernel=3):
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class Stack(nn.Module):
    """Convolutions, with halvings between them or without."""

    def __init__(self, channels, widths, halves):
        super().__init__()
        self.halves = halves
        pairs = zip([channels, *widths], widths)
        self.layers = nn.ModuleList(conv_relu(before, after) for before, after in pairs)

    def forward(self, x):
        for index, layer in enumerate(self.layers):
            x = layer(F.max_pool2d(x, 2) if self.halves and index else x)
        return [x]


class StackDecoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        widths = widths[::-1]
        self.layers = nn.ModuleList(conv_relu(before, after) for before, after in zip(widths, widths[1:]))

    def forward(self, features):
        x = features[-1]
        for layer in self.layers:
            x = layer(F.interpolate(x, scale_factor=2))
        return x


def conv_stack(channels, widths):
    head = nn.Sequential(nn.Conv2d(widths[-1], 1, 1))
    encoder = Stack(channels, widths, False)
    model = Whole(encoder, nn.Identity(), head, widths[-1])
    model.decoder.forward = lambda features: features[-1]
    return model


def encoder_decoder(channels, widths):
    head = nn.Sequential(nn.Conv2d(widths[0], 1, 1))
    return Whole(Stack(channels, widths, True), StackDecoder(widths), head, widths[-1])


class Fcn(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc6, self.fc7 = nn.Conv2d(256, 4096, 6), nn.Conv2d(4096, 4096, 1)

    def forward(self, features):
        return self.fc7(self.fc6(F.pad(features[-1], (2, 3, 2, 3))).relu()).relu()


def fcn_alexnet(channels):
    head = nn.Sequential(nn.Conv2d(4096, 1, 1), nn.ConvTranspose2d(1, 1, 64, 32, 16, bias=False))
    return Whole(AlexNet(channels), Fcn(), head, 256)


class Double(nn.Module):
    """Ronneberger et al. (2015): two convolutions, with an up-convolution before them on the way back."""

    def __init__(self, before, after, up=False, batch_norm=False):
        super().__init__()
        if up:
            self.up = nn.ConvTranspose2d(before, after, 2, 2)
        self.conv1 = nn.Conv2d(2 * after if up else before, after, 3, padding=1, bias=not batch_norm)
        self.norm1 = nn.BatchNorm2d(after) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=not batch_norm)
        self.norm2 = nn.BatchNorm2d(after) if batch_norm else nn.Identity()

    def forward(self, x, skip=None):
        if skip is not None:
            x = torch.cat([skip, self.up(x)], 1)
        x = self.norm1(self.conv1(x)).relu()
        return self.norm2(self.conv2(x)).relu()


class Down(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x):
        features = []
        for block in self.blocks:
            features.append(block(F.max_pool2d(features[-1], 2) if features else x))
        return features


class Up(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, features):
        x = features[-1]
        for block, skip in zip(self.blocks, features[-2::-1]):
            x = block(x, skip)
        return x


def unet_classic(channels, width=64, batch_norm=False):
    widths = [width << step for step in range(5)]
    down = Down(Double(before, after, False, batch_norm) for before, after in zip([channels, *widths], widths))
    up = Up(Double(before, after, True, batch_norm) for before, after in zip(widths[::-1], widths[-2::-1]))
    return Whole(down, up, nn.Sequential(nn.Conv2d(width, 1, 1)), widths[-1])


class Channel(nn.Module):
    def __init__(self, before, widths):
        super().__init__()
        self.convs = nn.ModuleList(conv_relu(a, b) for a, b in zip([before, *widths], widths))
        self.bn = nn.BatchNorm2d(sum(widths))

    def forward(self, x):
        results = []
        for conv in self.convs:
            x = conv(x)
            results.append(x)
        return self.bn(torch.cat(results, 1))


class Residual(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.shortcut = conv_relu(before, after, 1)[:2]
        self.conv = conv_relu(before, after)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x):
        return self.bn((self.shortcut(x) + self.conv(x)).relu())


class Dual(nn.Module):
    """DC-UNet's block (Lou et al., 2021), with a residual path and an up-convolution before it on the way back."""

    @staticmethod
    def widths(width):
        return [int(1.67 * width * share) for share in (0.167, 0.333, 0.5)]

    def __init__(self, before, width, skip=None, length=None):
        super().__init__()
        if skip:
            pairs = zip([skip] + length * [width], length * [width])
            self.path = nn.Sequential(*(Residual(a, b) for a, b in pairs))
            self.up = nn.ConvTranspose2d(before, width, 2, 2)
            before = 2 * width
        widths = self.widths(width)
        self.channel1, self.channel2 = Channel(before, widths), Channel(before, widths)
        self.bn = nn.BatchNorm2d(sum(widths))

    def forward(self, x, skip=None):
        if skip is not None:
            x = torch.cat([self.up(x), self.path(skip)], 1)
        return self.bn((self.channel1(x) + self.channel2(x)).relu())


def dc_unet(channels, width=32):
    widths = [width << step for step in range(5)]
    wide = [sum(Dual.widths(it)) for it in widths]
    down = Down(Dual(before, it) for before, it in zip([channels, *wide], widths))
    ways = zip(wide[::-1], widths[-2::-1], wide[-2::-1], range(1, 5))
    return Whole(down, Up(Dual(*way) for way in ways), nn.Sequential(nn.Conv2d(wide[0], 1, 1)), wide[-1])


class Encoding(nn.Module):
    """Zhang et al. (2018), equations 1 and 2, by the differences themselves."""

    def __init__(self, channels, codes):
        super().__init__()
        self.codewords = nn.Parameter(torch.zeros(codes, channels))
        self.scale = nn.Parameter(torch.zeros(codes))

    def forward(self, x):
        differences = x.flatten(2).transpose(1, 2).unsqueeze(2) - self.codewords
        shares = (self.scale * differences.square().sum(3)).softmax(2)
        return (shares.unsqueeze(3) * differences).sum(1)


class EncModule(nn.Module):
    def __init__(self, channels, codes):
        super().__init__()
        norm = nn.Sequential(nn.BatchNorm1d(codes), nn.ReLU())
        self.encoding = nn.Sequential(*conv_relu(channels, channels, 1), Encoding(channels, codes), *norm)
        self.fc = nn.Sequential(nn.Linear(channels, channels), nn.Sigmoid())

    def forward(self, x):
        gate = self.fc(self.encoding(x).mean(1))[:, :, None, None]
        return (x + x * gate).relu()


class EncDecoder(nn.Module):
    def __init__(self, before, codes):
        super().__init__()
        self.conv5 = conv_relu(before, 512)
        self.encmodule = EncModule(512, codes)

    def forward(self, features):
        return self.encmodule(self.conv5(features[-1]))


def encnet(encoder, channels, codes=32):
    if encoder == "alexnet":
        encoder, width = AlexNet(channels, 8), 256
    else:
        encoder = smp.encoders.get_encoder(ENCODERS[encoder], channels, output_stride=8)
        width = encoder.out_channels[-1]
    head = nn.Sequential(nn.Conv2d(512, 1, 1), nn.Upsample(scale_factor=8, mode="bilinear", align_corners=True))
    return Whole(encoder, EncDecoder(width, codes), head, width)


# --- definitions of the libraries


def published(kind, encoder, channels, **options):
    aux = {"classes": 1}
    return KINDS[kind](encoder, encoder_weights=None, in_channels=channels, aux_params=aux, **options)


def with_group_norm(model, groups):
    """Replaces all batch norms by group norms."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                width = child.num_features
                setattr(module, name, nn.GroupNorm(math.gcd(width, groups), width))
    return model


class Cbam(nn.Module):
    """Woo et al. (2018), equations 2 and 3."""

    def __init__(self, channels, reduction=16):
        super().__init__()
        squeeze = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.mlp = nn.Sequential(squeeze, nn.ReLU(), nn.Conv2d(channels // reduction, channels, 1, bias=False))
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        mean, most = F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)
        x = x * torch.sigmoid(self.mlp(mean) + self.mlp(most))
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.spatial(places))


def with_cbam(encoder, channels, **options):
    model = published("unet", encoder, channels, decoder_attention_type="scse", **options)
    for block in model.decoder.blocks:
        block.attention1.attention = Cbam(block.conv1[0].in_channels)
        block.attention2.attention = Cbam(block.conv2[0].out_channels)
    return model


def with_aspp(encoder, channels):
    model = published("unet", encoder, channels)
    widths = model.encoder.out_channels
    model.decoder = UnetDecoder([*widths[:-1], 256], (256, 128, 64, 32, 16))
    model.decoder.aspp = ASPP(widths[-1], 256, (6, 12, 18), False, 0.5)
    model.decoder.center = model.decoder.aspp
    return model


def build(architecture, channels):
    options = dict(architecture)
    kind, encoder = options.pop("kind"), options.pop("encoder", None)
    own = {
        "conv-stack": conv_stack,
        "encoder-decoder": encoder_decoder,
        "fcn-alexnet": fcn_alexnet,
        "unet-classic": unet_classic,
        "dc-unet": dc_unet,
    }
    if kind in own:
        return own[kind](channels, **options)
    if kind == "encnet":
        return encnet(encoder, channels, **options)
    if encoder == "alexnet":
        return over_alexnet(kind, channels, options.get("output_stride", 32))
    if options.pop("aspp", False):
        return with_aspp(ENCODERS[encoder], channels)
    if "group_norm" in options:
        groups = options.pop("group_norm")
        return with_group_norm(build({"kind": kind, "encoder": encoder, **options}, channels), groups)
    if options.get("attention") == "cbam":
        options.pop("attention")
        return with_cbam(ENCODERS[encoder], channels, **options)
    if options.pop("scse", False):
        options["decoder_attention_type"] = "scse"
    if "output_stride" in options:
        options["encoder_output_stride"] = options.pop("output_stride")
    if "decoder" in options:
        options["decoder_channels"] = options.pop("decoder")
    return published(kind, ENCODERS[encoder], channels, **options)


def state(model, architecture):
    """Keys and values, without those that no output depends on."""
    unused = ["decoder.center."]  # with_aspp's second name of a module
    encoder = architecture.get("encoder", "")
    if "efficientnet" in encoder:
        unused += ["encoder.conv_head.", "encoder.bn2.", "encoder._conv_head.", "encoder._bn1."]
    if architecture.get("scse") or architecture.get("attention"):
        unused += ["decoder.blocks.4.attention1."]
    keep = lambda key: not key.endswith("num_batches_tracked") and not key.startswith(tuple(unused))
    named = names(model.encoder._blocks) if encoder.startswith("smp-") else lambda key: key
    return {named(key): value for key, value in model.state_dict().items() if keep(key)}


def names(blocks):
    """timm's names for an EfficientNet of segmentation_models.pytorch: blocks are counted in stages that start where the
    channels change."""
    places, channels = [], None
    for block in blocks:
        if block._project_conv.out_channels != channels:
            channels = block._project_conv.out_channels
            places.append([])
        places[-1].append(len(places) - 1)
    places = [(stage, block) for stage, blocks in enumerate(places) for block in range(len(blocks))]
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
    expanded = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_se_reduce": "se.conv_reduce",
        "_se_expand": "se.conv_expand",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    plain = {**expanded, "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}

    def named(key):
        parts = key.split(".")
        if parts[:2] == ["encoder", "_blocks"]:
            stage, block = places[int(parts[2])]
            inner = (plain if stage == 0 else expanded)[parts[3]]
            return ".".join(["encoder.blocks", str(stage), str(block), inner, *parts[4:]])
        if parts[0] == "encoder" and parts[1] in outer:
            return ".".join(["encoder", outer[parts[1]], *parts[2:]])
        return key

    return named


def layout(architecture, channels):
    with torch.device("meta"):
        weights = state(build(architecture, channels), architecture)
    lines = sorted(f"{key} {list(value.shape)}\n" for key, value in weights.items())
    trained = [value.numel() for key, value in weights.items() if ".running_" not in key]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    network = {"architecture": architecture, "channels": channels, "heads": "both"}
    return {"network": network, "parameters": sum(trained), "sha256": digest}


# --- forward passes


def numbers(name, count):
    """In [0, 1): SplitMix64 from the name's FNV-1a."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = (start ^ byte) * 0x100000001B3 % 2**64
    z = np.uint64(start) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) / 2**24


def made_up(key, shape, gain):
    u = numbers(key, int(np.prod(shape)))
    if key.endswith(".running_var"):
        values = 0.5 + u
    elif key.endswith((".bias", ".running_mean")):
        values = 0.4 * u - 0.2
    elif key.endswith(".scale"):
        values = -0.01 * u
    elif len(shape) == 1:
        values = 0.75 + 0.5 * u
    else:
        values = (2 * u - 1) * np.sqrt(gain / np.prod(shape[1:]))
    return torch.tensor(values.astype(np.float32).reshape(shape))


@torch.no_grad()
def forward(name, architecture, channels=1, size=(64, 96)):
    model = build(architecture, channels).eval()
    gain = GAINS.get(name, 6)
    for key, value in state(model, architecture).items():
        value.copy_(made_up(key, value.shape, gain))
    image = 2 * numbers("image", 2 * channels * size[0] * size[1]).reshape(2, channels, *size) - 1
    maps, scores = model.double()(torch.tensor(image.astype(np.float32)).double())
    assert maps.shape == (2, 1, *size), (name, maps.shape)
    rounded = lambda values: [float(f"{value:.7g}") for value in values.flatten().tolist()]
    return {
        "name": name,
        "network": {"architecture": architecture, "channels": channels, "heads": "both"},
        "size": size,
        "gain": gain,
        "spread": rounded(maps.std())[0],
        "map": rounded(maps[:, 0, 3::16, 5::24]),
        "score": rounded(scores),
    }


def gradients(name, channels, size, precision):
    architecture, gain = FORWARD[name], GAINS.get(name, 6)
    model = build(architecture, channels).to(precision).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # smp's label head has one by default
    weights = state(model, architecture)
    with torch.no_grad():
        for key, value in weights.items():
            value.copy_(made_up(key, value.shape, gain))
    image = 2 * numbers("image", 2 * channels * size[0] * size[1]).reshape(2, channels, *size) - 1
    truth = torch.tensor(numbers("truth", 2 * size[0] * size[1]) > 0.7).reshape(2, 1, *size).to(precision)
    maps, scores = model(torch.tensor(image.astype(np.float32)).to(precision))
    bce = F.binary_cross_entropy_with_logits
    loss = bce(maps, truth) + bce(scores.flatten(), torch.tensor([0.0, 1.0], dtype=precision))
    loss.backward()
    found = {}
    for key, parameter in model.named_parameters():
        if key in weights and parameter.grad is not None:
            gradient = parameter.grad.flatten().double()
            probe = torch.tensor(2 * numbers("probe." + key, gradient.numel()) - 1)
            found[key] = [gradient.norm().item(), (gradient @ probe).item()]
    return loss.item(), found


def backward(name, channels=1, size=(64, 96)):
    """Gradients in training mode: each weight's norm, and the product with synthetic numbers. `single` is the
    difference of PyTorch's single and double precision, as a share of the norm: from kinks that rounding crosses."""
    loss, exact = gradients(name, channels, size, torch.float64)
    _, rounded = gradients(name, channels, size, torch.float32)
    least = 1e-5 * max(norm for norm, _ in exact.values())
    off = [abs(x - y) / max(exact[key][0], least) for key in exact for x, y in zip(exact[key], rounded[key])]
    network = {"architecture": FORWARD[name], "channels": channels, "heads": "both"}
    short = {key: [float(f"{value:.6g}") for value in values] for key, values in exact.items()}
    print(name, loss, max(off))
    return {"name": name, "network": network, "size": size, "gain": GAINS.get(name, 6), "loss": loss, "single": max(off), "gradients": short}


# those for which single precision is meaningful with synthetic weights
BACKWARD = ["unet-resnet34", "unet-se-resnext50", "unet-scse", "unet-cbam", "dc-unet"]


def layouts():
    for encoder in [*ENCODERS, "alexnet"]:
        yield {"kind": "unet", "encoder": encoder}, 1
        yield {"kind": "linknet", "encoder": encoder}, 3
        yield {"kind": "fpn", "encoder": encoder}, 1
        yield {"kind": "deeplab-v3", "encoder": encoder, "output_stride": 8}, 3
        yield {"kind": "deeplab-v3-plus", "encoder": encoder, "output_stride": 16}, 1
        yield {"kind": "encnet", "encoder": encoder}, 3
    yield {"kind": "unet", "encoder": "se-resnext50", "scse": True}, 3
    yield {"kind": "unet", "encoder": "se-resnext50", "attention": "cbam"}, 3
    yield {"kind": "deeplab-v3-plus", "encoder": "resnet50", "group_norm": 32}, 1
    yield {"kind": "unet", "encoder": "resnet34", "decoder": [128, 64, 32, 32, 16]}, 1
    yield {"kind": "unet", "encoder": "se-resnext101", "aspp": True}, 1
    yield {"kind": "conv-stack", "widths": [8, 16, 8]}, 1
    yield {"kind": "encoder-decoder", "widths": [16, 32, 64, 128]}, 3
    yield {"kind": "fcn-alexnet"}, 3
    yield {"kind": "unet-classic"}, 1
    yield {"kind": "unet-classic", "batch_norm": True}, 1
    yield {"kind": "dc-unet"}, 3


FORWARD = {
    "unet-resnet34": {"kind": "unet", "encoder": "resnet34"},
    "unet-se-resnext50": {"kind": "unet", "encoder": "se-resnext50"},
    "unet-efficientnet-b3": {"kind": "unet", "encoder": "efficientnet-b3"},
    "unet-scse": {"kind": "unet", "encoder": "resnet18", "scse": True},
    "unet-cbam": {"kind": "unet", "encoder": "resnet18", "attention": "cbam"},
    "unet-aspp": {"kind": "unet", "encoder": "resnet18", "aspp": True},
    "unet-alexnet": {"kind": "unet", "encoder": "alexnet"},
    "linknet-efficientnet-lite0": {"kind": "linknet", "encoder": "efficientnet-lite0"},
    "fpn-resnet18": {"kind": "fpn", "encoder": "resnet18"},
    "deeplab-v3-resnet50": {"kind": "deeplab-v3", "encoder": "resnet50", "output_stride": 8},
    "deeplab-v3-resnet18-16": {"kind": "deeplab-v3", "encoder": "resnet18", "output_stride": 16},
    "deeplab-v3-efficientnet-b0": {"kind": "deeplab-v3", "encoder": "efficientnet-b0", "output_stride": 8},
    "deeplab-v3-plus-resnet34": {"kind": "deeplab-v3-plus", "encoder": "resnet34", "output_stride": 16},
    "deeplab-v3-plus-alexnet-8": {"kind": "deeplab-v3-plus", "encoder": "alexnet", "output_stride": 8},
    "deeplab-v3-plus-group-norm": {"kind": "deeplab-v3-plus", "encoder": "resnet50", "group_norm": 32},
    "encnet-resnet18": {"kind": "encnet", "encoder": "resnet18"},
    "unet-smp-efficientnet-b0": {"kind": "unet", "encoder": "smp-efficientnet-b0"},
    "unet-smp-efficientnet-b2": {"kind": "unet", "encoder": "smp-efficientnet-b2"},
    "deeplab-v3-smp-efficientnet-b0": {"kind": "deeplab-v3", "encoder": "smp-efficientnet-b0", "output_stride": 8},
    "deeplab-v3-plus-smp-efficientnet-b3": {
        "kind": "deeplab-v3-plus",
        "encoder": "smp-efficientnet-b3",
        "output_stride": 16,
    },
    "conv-stack": {"kind": "conv-stack", "widths": [8, 16, 8]},
    "encoder-decoder": {"kind": "encoder-decoder", "widths": [8, 16, 24]},
    "fcn-alexnet": {"kind": "fcn-alexnet"},
    "unet-classic": {"kind": "unet-classic", "width": 16},
    "unet-classic-batch-norm": {"kind": "unet-classic", "width": 16, "batch_norm": True},
    "dc-unet": {"kind": "dc-unet", "width": 16},
}

# Kaiming's 6 preserves signals in most; with many gates in sequence they become so large that PyTorch's own single and
# double precision diverge.
GAINS = {"unet-se-resnext50": 3, "unet-scse": 3}


def write(name, text):
    path = Path(__file__).parent.parent / "golden" / f"{name}.json.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_gradients():
    found = ",\n".join(json.dumps(backward(name), separators=(",", ":")) for name in BACKWARD)
    write("gradients", f"[\n{found}\n]\n")


def main(wanted):
    if wanted == ["gradients"]:
        return write_gradients()
    passes = []
    for name, architecture in FORWARD.items():
        if not wanted or any(part in name for part in wanted):
            passes.append(forward(name, architecture))
            print(name, passes[-1]["spread"], passes[-1]["score"], flush=True)
    if wanted:
        return print(json.dumps(passes))
    write_gradients()
    sizes = []
    for architecture, channels in layouts():
        sizes.append(layout(architecture, channels))
        print(architecture, sizes[-1]["parameters"], flush=True)
    lines = lambda entries: ",\n".join("  " + json.dumps(entry) for entry in entries)
    text = f'{{\n "layouts": [\n{lines(sizes)}\n ],\n "forward": [\n{lines(passes)}\n ]\n}}\n'
    write("nets", text)


if __name__ == "__main__":
    main(sys.argv[1:])
