//! The recipe of a stacking model: how members' out-of-fold scores become one.
//!
//! It is told from the recipe of a network by its `[stack]` table, which stands in the place of `[network]`.

mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Schedule;
pub use read::{is_stack, json_schema, lint};

/// What reading a stack's recipe found out.
pub type StackLint = pleura::lint::Lint<StackRecipe>;

/// A stacking model, as its recipe declares it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackRecipe {
    /// The recipe format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// What the stack is called in reports, and the stem of the file that holds it.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// Another seed draws other weights and batches.
    #[serde(default = "one")]
    pub seed: u64,
    /// What is fitted.
    pub stack: Stack,
    /// What becomes of images that are not in every member's file.
    #[serde(default)]
    pub join: Join,
    /// Folds drawn anew, balanced in positives; left out, the members' own, which must then be the same. Mind that
    /// folds drawn anew know nothing of patients.
    #[serde(default)]
    pub folds: Option<Redraw>,
    /// The members, in the order in which the ensemble's stage has them.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
}

/// What makes one probability of the members'. For each fold one is fitted on the images of the others; the model that
/// is exported averages their probabilities.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stack {
    /// A small network over a row of the members' probabilities, each followed by half of what it is above the next
    /// one (the last one's next is the first), and their mean: a convolution, an activation, and a linear layer. Trained
    /// with binary cross-entropy and Adam.
    Conv {
        /// How much of the row the convolution sees at once.
        #[serde(default)]
        over: Window,
        /// What comes between the convolution and the linear layer.
        #[serde(default)]
        activation: Activation,
        /// The convolution's channels.
        #[serde(default = "sixteen")]
        #[schemars(range(min = 1, max = 1024))]
        channels: u32,
        /// How many epochs.
        #[serde(default = "fifty")]
        #[schemars(range(min = 1))]
        epochs: u32,
        /// Images a step.
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
        /// How the learning rate changes, epoch by epoch; `plateau` looks at the log-loss of the fold that is held out.
        #[serde(default)]
        schedule: Schedule,
        /// Which epoch's weights a head has in the end.
        #[serde(default)]
        keep: KeepHead,
    },
    /// Logistic regression: one weight a member, and a bias. Its optimum is found exactly; the seed has no part in it.
    Logistic {
        /// What is weighted.
        #[serde(default)]
        of: FeatureScale,
        /// The penalty `l2 / 2 · Σ weight²` beside the sum of all images' log-losses; the bias is free. 1 is
        /// scikit-learn's `C = 1`.
        #[serde(default = "unit")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        l2: f32,
    },
}

/// How much of the row of features a stack's convolution sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// Three neighbours, wherever it is laid: a member, its half-difference to the next one, and the next one. The
    /// default.
    #[default]
    Neighbours,
    /// All of it: one number a channel.
    All,
}

/// What comes between a stack's convolution and its linear layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The positive part. The default.
    #[default]
    Relu,
    /// Nothing: a head's logit is linear in the members' probabilities.
    None,
}

/// Which epoch's weights a stack's head has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepHead {
    /// The last one's. The default.
    #[default]
    Last,
    /// Those of the epoch with the lowest log-loss on the fold that is held out. What is reported of the stack is then a
    /// little better than it is, as that fold has chosen the epoch.
    Best,
}

/// What a logistic regression weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureScale {
    /// The logits of the members' probabilities, kept finite: equal weights then are a mean of logits. The default.
    #[default]
    Logits,
    /// The probabilities themselves.
    Probabilities,
}

/// What becomes of images that are not in every member's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// There must be none. The default.
    #[default]
    All,
    /// They are left out.
    Inner,
}

/// A division into folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redraw {
    /// How many folds.
    #[schemars(range(min = 2, max = 100))]
    pub count: u32,
    /// Another seed divides otherwise.
    #[serde(default)]
    pub seed: u64,
}

/// A member of the ensemble's stage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What it is called in reports: best as in the manifest.
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
