//! One training step: forward and backward pass ([`Pass`]), then the optimiser ([`Update`]), on weights that stay on
//! the device ([`State`]).

mod evaluation;
mod graph;
mod optimizer;
mod pass;
mod scaler;
mod source;
mod state;
mod statistics;
#[cfg(test)]
mod tests;
mod update;

use pleura::onnx::Model;

use crate::device::DeviceError;
use crate::forward::{ForwardError, Network};
use crate::trace::NodeError;

pub use evaluation::{Answers, Evaluation};
pub use graph::{Losses, check};
pub use pass::{Pass, PassOptions};
pub use scaler::{LossScale, Scaler};
pub use source::{Form, Source};
pub use state::State;
pub use statistics::Gathering;
pub use update::{Rates, Update};

/// A network, and which part of it is trained.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The network in inference form.
    pub model: Model,
    /// The output that holds the map, if any.
    pub map: Option<Source>,
    /// The output that holds the score, if any.
    pub score: Option<Source>,
    /// Whether its image and its maps are (N, height, width, C), not (N, C, height, width).
    pub channels_last: bool,
    /// Whether batch norms use their running statistics.
    pub freeze_batch_norm: bool,
    /// Weights whose names start with this are frozen.
    pub frozen_prefix: Option<String>,
}

impl Subject {
    /// The network with what its forward pass depends on.
    pub(crate) fn network(&self) -> Network<'_> {
        Network {
            model: &self.model,
            channels_last: self.channels_last,
            freeze_batch_norm: self.freeze_batch_norm,
            is_frozen: Box::new(|name| self.is_frozen(name)),
        }
    }

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
    #[error("output `{output}` has shape {found:?}, expected {wanted:?}")]
    Shape {
        /// The output.
        output: String,
        /// Its shape.
        found: Vec<usize>,
        /// The required shape.
        wanted: Vec<usize>,
    },
    /// The numbers that are declared as logits are probabilities.
    #[error("output `{output}` comes from {op}, but training needs the logits before it: {}", before(op))]
    Squashed {
        /// The output.
        output: String,
        /// The operator that makes them probabilities.
        op: String,
    },
    /// Nothing at the network's end makes probabilities.
    #[error(
        "output `{output}` is declared as `probabilities`, but the network does not end in a sigmoid or softmax, whose \
         logits training needs: declare `values = \"logits\"` or `\"softmax\"`"
    )]
    Unsquashed {
        /// The output.
        output: String,
    },
    /// It is not said which channel is trained, or there is no such channel.
    #[error("output `{output}` has {channels} channels{}", which(*channel, *channels))]
    Channels {
        /// The output.
        output: String,
        /// The number of its channels.
        channels: usize,
        /// The declared channel.
        channel: Option<usize>,
    },
    /// A softmax over one class.
    #[error("output `{output}` has one channel, but a softmax needs two or more: declare `values = \"logits\"`")]
    OneClass {
        /// The output.
        output: String,
    },
    /// A softmax over another axis.
    #[error(
        "output `{output}` comes from a Softmax over axis {axis}, expected the channels: export the model without it"
    )]
    SoftmaxAxis {
        /// The output.
        output: String,
        /// The axis, from 0.
        axis: i64,
    },
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// How to reach the logits before an operator.
fn before(op: &str) -> String {
    format!("declare `values = \"probabilities\"` if {op} is the network's last node, or export the model without it")
}

/// What is wrong with a channel, and what to write.
fn which(channel: Option<usize>, channels: usize) -> String {
    match channel {
        Some(channel) => format!(", counted from 0: expected a `channel` below {channels}, found {channel}"),
        None => {
            ": name the one to train, such as `channel = 1`, and declare `values = \"softmax\"` if they are classes \
                 of one softmax"
                .to_owned()
        }
    }
}
