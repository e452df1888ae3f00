"""recipes.py FOLDER IMAGES TRUTH SIZE BATCH: writes a recipe for each architecture, loss and optimiser."""

import os
import sys

folder, images, truth, size, batch = sys.argv[1:6]


def unet(encoder, more=""):
    return f'{{ kind = "unet", encoder = "{encoder}"{more} }}'


def over(kind, encoder, more=""):
    return f'{{ kind = "{kind}", encoder = "{encoder}"{more} }}'


ARCHITECTURES = {
    "unet-resnet34": unet("resnet34"),
    "unet-resnet50-scse": unet("resnet50", ', attention = "scse"'),
    "unet-resnet18-cbam": unet("resnet18", ', attention = "cbam"'),
    "unet-se-resnext50": unet("se-resnext50"),
    "unet-senet154": unet("senet154"),
    "unet-efficientnet-b0": unet("efficientnet-b0"),
    "unet-efficientnet-b4": unet("efficientnet-b4"),
    "unet-efficientnet-lite0": unet("efficientnet-lite0"),
    "linknet-resnet34": over("linknet", "resnet34"),
    "dc-unet": '{ kind = "dc-unet" }',
    "unet-classic": '{ kind = "unet-classic" }',
    "fcn-alexnet": '{ kind = "fcn-alexnet" }',
    "deeplab-v3": over("deeplab-v3", "resnet50"),
    "deeplab-v3-plus": over("deeplab-v3-plus", "resnet50"),
    "deeplab-v3-plus-gn": over("deeplab-v3-plus", "resnet50", ", group_norm = 32"),
    "encnet": over("encnet", "resnet50"),
    "fpn-resnet50": over("fpn", "resnet50"),
}
BCE_DICE = '[{ kind = "bce" }, { kind = "dice" }]'
LOSSES = {
    "lovasz": '[{ kind = "lovasz" }]',
    "focal-jaccard-tversky-ce": '[{ kind = "focal", alpha = 0.25 }, { kind = "jaccard" }, { kind = "tversky" }, '
                                '{ kind = "cross-entropy", classes = [1.0, 3.0] }]',
}
ADAM = 'kind = "adam"'
OPTIMIZERS = {
    "adamw-clip": 'kind = "adamw"\nclip = 1.0',
    "sgd-nesterov": 'kind = "sgd"\nmomentum = 0.9\nnesterov = true\nweight_decay = 1e-4',
}


def write(name, architecture, loss=BCE_DICE, optimizer=ADAM, heads="map", accumulate=1):
    both = heads == "both"
    dropout = "dropout = 0.2" if both else ""
    score = 'score = [{ kind = "bce" }]' if both else ""
    with open(os.path.join(folder, name + ".toml"), "w") as file:
        file.write(f'''schema = 1
name = "{name}"
seed = 1
[network]
architecture = {architecture}
channels = 1
heads = "{heads}"
{dropout}
[data]
images = ["{images}"]
truth = {{ kind = "rle", csv = "{truth}", size = [1024, 1024] }}
[folds]
count = 2
[loss]
map = {loss}
{score}
[optimizer]
{optimizer}
[[phases]]
epochs = 1
size = [{size}, {size}]
batch = {batch}
lr = 1e-4
accumulate = {accumulate}
''')


os.makedirs(folder, exist_ok=True)
for name, architecture in ARCHITECTURES.items():
    write(name, architecture)
for name, loss in LOSSES.items():
    write("loss-" + name, unet("resnet18"), loss=loss)
for name, optimizer in OPTIMIZERS.items():
    write("opt-" + name, unet("resnet18"), optimizer=optimizer)
write("both-dropout-accumulate", unet("resnet18"), heads="both", accumulate=2)
