//! How members' outputs are merged.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Values;

/// How members' outputs, scores or maps, are merged. Weights are the members'.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Merge {
    /// Weighted mean of probabilities. The default.
    #[default]
    Mean,
    /// Sigmoid of the weighted mean of logits.
    MeanLogits,
    /// Weighted geometric mean of probabilities.
    Geometric,
    /// The highest probability.
    Max,
    /// The lowest probability.
    Min,
    /// The weighted fraction of members above a probability.
    Vote {
        /// The probability that a member's output must exceed.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
    },
    /// Another ONNX model, fed with the members' outputs in order: (N, M) scores, or (N, M, H, W) maps.
    Stack(Stack),
}

/// A stacking model: (N, M) probabilities to (N,) or (N, 1); for maps (N, M, H, W) to (N, H, W) or (N, 1, H, W).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The ONNX file, relative to the manifest.
    pub model: PathBuf,
    /// The SHA-256 of the ONNX file, in hexadecimal; with external data, the one that `pleura check` prints.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// The recipe that trains the stack, relative to the manifest; shown if the model is missing.
    #[serde(default)]
    pub recipe: Option<PathBuf>,
    /// The input's name in the ONNX graph.
    pub input: String,
    /// The output's name in the ONNX graph.
    pub output: String,
    /// The meaning of the output's numbers: `logits` or `probabilities`.
    pub values: Values,
}
