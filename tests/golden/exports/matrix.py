"""Runs pleura on a folder of exports (exports.py) and prints what works as a Markdown table.

    python tests/golden/exports/matrix.py FOLDER [--pleura PATH] [--only SUBSTRING] [--steps STEP,…] [--keep DIR]

Each export gets a manifest, a recipe and four synthetic images of the network's own size, so that nothing is resized.
Steps: check (`pleura check`), predict (`pleura predict`, with the largest difference between its probabilities and
those of ONNX Runtime in Python), train (`pleura train --check`), optimize (`pleura optimize`, 16-bit floats and 8-bit
integers) and, only if named, keep (as train, with batch norms left folded: `norm = "keep"`) and epoch (a training of one epoch and fold so). A cell is `ok` or the
first line of the error. --keep leaves manifests, recipes and outputs in DIR.

Needs numpy, pillow, onnx and onnxruntime."""

import argparse
import contextlib
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from PIL import Image

STEPS = {"check": "check", "predict": "predict vs Python", "train": "train check", "keep": "train check, norms folded",
         "epoch": "an epoch, norms folded", "optimize": "optimize"}
IMAGES = 4
BATCH = 2  # the engine's on a CPU
CLOSE = 1e-3  # in probabilities, which maps keep in 16 bits
SECONDS = 300

MANIFEST = """schema = 1
name = "{name}"
exit = "full"
{stages}
[[postprocess]]
plugin = "threshold"
params = {{ above = 0.5 }}
"""

MEMBER = """
[[{stage}.members]]
name = "{name}"
model = "{model}"
input = {{ name = "{input}", size = {size}, channels = {channels} }}
{kind} = {declared}
"""

RECIPE = """schema = 1
name = "{name}"

[network]
architecture = {{ kind = "onnx", model = "{model}", {kind} = {trained}{norm} }}
channels = {channels}
heads = "{kind}"

[data]
images = ["images"]
truth = {{ kind = "masks", folder = "masks" }}

[folds]
count = 2

[loss]
{kind} = [{{ kind = "bce" }}]

[optimizer]
kind = "adam"

[[phases]]
epochs = 1
size = {size}
batch = {batch}
lr = 1e-4
"""


def draw(folder, size):
    """Grey phantoms: noise with a bright ellipse in all but the first, and its mask."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    rows, columns = np.mgrid[:size[0], :size[1]] / np.array(size).reshape(2, 1, 1)
    for number in range(IMAGES):
        row, column = random.uniform(0.3, 0.7, 2)
        mask = ((rows - row) ** 2 / 0.04 + (columns - column) ** 2 / 0.02 < 1) & (number > 0)
        grey = 80 + 40 * rows + 60 * mask + random.normal(0, 12, size)
        Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"phantom{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"phantom{number}.png")


def seen_by(export, folder):
    """The images as the network's input."""
    pictures = [np.asarray(Image.open(folder / "images" / f"phantom{number}.png")) for number in range(IMAGES)]
    values = (np.stack(pictures) / np.float32(255)).astype(np.float32)[:, None].repeat(export["shape"][1], 1)
    return values.astype(np.float16) if export["dtype"] == "float16" else values


def constant_segmenter(path, size):
    """A second stage for networks that only give a score, because every ensemble has one."""
    shape = [None, 1, *size]
    graph = helper.make_graph([helper.make_node("Sigmoid", ["image"], ["map"])], "segmenter",
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("map", TensorProto.FLOAT, shape)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def prepare(export, model, folder):
    """The files that the commands read: the model, images, a manifest and a recipe."""
    for file in model.parent.glob(f"{model.name}*"):  # with its external data
        os.link(file, folder / file.name)
    size = export["shape"][2:]
    draw(folder, size)
    output, two = export["outputs"][0], export["classes"] == 2
    declared = f'{{ output = "{output}", values = "softmax", channel = 1 }}'
    known = {"name": model.stem, "model": model.name, "input": export["input"], "size": size, "batch": BATCH,
             "channels": export["shape"][1], "kind": export["kind"],
             "declared": declared if two else f'{{ output = "{output}", values = "logits" }}',
             "trained": declared if two else f'"{output}"'}
    stage = "segmenter" if export["kind"] == "map" else "classifier"
    stages = MEMBER.format(stage=stage, **known)
    if stage == "classifier":
        constant_segmenter(folder / "segmenter.onnx", size)
        other = {"name": "segmenter", "model": "segmenter.onnx", "input": "image", "channels": 1, "kind": "map",
                 "size": size, "declared": '{ output = "map", values = "probabilities" }'}
        stages = f'\n[classifier]\ngate = {{ kind = "score", above = 0 }}\n{stages}'
        stages += MEMBER.format(stage="segmenter", **other)
    (folder / "ensemble.toml").write_text(MANIFEST.format(name=model.stem, stages=stages))
    (folder / "recipe.toml").write_text(RECIPE.format(norm="", **known))
    (folder / "keep.toml").write_text(RECIPE.format(norm=', norm = "keep"', **known))


def difference(export, model, folder):
    """The largest difference between pleura's probabilities and those of ONNX Runtime in Python."""
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    values = seen_by(export, folder)
    batches = [values[start:start + BATCH] for start in range(0, IMAGES, BATCH)]
    logits = np.concatenate([session.run([export["outputs"][0]], {export["input"]: batch})[0] for batch in batches])
    logits = logits.astype(np.float64)
    logits = logits[:, 1] - logits[:, 0] if export["classes"] == 2 else logits[:, 0]
    expected = 1 / (1 + np.exp(-logits))
    if export["kind"] == "score":
        lines = [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]
        scores = {line["id"]: line["score"][0] for line in lines}
        found = np.array([scores[f"phantom{number}"] for number in range(IMAGES)])
    else:
        maps = [Image.open(folder / "maps" / f"phantom{number}.png") for number in range(IMAGES)]
        found = np.stack([np.asarray(it, np.float64) for it in maps]) / 65535
    return float(np.abs(found - expected).max())


def first_line(text):
    """The line of an output that says what is wrong, without the file, which the table's row names."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and " warning: " not in line]
    told = next((line for line in lines if re.search(r"\berror\b|panicked", line)), lines[0] if lines else "no output")
    told = re.sub(r"^[a-z]+\.toml:[\d:]+ |`[^`]*\.onnx`:? ?", "", told)
    return told.replace("|", "\\|")[:160]


def pleura(program, folder, *arguments):
    """None, or the error."""
    environment = os.environ | {"NO_COLOR": "1", "PLEURA_PROGRESS": "0"}
    try:
        done = subprocess.run([program, "--quiet", *arguments], cwd=folder, env=environment, timeout=SECONDS,
                              capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return f"took more than {SECONDS} s"
    if done.returncode == 0:
        return None
    return first_line(done.stderr + done.stdout) if done.returncode > 0 else f"signal {-done.returncode}"


def cell(step, program, export, model, folder):
    commands = {
        "check": ["check", "ensemble.toml"],
        "predict": ["predict", "ensemble.toml", "images", "--out", "out.csv", "--maps", "maps", "--findings",
                    "findings.jsonl", "--batch", str(BATCH)],
        "train": ["train", "recipe.toml", "--check"],
        "keep": ["train", "keep.toml", "--check"],
        "epoch": ["train", "keep.toml", "--fold", "0", "--out", "trained", "--device", "cpu"],
        "optimize": ["optimize", "ensemble.toml", "images", "--out", "optimized"],
    }
    error = pleura(program, folder, *commands[step])
    if error or step != "predict":
        return error or "ok"
    try:
        found = difference(export, model, folder)
    except Exception as error:
        return first_line(f"Python: {type(error).__name__}: {error}")
    # training forms draw random numbers
    close = "ok" if found <= CLOSE else "differs"
    return f"{close} ({found:.0e})"


def row(model, program, steps, folder):
    export = json.loads(model.with_suffix(".json").read_text())
    prepare(export, model, folder)
    cells = [cell(step, program, export, model, folder) for step in steps]
    return [model.stem, f"{export['exporter']}, {export['opset']}, {export['form']}", *cells]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pleura", type=Path, default=Path("target/debug/pleura"))
    parser.add_argument("--only", default="", metavar="SUBSTRING")
    parser.add_argument("--steps", default="check,predict,train,optimize")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    args = parser.parse_args()
    steps = args.steps.split(",")
    print("| export | exporter, opset, form |", " | ".join(STEPS[step] for step in steps), "|")
    print("|---" * (2 + len(steps)) + "|")
    for model in sorted(args.folder.glob("*.onnx")):
        if args.only not in model.stem:
            continue
        with contextlib.ExitStack() as stack:
            # beside the models, so that links need no copies
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=args.folder)) if not args.keep else None
            folder = Path(folder or args.keep / model.stem).resolve()
            folder.mkdir(parents=True, exist_ok=bool(not args.keep))
            print("|", " | ".join(row(model.resolve(), args.pleura.resolve(), steps, folder)), "|", flush=True)


if __name__ == "__main__":
    main()
