//! Rules for the network.

use pleura::lint::Findings;
use pleura::manifest::Values;

use super::super::{Architecture, Keep, OnnxOutput, Recipe, WeightsFormat};
use super::keys;

pub(super) fn the_name_is_a_stem(recipe: &Recipe, findings: &mut Findings) {
    name_is_a_stem(&recipe.name, findings);
}

/// A recipe's name must be a file stem.
pub fn name_is_a_stem(name: &str, findings: &mut Findings) {
    if name.starts_with('.') || name.contains(['/', '\\']) {
        let hint = Some("it is the stem of the files written by the training");
        findings.error(keys(["name"]), "must not be a path or start with a dot", hint);
    }
}

pub(super) fn the_encoder_can_be_frozen(recipe: &Recipe, findings: &mut Findings) {
    let network = &recipe.network;
    if !network.freeze_encoder {
        return;
    }
    if !network.architecture.has_encoder() {
        let hint = Some("leave it out, or choose an architecture over an encoder, such as `unet`");
        findings.error(
            keys(["network.freeze_encoder", "network.architecture"]),
            "this architecture has no separate encoder",
            hint,
        );
    } else if recipe.weights.is_none() {
        let about = keys(["network.freeze_encoder", "weights"]);
        findings.warn(about, "would freeze random weights", Some("name a file in `weights`"));
    }
}

pub(super) fn attention_is_one(recipe: &Recipe, findings: &mut Findings) {
    if let Architecture::Unet { scse: true, attention: Some(_), .. } = recipe.network.architecture {
        let about = keys(["network.architecture.scse", "network.architecture.attention"]);
        findings.error(about, "`attention` is given as well", Some("keep `attention`"));
    }
}

pub(super) fn there_is_a_batch_norm_to_freeze(recipe: &Recipe, findings: &mut Findings) {
    let network = &recipe.network;
    if network.freeze_batch_norm && network.architecture.groups().is_some() {
        let about = keys(["network.freeze_batch_norm", "network.architecture.group_norm"]);
        findings.warn(about, "has no effect: the network uses group norms instead of batch norms", None);
    }
}

pub(super) fn dropout_has_a_place(recipe: &Recipe, findings: &mut Findings) {
    let network = &recipe.network;
    if network.dropout == 0.0 {
        return;
    }
    if matches!(network.architecture, Architecture::Onnx { .. }) {
        let about = keys(["network.dropout", "network.architecture"]);
        findings.warn(about, "has no effect: an ONNX model has its own layers", None);
    } else if !network.heads.score() {
        let about = keys(["network.dropout", "network.heads"]);
        findings.warn(about, "has no effect: it is part of the label head, and `heads` has none", None);
    }
}

pub(super) fn onnx_outputs_match_the_heads(recipe: &Recipe, findings: &mut Findings) {
    let Architecture::Onnx { map, score, .. } = &recipe.network.architecture else { return };
    let heads = recipe.network.heads;
    for (key, output, wanted) in [("map", map, heads.map()), ("score", score, heads.score())] {
        let about = [format!("network.architecture.{key}"), "network.heads".to_owned()];
        if wanted && output.is_none() {
            let hint = format!("name the output that holds the {key}, or choose other `heads`");
            findings.error(about, format!("`heads` has a {key}, but no output is named for it"), Some(&hint));
        } else if let Some(OnnxOutput { values: Some(Values::Labels), .. }) = output {
            let about = [format!("network.architecture.{key}.values")];
            let hint = "name an output before the argmax, or export the model without it";
            findings.error(about, "class labels have no gradient", Some(hint));
        } else if !wanted && output.is_some() {
            findings.warn(about, format!("is not trained: `heads` has no {key}"), Some("write `heads = \"both\"`"));
        }
    }
}

pub(super) fn what_is_kept_can_be_told(recipe: &Recipe, findings: &mut Findings) {
    let heads = recipe.network.heads;
    let (figure, head) = match recipe.keep {
        Keep::BestDice if !heads.map() => ("Dice", "map"),
        Keep::BestAuc if !heads.score() => ("area under the ROC curve", "score"),
        _ => return,
    };
    let message = format!("there is no {figure} without a {head}");
    findings.error(keys(["keep", "network.heads"]), message, Some("write `best`, or choose other `heads`"));
}

pub(super) fn weights_are_of_a_known_format(recipe: &Recipe, findings: &mut Findings) {
    let Some(weights) = &recipe.weights else { return };
    if WeightsFormat::recognize(&weights.file).is_none() {
        let hint = Some("expected .pth, .pt, .bin or .ckpt (PyTorch), .safetensors or .onnx");
        findings.error(keys(["weights.file"]), "unknown file name extension", hint);
    }
    for (i, rule) in weights.rename.iter().enumerate() {
        if let Err(error) = regex::Regex::new(&rule.from) {
            let hint = Some("write `\\.` for a dot, in single quotes");
            findings.error(
                [format!("weights.rename[{i}].from")],
                format!("is not a regular expression: {error}"),
                hint,
            );
        }
    }
    for (key, prefixes) in [("missing", &weights.missing), ("unused", &weights.unused)] {
        for i in prefixes.iter().enumerate().filter(|(_, prefix)| prefix.is_empty()).map(|(i, _)| i) {
            let message = "every key starts with the empty text, so nothing would be checked";
            findings.warn([format!("weights.{key}[{i}]")], message, None);
        }
    }
}

pub(super) fn steps_are_a_manifest_s(recipe: &Recipe, findings: &mut Findings) {
    if !recipe.postprocess.is_empty() && !recipe.network.heads.map() {
        let about = keys(["postprocess", "network.heads"]);
        findings.error(about, "there is no map to make a mask of", Some("leave it out, or choose other `heads`"));
    }
    for (i, step) in recipe.postprocess.iter().enumerate() {
        if step.when.is_some() {
            let hint = Some("leave it out: it is for a member's own steps in a manifest");
            findings.error([format!("postprocess[{i}].when")], "a network has one view", hint);
        }
        if step.is_path() {
            let hint = "name the plugin, and put its library into a folder of `PLEURA_PLUGINS`";
            let message = "expected a plugin's name: the manifest is written into another folder";
            findings.error([format!("postprocess[{i}].plugin")], message, Some(hint));
        }
    }
}
