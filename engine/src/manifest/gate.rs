//! What an image must pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Size;

/// What an image must pass to go on. `above` is strict (`>`), `at_least` is not (`>=`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Gate {
    /// The stage's merged score is above a number. One of the two is given.
    Score {
        /// Strictly above.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        above: Option<f32>,
        /// Equal or above.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        at_least: Option<f32>,
    },
    /// Any pixel of the stage's merged map is above a probability.
    AnyPixel {
        /// Strictly above.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
    },
    /// Enough pixels of the stage's merged map are above a probability.
    Area {
        /// A pixel counts when its probability is strictly above this.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
        /// How many pixels are enough, counted at the size `at`.
        at_least: u32,
        /// `[height, width]` at which pixels are counted: the merged map is resized to it (bilinear).
        #[schemars(inner(range(min = 1, max = 16384)))]
        at: Size,
    },
    /// At least one of several gates is passed.
    Any {
        /// The gates.
        #[schemars(length(min = 1))]
        of: Vec<Gate>,
    },
    /// Every one of several gates is passed.
    All {
        /// The gates.
        #[schemars(length(min = 1))]
        of: Vec<Gate>,
    },
}
