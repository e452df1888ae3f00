//! The gates of stages.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sides;

/// Condition that an image must pass to continue. Scores and maps are the stage's merged ones unless a member is named.
/// `above` is strict (`>`), `at_least` is not (`>=`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Gate {
    /// The stage's merged score is above a number. Exactly one of `above` and `at_least` is given.
    Score {
        /// Strictly above.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        above: Option<f32>,
        /// Equal or above.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        at_least: Option<f32>,
        /// The member whose own output counts instead of the merged one.
        #[serde(default)]
        member: Option<String>,
    },
    /// Any pixel of the stage's merged map is above a probability.
    AnyPixel {
        /// Strictly above.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
        /// The member whose own output counts instead of the merged one.
        #[serde(default)]
        member: Option<String>,
    },
    /// Enough pixels of the stage's merged map are above a probability.
    Area {
        /// A pixel counts when its probability is strictly above this.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
        /// Minimum number of pixels, counted at the size `at`.
        at_least: u32,
        /// `[height, width]` at which pixels are counted: the merged map is resized to it (bilinear).
        #[schemars(inner(range(min = 1, max = 16384)))]
        at: Sides,
        /// The member whose own output counts instead of the merged one.
        #[serde(default)]
        member: Option<String>,
    },
    /// Some connected component of the pixels above a probability is large enough.
    Component {
        /// A pixel belongs when its probability is strictly above this.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
        /// Minimum number of pixels, counted at the size `at`.
        at_least: u32,
        /// `[height, width]` at which pixels are counted: the map is resized to it (bilinear).
        #[schemars(inner(range(min = 1, max = 16384)))]
        at: Sides,
        /// Neighbours of a pixel: 4, or 8 to include those that share only a corner.
        #[serde(default = "eight")]
        #[schemars(extend("enum" = [4, 8]))]
        connectivity: u32,
        /// The member whose own output counts instead of the merged one.
        #[serde(default)]
        member: Option<String>,
    },
    /// Enough members agree: their own scores are above a number.
    Agree {
        /// Strictly above.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
        /// Names of the members that vote; default: all members of the stage with a score.
        #[serde(default)]
        members: Vec<String>,
        /// Minimum number of members; default: all.
        #[serde(default)]
        #[schemars(range(min = 1))]
        at_least: Option<u32>,
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

impl Gate {
    /// The comparisons of which the gate consists.
    pub(crate) fn tests(&self) -> Vec<&Self> {
        match self {
            Self::Any { of } | Self::All { of } => of.iter().flat_map(Self::tests).collect(),
            _ => vec![self],
        }
    }

    /// Whether the gate itself, not those it consists of, reads pixels.
    pub(crate) fn reads_map(&self) -> bool {
        matches!(self, Self::AnyPixel { .. } | Self::Area { .. } | Self::Component { .. })
    }

    /// Whether the gate itself reads the stage's merged score.
    pub(crate) fn reads_merged_score(&self) -> bool {
        matches!(self, Self::Score { member: None, .. })
    }

    /// Whether the gate itself reads the stage's merged map.
    pub(crate) fn reads_merged_map(&self) -> bool {
        self.reads_map() && self.member().is_none()
    }

    /// The single member whose own output the gate reads.
    pub(crate) fn member(&self) -> Option<&str> {
        match self {
            Self::Score { member, .. }
            | Self::AnyPixel { member, .. }
            | Self::Area { member, .. }
            | Self::Component { member, .. } => member.as_deref(),
            Self::Agree { .. } | Self::Any { .. } | Self::All { .. } => None,
        }
    }
}

const fn eight() -> u32 {
    8
}

impl fmt::Display for Gate {
    /// Displayed as a comparison: `score > 0.5`; nested gates in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |member: &Option<String>| member.as_ref().map_or(String::new(), |name| format!(" of `{name}`"));
        let joined = |gates: &[Self], word: &str| {
            let gates: Vec<_> = gates.iter().map(ToString::to_string).collect();
            format!("({})", gates.join(word))
        };
        match self {
            Self::Score { above: Some(above), member, .. } => write!(f, "score{} > {above}", of(member)),
            Self::Score { at_least, member, .. } => {
                write!(f, "score{} >= {}", of(member), at_least.unwrap_or_default())
            }
            Self::AnyPixel { above, member } => write!(f, "any pixel{} > {above}", of(member)),
            Self::Area { above, at_least, at: [height, width], member } => {
                write!(f, "pixels{} > {above} at {height}×{width} >= {at_least}", of(member))
            }
            Self::Component { above, at_least, at: [height, width], member, .. } => {
                write!(f, "largest component{} > {above} at {height}×{width} >= {at_least}", of(member))
            }
            Self::Agree { above, members, at_least } => {
                let of = if members.is_empty() { String::new() } else { format!(" of {}", members.join(", ")) };
                let least = at_least.map_or("all".into(), |least| least.to_string());
                write!(f, "members{of} with score > {above} >= {least}")
            }
            Self::Any { of } => f.write_str(&joined(of, " or ")),
            Self::All { of } => f.write_str(&joined(of, " and ")),
        }
    }
}
