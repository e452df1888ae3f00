//! The TOML recipe that declares a training.
//!
//! Everything is declared and nothing is guessed. Sizes are `[height, width]` in pixels, probabilities and shares are
//! in 0..=1, paths are relative to the recipe.

mod augment;
mod data;
mod loss;
mod network;
mod onnx;
mod optimize;
mod precision;
mod read;
mod rules;
pub mod stack;
#[cfg(test)]
mod tests;
mod weights;

use pleura::manifest::Step;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use augment::{Augment, Border, BrightnessOf, ContrastAbout, Mixup, Transform};
pub use data::{Data, Folds, Sampling, Truth};
pub use loss::{Loss, LossTerm, Reduction};
pub use network::{Architecture, Attention, Encoder, Heads, Network};
pub use onnx::{FoldedNorms, OnnxOutput};
pub use optimize::{Average, Optimizer, Phase, Schedule, Warmup};
pub use precision::Precision;
pub use read::{json_schema, lint};
pub use weights::{Package, Rename, Weights, WeightsFormat};

/// The result of reading a recipe.
pub type Lint = pleura::lint::Lint<Recipe>;

/// Why a recipe cannot be used.
pub type RecipeError = pleura::lint::DocumentError;

/// The recipe format that this engine reads.
pub const SCHEMA: u32 = 1;

/// A training as declared by its recipe.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The recipe format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Name of the training in reports, and stem of the files that it writes.
    #[schemars(length(min = 1))]
    pub name: String,
    /// A description of the training.
    #[serde(default)]
    pub description: String,
    /// Random seed of weights, batches and augmentations.
    #[serde(default = "one")]
    pub seed: u64,
    /// The network.
    pub network: Network,
    /// Initial weights; default: random.
    #[serde(default)]
    pub weights: Option<Weights>,
    /// The training data.
    pub data: Data,
    /// How the images are split: every fold is held out once.
    #[serde(default)]
    pub folds: Folds,
    /// Augmentation of training images and masks, in order.
    #[serde(default)]
    pub augment: Vec<Augment>,
    /// Blend pairs of a batch's images and their truth, after augmentation.
    #[serde(default)]
    pub mixup: Option<Mixup>,
    /// The loss.
    pub loss: Loss,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// The precision of convolutions and matrix products.
    #[serde(default)]
    pub precision: Precision,
    /// A second set of weights, averaged over time, which is validated and exported.
    #[serde(default)]
    pub average: Option<Average>,
    /// The steps from the map to the mask, as in a manifest, which is written with them. Dice and IoU of held-out images
    /// are then those of `pleura predict`: of masks made by these steps, at the images' own size, and, with `heads =
    /// "both"`, empty for images that do not pass the gate of the score. Plugins are named, and get no pixel spacing. Default: pixels above one half, at the phase's
    /// size, without a gate.
    #[serde(default)]
    pub postprocess: Vec<Step>,
    /// Which weights are exported.
    #[serde(default)]
    pub keep: Keep,
    /// Number of epochs per fold whose weights are exported: the best by `keep`, best first, or the last with `keep =
    /// "last"`. Out-of-fold predictions are those of the first.
    #[serde(default = "one_epoch")]
    #[schemars(range(min = 1, max = 100))]
    pub keep_top: u32,
    /// Phases of training; each starts from the weights of the previous one.
    #[schemars(length(min = 1))]
    pub phases: Vec<Phase>,
}

/// Which weights are exported. With stochastic weight averaging, the averaged weights are exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the epoch with the lowest validation loss. The default.
    #[default]
    Best,
    /// Those of the epoch with the highest mean Dice of the held-out images. Choose it, or `best-auc`, if `sampling`
    /// oversamples positives: the validation loss then rises while the network still improves.
    BestDice,
    /// Those of the epoch with the largest area under the ROC curve of the held-out images' scores.
    BestAuc,
    /// Those of the last epoch.
    Last,
}

const fn one_epoch() -> u32 {
    1
}

const fn one() -> u64 {
    1
}
