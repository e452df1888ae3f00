//! Which results people should read first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a result is not to be trusted alone: an image to which any of these applies has the outcome `refer`, neither
/// positive nor negative, for people to read first. Findings, reports and results for a PACS tell it; masks, the CSV and
/// the exit code stay. What a rule reads is exact: early exit skips no member that it needs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refer {
    /// The classifier stage's score is in `[low, high]`, ends included.
    #[serde(default)]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub score: Option<[f32; 2]>,
    /// The calibrated probability is in `[low, high]`, ends included; needs `calibration`.
    #[serde(default)]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub calibrated: Option<[f32; 2]>,
    /// The highest and the lowest score of the classifiers differ by more than this.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub spread_above: Option<f32>,
    /// The mean Dice over all pairs of the segmenters' own masks is below this; two empty masks have a Dice of 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dice_below: Option<f32>,
    /// The classifiers' gate lets the image pass, but nothing is marked in the end.
    #[serde(default)]
    pub stages_disagree: bool,
}

impl Refer {
    /// Whether the rule reads what is known only after every classifier has run.
    pub(crate) fn reads_classifiers(&self) -> bool {
        self.score.is_some() || self.calibrated.is_some() || self.spread_above.is_some()
    }
}

/// How the segmenters' agreement is measured.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// A pixel is in a segmenter's own mask if its probability is strictly above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub above: f32,
}

impl Default for Agreement {
    fn default() -> Self {
        Self { above: 0.5 }
    }
}
