//! Notes on a variant of a model.

use std::fmt;

use serde::Serialize;

/// A note on a variant of a model, for its user.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Note {
    /// The model is unchanged.
    AsIs {
        /// The reason.
        why: String,
    },
    /// A node that still computes in single precision.
    Single {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// The reason.
        why: String,
    },
    /// Weights below the smallest normal half, in nodes that nevertheless compute in halves.
    Rounded {
        /// The number of weights.
        numbers: usize,
        /// The number of those that became 0.
        vanished: usize,
        /// The number of those that kept fewer digits.
        subnormal: usize,
    },
    /// A node whose weights are stored in 8 bits, but that computes in single precision.
    WeightsAlone {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsIs { why } => write!(f, "left unchanged: {why}"),
            Self::Single { node, op, why } => write!(f, "`{node}` ({op}) stays in single precision: {why}"),
            Self::Rounded { numbers, vanished, subnormal } => {
                write!(f, "of {numbers} weights, {subnormal} became subnormal (fewer digits) and {vanished} became 0")
            }
            Self::WeightsAlone { node, op } => {
                write!(f, "`{node}` ({op}) stores weights in 8 bits and computes in single precision")
            }
        }
    }
}
