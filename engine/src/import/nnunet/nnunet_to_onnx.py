"""Exports a 2D nnU-Net v2 model to ONNX: one graph per fold, and nnunet.json, which describes how to run them.

    python nnunet_to_onnx.py MODEL_FOLDER OUT [--folds 0 1 2] [--checkpoint NAME] [--postprocessing FILE]

Run it where nnU-Net v2 is installed, after `pip install onnx`; with onnxruntime installed, each graph is compared with
PyTorch. MODEL_FOLDER is nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION. Checkpoints are pickles, which can run
code when they are loaded: export only those that you trust."""

import argparse
import hashlib
import inspect
import json
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path

import onnx  # noqa: F401  torch.onnx needs it, and would fail only at the end
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

OPSET = 17
READERS = ["NaturalImage2DIO", "SimpleITKIO"]  # both keep the file's order of rows and columns
KINDS = {"ZScoreNormalization": "z-score", "CTNormalization": "ct", "RescaleTo01Normalization": "min-max",
         "RGBTo01Normalization": "rgb", "NoNormalization": "none"}
PACKAGES = ["nnunetv2", "dynamic-network-architectures", "torch", "onnx"]
KEEP_LARGEST = "remove_all_but_largest_component_from_segmentation"


def require(supported, found):
    if not supported:
        raise SystemExit(f"cannot export this model: {found}")


class InstanceNorm(torch.nn.Module):
    """Replaces InstanceNorm2d. ONNX Runtime's InstanceNormalization adds up a whole plane in one float32, which loses
    precision on large planes and wide borders. Here the mean of a plane is the mean of its rows' means."""

    def __init__(self, original):
        super().__init__()
        self.eps, self.weight, self.bias = original.eps, original.weight, original.bias

    def forward(self, planes):  # (N, C, H, W)
        planes = planes - planes.mean(3, keepdim=True).mean(2, keepdim=True)
        variance = (planes * planes).mean(3, keepdim=True).mean(2, keepdim=True)
        planes = planes / torch.sqrt(variance + self.eps)
        return planes if self.weight is None else planes * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


def normalization(scheme, nonzero_only, intensities):
    require(scheme in KINDS, f"normalization {scheme}")
    parameters = {"ZScoreNormalization": lambda: {"nonzero_only": nonzero_only}, "CTNormalization": lambda: {
        "low": intensities["percentile_00_5"], "high": intensities["percentile_99_5"],
        "mean": intensities["mean"], "std": intensities["std"]}}
    return {"kind": KINDS[scheme], **parameters.get(scheme, dict)()}


def resampling(config, of):
    function, options = config[f"resampling_fn_{of}"], config[f"resampling_fn_{of}_kwargs"]
    if function == "no_resampling_hack":
        return {"kind": "none"}
    require(function == "resample_data_or_seg_to_shape", f"resampling_fn_{of} {function}")
    known = options["order"] in (1, 3) and not options["is_seg"] and options["force_separate_z"] is not False
    require(known, f"resampling_fn_{of}_kwargs {options}")
    return {"kind": "spline", "order": options["order"]}


def postprocessing(file):
    """Steps that nnUNetv2_find_best_configuration chose on cross-validation."""
    chosen, steps = json.loads(file.read_text()), []
    for function, options in zip(chosen["postprocessing_fns"], chosen["postprocessing_kwargs"]):
        known = function == KEEP_LARGEST and list(options) == ["labels_or_regions"]
        require(known, f"postprocessing {function} {options}")
        labels = sum(map(as_list, as_list(options["labels_or_regions"])), [])
        steps.append({"kind": "keep-largest", "labels": labels})
    return steps


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def describe(plans, config, labels, dataset):
    """The part of nnunet.json that the plans and the dataset determine."""
    require(len(config.patch_size) == 2, f"a {len(config.patch_size)}D configuration")
    require(config.previous_stage_name is None, f"a cascade after {config.previous_stage_name}")
    require(config.preprocessor_name == "DefaultPreprocessor", f"preprocessor {config.preprocessor_name}")
    require(plans.plans["image_reader_writer"] in READERS, f"reader {plans.plans['image_reader_writer']}")
    require(plans.label_manager_class.__name__ == "LabelManager", f"label manager {plans.label_manager_class.__name__}")
    require(list(plans.transpose_forward) == [0, 1, 2], f"transpose_forward {plans.transpose_forward}")
    # nnU-Net's masks hold the index of a head, which equals the label only where no label is skipped.
    heads, regions = [int(label) for label in labels.all_labels], labels.has_regions
    require(regions or heads == list(range(len(heads))), f"labels {heads}, expected 0, 1, 2, ... without gaps")
    names = dataset.get("channel_names") or dataset["modality"]
    intensities = plans.foreground_intensity_properties_per_channel
    schemes = enumerate(zip(config.normalization_schemes, config.use_mask_for_norm))
    strides = config.configuration.get("architecture", {}).get("arch_kwargs", {}).get("strides", [])
    strides = [stride if isinstance(stride, (list, tuple)) else [stride, stride] for stride in strides]
    return {
        "reader": plans.plans["image_reader_writer"], "file_ending": dataset["file_ending"],
        "input": {"name": "image", "spacing": config.spacing, "resample": resampling(config.configuration, "data"),
                  "multiple_of": torch.tensor(strides).prod(0).tolist() if strides else None,
                  "channels": [{"name": names[str(i)], "normalization": normalization(*s, intensities.get(str(i)))}
                               for i, s in schemes]},
        "window": {"size": list(config.patch_size), "step": 0.5},
        "output": {"name": "logits", "heads": labels.num_segmentation_heads,
                   "nonlinearity": "sigmoid" if regions else "softmax",
                   "resample": resampling(config.configuration, "probabilities")},
        "labels": dataset["labels"], "head_labels": None if regions else heads,
        "regions": [as_list(region) for region in labels.foreground_regions] if regions else None,
        "regions_class_order": dataset["regions_class_order"] if regions else None}


def write(network, file, channels, size):
    """Writes one fold's graph, with dynamic batch, height and width."""
    exact = deepcopy(network)
    # nnU-Net's blocks hold each layer twice: by its name and in a sequence, which is the one that runs.
    for name, module in list(exact.named_modules(remove_duplicate=False)):
        if isinstance(module, torch.nn.InstanceNorm2d) and not module.track_running_stats:
            parent, _, attribute = name.rpartition(".")
            setattr(exact.get_submodule(parent), attribute, InstanceNorm(module))
    noise = torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(0))
    dynamic = {name: {0: "batch", 2: "height", 3: "width"} for name in ("image", "logits")}
    # The TorchScript exporter: the other one, the default since PyTorch 2.9, needs onnxscript.
    exporter = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(exact, (noise,), str(file), input_names=["image"], output_names=["logits"],
                      dynamic_axes=dynamic, opset_version=OPSET, **exporter)
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        return print(f"{file}: written, but not compared with PyTorch: onnxruntime is not installed")
    views = torch.cat([noise, noise.flip(3)]).repeat(1, 1, 1, 2)  # not the batch size and width of the export
    logits = InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(None, {"image": views.numpy()})[0]
    with torch.no_grad():
        print(f"{file}: differs from PyTorch by at most {abs(network(views).numpy() - logits).max():.1e}")


def export(folder, out, folds=None, checkpoint="checkpoint_final.pth", chosen=None):
    folds = folds or sorted(path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{checkpoint}"))
    require(folds, f"no fold_*/{checkpoint} in {folder}")
    files = [chosen] if chosen else sorted(folder.glob("crossval_results_folds_*/postprocessing.json"))
    require(len(files) < 2, f"several files, choose one with --postprocessing: {', '.join(map(str, files))}")
    predictor = nnUNetPredictor(device=torch.device("cpu"))
    predictor.initialize_from_trained_model_folder(str(folder), tuple(folds), checkpoint)
    first = torch.load(folder / f"fold_{folds[0]}" / checkpoint, map_location="cpu", weights_only=False)
    plans, config, network = predictor.plans_manager, predictor.configuration_manager, predictor.network.eval()
    facts = describe(plans, config, predictor.label_manager, predictor.dataset_json)
    steps = postprocessing(files[0]) if files else []
    out.mkdir(parents=True, exist_ok=True)
    models = []
    for fold, parameters in zip(folds, predictor.list_of_parameters):
        network.load_state_dict(parameters)
        file = out / f"fold{fold}.onnx"
        write(network, file, len(facts["input"]["channels"]), config.patch_size)
        models.append({"fold": fold, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()})
    about = {"format": "pleura-nnunet-1", "dataset": plans.dataset_name,
             "configuration": first["init_args"]["configuration"], "trainer": predictor.trainer_name,
             "checkpoint": checkpoint, "models": models, **facts,
             "mirror": list(predictor.allowed_mirroring_axes or []), "postprocessing": steps, "opset": OPSET,
             "versions": {name: version(name) for name in PACKAGES}}
    (out / "nnunet.json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", nargs="+", help="default: every fold that has the checkpoint")
    parser.add_argument("--checkpoint", default="checkpoint_final.pth", help="default: %(default)s")
    parser.add_argument("--postprocessing", type=Path, metavar="FILE", help="default: the model's own")
    args = parser.parse_args()
    export(args.model_folder, args.out, args.folds, args.checkpoint, args.postprocessing)
