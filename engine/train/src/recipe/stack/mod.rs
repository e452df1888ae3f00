//! The recipe of a stacking model, which merges members' out-of-fold scores.
//!
//! It is distinguished from the recipe of a network by its `[stack]` table, which replaces `[network]`.

mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Schedule;
pub use read::{is_stack, json_schema, lint};

/// The result of reading a stack's recipe.
pub type StackLint = pleura::lint::Lint<StackRecipe>;

/// A stacking model as declared by its recipe.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackRecipe {
    /// The recipe format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Name of the stack in reports, and stem of its file.
    #[schemars(length(min = 1))]
    pub name: String,
    /// A description of the stack.
    #[serde(default)]
    pub description: String,
    /// Random seed of weights and batches.
    #[serde(default = "one")]
    pub seed: u64,
    /// The model to fit.
    pub stack: Stack,
    /// What happens to images that are missing from some member's file.
    #[serde(default)]
    pub join: Join,
    /// New folds, balanced by positives; default: the members' own, which must be the same. New folds do not keep
    /// patients together.
    #[serde(default)]
    pub folds: Option<Redraw>,
    /// The members, in the order of the ensemble's stage.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
}

/// How the members' probabilities become one. For each fold, one model is fitted on the images of the others; the
/// exported model averages their probabilities.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stack {
    /// A small network over a row of the members' probabilities, each followed by half of what it is above the next
    /// one (the last one's next is the first), and their mean: a convolution, an activation, and a linear layer. Trained
    /// with binary cross-entropy and Adam.
    Conv {
        /// How much of the row the convolution covers.
        #[serde(default)]
        over: Window,
        /// Activation between the convolution and the linear layer.
        #[serde(default)]
        activation: Activation,
        /// The convolution's channels.
        #[serde(default = "sixteen")]
        #[schemars(range(min = 1, max = 1024))]
        channels: u32,
        /// Number of epochs.
        #[serde(default = "fifty")]
        #[schemars(range(min = 1))]
        epochs: u32,
        /// Images per step.
        #[serde(default = "sixty_four")]
        #[schemars(range(min = 1))]
        batch: u32,
        /// The learning rate.
        #[serde(default = "rate")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        lr: f32,
        /// Weight decay, added to the gradient.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        weight_decay: f32,
        /// How the learning rate changes, per epoch; `plateau` uses the log-loss of the held-out fold.
        #[serde(default)]
        schedule: Schedule,
        /// Which epoch's weights a head keeps.
        #[serde(default)]
        keep: KeepHead,
    },
    /// Logistic regression: one weight per member, and a bias. Its optimum is found exactly; the seed has no effect.
    Logistic {
        /// The features.
        #[serde(default)]
        of: FeatureScale,
        /// The penalty `l2 / 2 · Σ weight²` beside the sum of all images' log-losses; the bias is free. 1 is
        /// scikit-learn's `C = 1`.
        #[serde(default = "unit")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        l2: f32,
    },
}

/// How much of the row of features a stack's convolution covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// Three neighbours at each position: a member, its half-difference to the next one, and the next one. The default.
    #[default]
    Neighbours,
    /// All of it: one number per channel.
    All,
}

/// Activation between a stack's convolution and its linear layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// ReLU. The default.
    #[default]
    Relu,
    /// None: a head's logit is linear in the members' probabilities.
    None,
}

/// Which epoch's weights a stack's head keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepHead {
    /// The last one's. The default.
    #[default]
    Last,
    /// Those of the epoch with the lowest log-loss on the held-out fold. The reported scores are then slightly
    /// optimistic, because that fold has chosen the epoch.
    Best,
}

/// Features of a logistic regression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureScale {
    /// The logits of the members' probabilities, kept finite: equal weights then are a mean of logits. The default.
    #[default]
    Logits,
    /// The probabilities themselves.
    Probabilities,
}

/// What happens to images that are missing from some member's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// They are an error. The default.
    #[default]
    All,
    /// They are left out.
    Inner,
}

/// A split into folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redraw {
    /// Number of folds.
    #[schemars(range(min = 2, max = 100))]
    pub count: u32,
    /// Random seed of the split.
    #[serde(default)]
    pub seed: u64,
}

/// A member of the ensemble's stage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the member in reports; use the manifest's.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its out-of-fold scores, a CSV `ImageId,fold,label,score` as `pleura train` writes it (`oof.csv`), relative to the
    /// recipe.
    pub oof: PathBuf,
}

const fn one() -> u64 {
    1
}

const fn unit() -> f32 {
    1.0
}

const fn sixteen() -> u32 {
    16
}

const fn fifty() -> u32 {
    50
}

const fn sixty_four() -> u32 {
    64
}

const fn rate() -> f32 {
    5e-4
}
