//! The stage before the others: which part of an image is worth looking at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, Merge};

/// Finds the box that members with `crop = true` are shown; what they find is pasted back, with 0 around it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// How the members' maps become one: weighted mean of probabilities unless declared.
    #[serde(default)]
    pub merge: Merge,
    /// The models. Their maps are merged at the size of the first one's input.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
    /// The box encloses the pixels whose probability is strictly above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub above: f32,
    /// How many of the largest connected components count (a pixel has 8 neighbours); left out, all do.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub components: Option<u32>,
    /// What the box grows by on each side, as a share of its own height and width; it ends at the image's border.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub margin: f32,
    /// What happens where there is nothing to enclose.
    pub otherwise: Otherwise,
}

/// What happens to an image of which no part was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// The whole image is the part.
    Whole,
    /// The image is skipped and reported.
    Skip,
}
