//! What is to be said of a variant of a model.

use std::fmt;

use serde::Serialize;

/// Something about a variant of a model that its user should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Note {
    /// The model is left as it is.
    AsIs {
        /// Why.
        why: String,
    },
    /// A node that computes in single precision still.
    Single {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// Why.
        why: String,
    },
    /// Weights that are too small for halves of full precision, in nodes that compute in halves all the same.
    Rounded {
        /// How many weights there are.
        numbers: usize,
        /// How many became 0.
        vanished: usize,
        /// How many kept fewer digits than others.
        subnormal: usize,
    },
    /// A node whose weights are stored in 8 bits, and that computes in single precision.
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
