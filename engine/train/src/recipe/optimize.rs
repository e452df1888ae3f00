//! The optimiser, its phases and schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sampling;

/// The optimiser. Weight decay of `sgd` and `adam` is added to the gradient, that of `adamw` is subtracted from the
/// weights, as in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The momentum: the fraction of the previous step that is kept.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        momentum: f32,
        /// Use Nesterov momentum.
        #[serde(default)]
        nesterov: bool,
        /// Weight decay.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        weight_decay: f32,
        /// Maximum norm of the gradient over all weights.
        #[serde(default)]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        clip: Option<f32>,
    },
    /// Adam (Kingma & Ba, 2015).
    Adam {
        /// Decay rates of the first and the second moment.
        #[serde(default = "betas")]
        #[schemars(inner(range(min = 0.0, max = 1.0)))]
        betas: [f32; 2],
        /// Added to the denominator.
        #[serde(default = "epsilon")]
        #[schemars(range(min = 0.0))]
        epsilon: f32,
        /// Weight decay.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        weight_decay: f32,
        /// Maximum norm of the gradient over all weights.
        #[serde(default)]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        clip: Option<f32>,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter, 2019).
    Adamw {
        /// Decay rates of the first and the second moment.
        #[serde(default = "betas")]
        #[schemars(inner(range(min = 0.0, max = 1.0)))]
        betas: [f32; 2],
        /// Added to the denominator.
        #[serde(default = "epsilon")]
        #[schemars(range(min = 0.0))]
        epsilon: f32,
        /// Weight decay.
        #[serde(default = "hundredth")]
        #[schemars(range(min = 0.0))]
        weight_decay: f32,
        /// Maximum norm of the gradient over all weights.
        #[serde(default)]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        clip: Option<f32>,
    },
}

/// A phase of training.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Maximum number of epochs.
    #[schemars(range(min = 1))]
    pub epochs: u32,
    /// `[height, width]` that images are resized to.
    #[schemars(inner(range(min = 1, max = 4096)))]
    pub size: [u32; 2],
    /// `[height, width]` of a random crop of each training image, after augmentation; validation and prediction use
    /// whole images. Default: no crop.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 4096)))]
    pub crop: Option<[u32; 2]>,
    /// Images per step.
    #[schemars(range(min = 1))]
    pub batch: u32,
    /// Steps whose gradients are averaged before the weights change.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub accumulate: u32,
    /// Keep few values of the forward pass, and recompute the others in the backward pass (gradient checkpointing): less
    /// memory, more time, the same results. For large images.
    #[serde(default)]
    pub recompute: bool,
    /// The learning rate that the schedule starts from.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f32,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Warm-up of the learning rate at the start of the phase.
    #[serde(default)]
    pub warmup: Option<Warmup>,
    /// Which images an epoch has.
    #[serde(default)]
    pub sampling: Sampling,
    /// The phase ends if the validation loss has not fallen for this many epochs.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub patience: Option<u32>,
}

impl Phase {
    /// A phase of images of one pixel, the form in which a stack's head gets members' scores.
    pub(crate) fn of_scores(epochs: u32, batch: u32, lr: f32, schedule: Schedule) -> Self {
        Self {
            epochs,
            size: [1, 1],
            crop: None,
            batch,
            accumulate: 1,
            recompute: false,
            lr,
            schedule,
            warmup: None,
            sampling: Sampling::All,
            patience: None,
        }
    }
}

/// How a phase's learning rate changes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant. The default.
    #[default]
    Constant,
    /// Half a cosine from `lr` to `min` over `period` epochs, and back up over the next, as PyTorch's
    /// `CosineAnnealingLR`.
    Cosine {
        /// The lowest.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        min: f32,
        /// Length in epochs; default: the phase's.
        #[serde(default)]
        #[schemars(range(min = 1))]
        period: Option<u32>,
    },
    /// A cosine with warm restarts (SGDR, Loshchilov & Hutter, 2017).
    Sgdr {
        /// The first cycle's length in epochs.
        #[schemars(range(min = 1))]
        period: u32,
        /// Factor by which each cycle is longer than the previous one.
        #[serde(default = "one")]
        #[schemars(range(min = 1))]
        factor: u32,
        /// The lowest.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        min: f32,
    },
    /// Multiplied by `factor` if the validation loss has not fallen for more than `patience` epochs, as PyTorch's
    /// `ReduceLROnPlateau`.
    Plateau {
        /// The factor.
        #[serde(default = "tenth")]
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
        factor: f32,
        /// In epochs.
        #[serde(default)]
        patience: u32,
        /// The lowest.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        min: f32,
    },
    /// Multiplied by `factor` at the start of each of these epochs.
    Step {
        /// The phase's epochs, from 0.
        #[schemars(length(min = 1))]
        at: Vec<u32>,
        /// The factor.
        #[serde(default = "tenth")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        factor: f32,
    },
}

/// A linear warm-up of the learning rate, starting at `from` times its value.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warmup {
    /// Number of optimiser steps.
    #[schemars(range(min = 1))]
    pub steps: u32,
    /// The factor at the first step.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub from: f32,
}

/// A second set of weights.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Average {
    /// Exponential moving average, updated each step: `average·decay + weights·(1 - decay)`.
    Ema {
        /// The decay.
        #[schemars(range(min = 0.0, max = 1.0))]
        decay: f32,
    },
    /// Stochastic weight averaging (Izmailov et al., 2018): the mean of the weights after the listed epochs, with
    /// batch-norm statistics recomputed in one pass over the training images.
    Swa {
        /// Epochs from 0, counted over all phases.
        #[schemars(length(min = 1))]
        epochs: Vec<u32>,
    },
}

const fn one() -> u32 {
    1
}

const fn tenth() -> f32 {
    0.1
}

const fn hundredth() -> f32 {
    0.01
}

const fn betas() -> [f32; 2] {
    [0.9, 0.999]
}

const fn epsilon() -> f32 {
    1e-8
}
