//! The outputs of an ONNX model that is trained.

use pleura::manifest::Values;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An output of an ONNX model: its name alone, or an `OnnxOutputTable`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(from = "NameOrTable")]
#[schemars(with = "NameOrTable")]
pub struct OnnxOutput {
    /// The output's name in the ONNX graph.
    pub output: String,
    /// The meaning of its numbers: `logits`, `probabilities` or `softmax`.
    pub values: Option<Values>,
    /// The channel that is trained, counted from 0; with `softmax`, the class.
    pub channel: Option<u32>,
}

/// An output: its name alone, or a table, as in a manifest.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum NameOrTable {
    /// The output's name in the ONNX graph.
    Name(String),
    /// The output, and what its numbers mean.
    Table(OnnxOutputTable),
}

/// An output, and what its numbers mean.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OnnxOutputTable {
    /// The output's name in the ONNX graph.
    output: String,
    /// The meaning of its numbers: `logits`, `probabilities` made by a sigmoid or softmax inside the network, or `softmax`
    /// for logits of two or more exclusive classes. Losses take the logit or, of a softmax, the class's log-odds, of
    /// which `bce` is the cross-entropy of the class against all others. Default: `probabilities` if the network ends in
    /// a sigmoid or softmax, otherwise `logits`.
    #[serde(default)]
    values: Option<Values>,
    /// The channel that is trained, counted from 0; with `softmax`, the class. Needed if there are several.
    #[serde(default)]
    channel: Option<u32>,
}

impl From<NameOrTable> for OnnxOutput {
    fn from(given: NameOrTable) -> Self {
        match given {
            NameOrTable::Name(output) => Self { output, values: None, channel: None },
            NameOrTable::Table(OnnxOutputTable { output, values, channel }) => Self { output, values, channel },
        }
    }
}

/// What happens to an ONNX model whose batch norms the exporter folded into the convolutions before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoldedNorms {
    /// An error that names the exporter's options which keep them. The default.
    #[default]
    Refuse,
    /// The convolutions are trained as they are, without normalization.
    Keep,
}
