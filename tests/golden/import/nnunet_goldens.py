"""nnU-Net's own predictions of tiny models, and the models as engine/src/import/nnunet/nnunet_to_onnx.py exports them.

nnunet/CASE/ holds fold*.onnx and nnunet.json, images/NAME.png, expected/NAME.npz with nnU-Net's probabilities
(heads, 1, H, W) in float32, as --save_probabilities writes them, and expected/NAME.png, the mask after postprocessing.
spacing.json, where there is one, holds NAME: [row, column] in millimetres, which PNG cannot."""

import json
import shutil
import sys
from pathlib import Path

import torch
from nnunetv2.inference import predict_from_raw_data
from nnunetv2.postprocessing.remove_connected_components import (
    load_postprocess_save, remove_all_but_largest_component_from_segmentation)
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

from images import save
from nnunet_cases import CASES

sys.path.insert(0, str(Path(__file__).parents[3] / "engine/src/import/nnunet"))
from nnunet_to_onnx import export  # noqa: E402


class Float32Sums:
    """Stands for the module torch within nnU-Net's predictor, where torch.half is only the type of the sums of logits
    and of weights. In half precision, logits are off by up to 0.01, depending on the order of the windows. The
    Gaussian is made in another module and stays rounded to half."""
    half = torch.float32

    def __getattr__(self, name):
        return getattr(torch, name)


def plans(name, case):
    stages, count = len(case.features), len(case.channels)
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    function = "resample_data_or_seg_to_shape" if case.resample else "no_resampling_hack"
    architecture = {
        "n_stages": stages, "features_per_stage": case.features, "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3]] * stages, "strides": case.strides, "n_conv_per_stage": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1), "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True}}
    configuration = {
        "data_identifier": "nnUNetPlans_2d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
        "patch_size": case.patch, "median_image_size_in_voxels": case.patch, "spacing": case.spacing,
        "normalization_schemes": [case.normalization] * count, "use_mask_for_norm": [case.nonzero_only] * count,
        "resampling_fn_data": function, "resampling_fn_data_kwargs": resampling if case.resample else {},
        "resampling_fn_seg": function, "resampling_fn_seg_kwargs": resampling if case.resample else {},
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": resampling | {"order": 1} if case.resample else {},
        "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                         "arch_kwargs": architecture,
                         "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]},
        "batch_dice": True}
    return {
        "dataset_name": f"Dataset001_{name}", "plans_name": "nnUNetPlans", "image_reader_writer": "NaturalImage2DIO",
        "original_median_spacing_after_transp": [999.0, *case.spacing], "transpose_forward": [0, 1, 2],
        "original_median_shape_after_transp": [1, *case.patch], "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(i): case.intensities or {} for i in range(count)},
        "configurations": {"2d": configuration}}


def dataset(case):
    facts = {"channel_names": {str(i): name for i, name in enumerate(case.channels)}, "labels": case.labels,
             "numTraining": 2, "file_ending": ".png"}
    return facts | ({"regions_class_order": case.regions_class_order} if case.regions_class_order else {})


def weights(case, configuration, seed):
    """Random weights, whose last layer is scaled so that every head wins somewhere, and background most often."""
    torch.manual_seed(seed)
    heads = len(case.labels) - (case.regions_class_order is not None)
    architecture = configuration["architecture"]
    network = get_network_from_plans(architecture["network_class_name"], architecture["arch_kwargs"],
                                     architecture["_kw_requires_import"], len(case.channels), heads,
                                     deep_supervision=False).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:  # biases and scales, which nnU-Net starts at 0 and 1
                parameter += 0.2 * torch.randn_like(parameter)
        image = torch.randn(4, len(case.channels), *case.patch)
        image = torch.nn.functional.avg_pool2d(image, 5, stride=1, padding=2) * 4
        logits, last = network(image), network.decoder.seg_layers[-1]
        spread, center = logits.std((0, 2, 3)), logits.mean((0, 2, 3))
        last.weight *= (2 / spread).view(-1, 1, 1, 1)
        last.bias.copy_((last.bias - center) * 2 / spread)
        last.bias[0 if case.regions_class_order else 1:] -= 1
    return network.state_dict()


def model_folder(folder, name, case):
    """Writes what nnUNetv2_train leaves behind and prediction needs."""
    about = plans(name, case)
    for fold in case.folds:
        (folder / f"fold_{fold}").mkdir(parents=True)
        seed = case.seed * 10 + case.folds.index(fold)
        torch.save({"network_weights": weights(case, about["configurations"]["2d"], seed),
                    "trainer_name": "nnUNetTrainer", "init_args": {"configuration": "2d", "fold": fold},
                    "inference_allowed_mirroring_axes": case.mirror}, folder / f"fold_{fold}" / "checkpoint_final.pth")
    (folder / "plans.json").write_text(json.dumps(about))
    (folder / "dataset.json").write_text(json.dumps(dataset(case)))
    if case.keep_largest:
        steps = [{"labels_or_regions": value} for value in case.keep_largest]
        chosen = folder / f"crossval_results_folds_{'_'.join(case.folds)}" / "postprocessing.json"
        chosen.parent.mkdir()
        function = remove_all_but_largest_component_from_segmentation.__name__
        chosen.write_text(json.dumps({"postprocessing_fns": [function] * len(steps), "postprocessing_kwargs": steps}))


def predict(model, case, images, out):
    """nnU-Net's probabilities and masks of all images, written by nnU-Net."""
    predict_from_raw_data.torch = Float32Sums()
    predictor = predict_from_raw_data.nnUNetPredictor(
        perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model), case.folds)
    reader = predictor.plans_manager.image_reader_writer_class()
    out.mkdir(parents=True, exist_ok=True)
    for name in case.images:
        file, target = str(images / f"{name}.png"), str(out / name)
        if case.image_spacing is None:
            predictor.predict_from_files_sequential([[file]], [target], save_probabilities=True)
        else:
            values, _ = reader.read_images([file])
            properties = {"spacing": [999, *case.image_spacing[name]]}
            predictor.predict_single_npy_array(values, properties, None, target, True)
        steps = [{"labels_or_regions": value} for value in case.keep_largest]
        functions = [remove_all_but_largest_component_from_segmentation] * len(steps)
        load_postprocess_save(f"{target}.png", f"{target}.png", reader, functions, steps)


def write(out: Path, scratch: Path):
    torch.set_num_threads(1)  # other numbers of threads change the last bits
    for name, case in CASES.items():
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        model, predictions = scratch / name / "nnUNetTrainer__nnUNetPlans__2d", scratch / name / "predictions"
        for image, values in case.images.items():
            save(values, folder / "images" / f"{image}.png")
        if case.image_spacing:
            (folder / "spacing.json").write_text(json.dumps(case.image_spacing, indent=2) + "\n")
        model_folder(model, name, case)
        export(model, folder)
        predict(model, case, folder / "images", predictions)
        (folder / "expected").mkdir()
        for file in sorted(predictions.glob("*.np[z]")) + sorted(predictions.glob("*.png")):
            shutil.copyfile(file, folder / "expected" / file.name)
