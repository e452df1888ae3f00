//! Several sets of weights of one network.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One set of a member's weights, such as a fold's or an epoch's.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The ONNX file, relative to the manifest.
    pub model: PathBuf,
    /// The SHA-256 of the ONNX file, in hexadecimal; with external data, the one that `pleura check` prints.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// The snapshot's weight in the member's output, the weighted mean of its snapshots' probabilities.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub weight: f32,
    /// The fold that was held out in training, from 0; in an out-of-fold run, the snapshot runs on the images of that
    /// fold only.
    #[serde(default)]
    pub fold: Option<u32>,
    /// The snapshot's own threshold, instead of the member's.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f32>,
}

const fn one() -> f32 {
    1.0
}
