//! One model of a stage: its input, and the meaning of its outputs.

use std::path::PathBuf;

use pleura_image::Intensity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compose::Snapshots;
use super::{Input, MapOutput, ScoreFromMap, ScoreOutput, Snapshot, Step};

/// One network of a stage: an ONNX model, or several that differ by their weights.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the member in reports and errors; unique within its stage.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The ONNX file, relative to the manifest. Exactly one of `model` and `snapshots` is given.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// The SHA-256 of the ONNX file, in hexadecimal; with external data, the one that `pleura check` prints.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// Several ONNX files of one network, such as folds or epochs, one by one or as a pattern; their outputs are averaged
    /// by weight, after TTA.
    #[serde(default)]
    #[schemars(with = "Snapshots")]
    pub snapshots: Vec<Snapshot>,
    /// The recipe that trains the network, relative to the manifest; shown if a model is missing.
    #[serde(default)]
    pub recipe: Option<PathBuf>,
    /// The member's weight in a weighted merge. A member of weight 0 does not run.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub weight: f32,
    /// Run the network on the box found by the `[crop]` stage only, and paste its map back.
    #[serde(default)]
    pub crop: bool,
    /// See only the box of the pixels whose value in the file is not 0, or of those within the `[crop]` stage's box; an
    /// image without any keeps all. The map is pasted back, with 0 around it, as nnU-Net does.
    #[serde(default)]
    pub crop_to_nonzero: bool,
    /// The model's input.
    pub input: Input,
    /// How stored values become intensities in 0..=1.
    #[serde(default)]
    pub intensity: Intensity,
    /// Plugins that change the image at the input's size, in order, before any view is taken.
    #[serde(default)]
    pub prepare: Vec<Step>,
    /// Test-time augmentation: each plugin adds its views to the identity. A prepare plugin adds one view.
    #[serde(default)]
    pub tta: Vec<TtaStep>,
    /// Whether the unchanged image is one of the views.
    #[serde(default = "yes")]
    pub identity: bool,
    /// What is averaged over views and snapshots.
    #[serde(default)]
    pub average: Average,
    /// The output that holds a map, if the model has one.
    #[serde(default)]
    pub map: Option<MapOutput>,
    /// The output that holds a score, if the model has one.
    #[serde(default)]
    pub score: Option<ScoreOutput>,
    /// How the map becomes a score, if no output holds one.
    #[serde(default)]
    pub score_from_map: Option<ScoreFromMap>,
    /// The network's own threshold, for `merge = { kind = "mean" }`: its map is shifted to `p - threshold + 0.5`, so
    /// that different thresholds coincide at 0.5.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f32>,
    /// Multiply the map by the classifier stage's score: for a segmenter that was trained on positives only.
    #[serde(default)]
    pub times_score: bool,
    /// Plugins that turn the network's own map into a mask, at the output's size, before the merge; it is merged as a
    /// map of 0 and 1. The union of masks is `merge = { kind = "max" }`, a majority `{ kind = "vote", above = 0.5 }`.
    #[serde(default)]
    pub postprocess: Vec<Step>,
}

impl Member {
    /// The sets of weights: the declared snapshots, or `model` as the only one.
    #[must_use]
    pub fn weights(&self) -> Vec<Snapshot> {
        let single = self.model.iter().map(|model| Snapshot {
            model: model.clone(),
            sha256: self.sha256.clone(),
            weight: 1.0,
            fold: None,
            threshold: None,
        });
        single.chain(self.snapshots.iter().cloned()).collect()
    }

    /// Whether the member gives a score, from its own output or from its map.
    #[must_use]
    pub fn gives_score(&self) -> bool {
        self.score.is_some() || self.score_from_map.is_some()
    }
}

/// What is averaged over a member's views and snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// Probabilities. The default.
    #[default]
    Probabilities,
    /// Logits: maps in the values of `map.resize_as`, `logits` or `softmax`, before they are resized to the output; scores
    /// as log-odds. The sigmoid or softmax comes last, as in nnU-Net.
    Logits,
}

/// A plugin that adds views: the same keys as any other step.
pub type TtaStep = Step;

const fn one() -> f32 {
    1.0
}

const fn yes() -> bool {
    true
}
