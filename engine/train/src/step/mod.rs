//! One training step: forward and backward pass ([`Pass`]), then the optimiser ([`Update`]), on weights that stay on
//! the device ([`State`]).

mod evaluation;
mod graph;
mod pass;
mod state;
mod statistics;
#[cfg(test)]
mod tests;
mod update;

use pleura::onnx::Model;

use crate::device::DeviceError;
use crate::forward::ForwardError;
use crate::trace::NodeError;

pub use evaluation::{Answers, Evaluation};
pub use graph::{Losses, check};
pub use pass::{Pass, PassOptions};
pub use state::State;
pub use statistics::Gathering;
pub use update::{Rates, Update};

/// A network, and which part of it is trained.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The network in inference form.
    pub model: Model,
    /// The output that holds the map, if any.
    pub map: Option<String>,
    /// The output that holds the score, if any.
    pub score: Option<String>,
    /// The trained class, if outputs hold the numbers of two classes, (N, 2, …): 0 or 1.
    pub class: Option<usize>,
    /// Whether batch norms use their running statistics.
    pub freeze_batch_norm: bool,
    /// Weights whose names start with this are frozen.
    pub frozen_prefix: Option<String>,
}

impl Subject {
    pub(crate) fn is_frozen(&self, name: &str) -> bool {
        self.frozen_prefix.as_ref().is_some_and(|prefix| name.starts_with(prefix))
    }
}

/// Why a step cannot be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The network cannot be trained.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A node has no gradient.
    #[error(transparent)]
    Gradient(#[from] NodeError),
    /// The network has no such output.
    #[error("the network has no output `{output}`")]
    NoOutput {
        /// The output.
        output: String,
    },
    /// The network's outputs do not have the shapes that losses require.
    #[error("output `{output}` has shape {found:?}, expected {wanted:?}{}", advice(found, wanted))]
    Shape {
        /// The output.
        output: String,
        /// Its shape.
        found: Vec<usize>,
        /// The required shape.
        wanted: Vec<usize>,
    },
    /// The numbers of two classes are already probabilities.
    #[error("output `{output}` comes from {op}, but `class` needs the logits before it: export the model without {op}")]
    Squashed {
        /// The output.
        output: String,
        /// The operator that makes them probabilities.
        op: String,
    },
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// What to do about a mismatch of channels.
fn advice(found: &[usize], wanted: &[usize]) -> &'static str {
    match (found.get(1), wanted.get(1)) {
        (Some(2), None | Some(1)) => {
            "; if the two channels are classes of one softmax, name the one to train: `class = 1`"
        }
        (Some(3..), _) => "; training supports one or two channels: export the model with one of these",
        (_, Some(2)) => "; leave out `class`, which needs two channels",
        _ => "",
    }
}
