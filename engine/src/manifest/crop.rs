//! The optional crop stage, which finds the relevant part of an image.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, Merge};

/// Finds the box that members with `crop = true` see; their maps are pasted back, with 0 around them.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// How the members' maps are merged; default: weighted mean of probabilities.
    #[serde(default)]
    pub merge: Merge,
    /// The models. Their maps are merged at the size of the first one's input.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
    /// The box encloses the pixels whose probability is strictly above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub above: f32,
    /// Number of largest connected components that count (8 neighbours); default: all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub components: Option<u32>,
    /// Margin added to the box on each side, as a fraction of its height and width; clipped at the image border.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub margin: f32,
    /// What happens if there is nothing to enclose.
    pub otherwise: Otherwise,
}

/// What happens to an image in which no box was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// The box is the whole image.
    Whole,
    /// The image is skipped and reported.
    Skip,
}
