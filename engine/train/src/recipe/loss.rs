//! The loss.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Weighted sums of terms, one for each head.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Terms on the map of logits.
    #[serde(default)]
    pub map: Vec<LossTerm>,
    /// Terms on the score's logit.
    #[serde(default)]
    pub score: Vec<LossTerm>,
}

/// What an overlap is computed over before it is averaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Each image separately, then averaged. The default.
    #[default]
    Image,
    /// All pixels of the batch together.
    Batch,
}

/// One term. `p` is the probability, `t` the truth.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LossTerm {
    /// Two-class cross-entropy, `-t·log p - (1 - t)·log(1 - p)`, averaged over pixels or images.
    Bce {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// The factor of positive pixels or images.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        positive: f32,
    },
    /// Cross-entropy of a softmax over the classes {background, logit}: the background's logit is 0, so it equals `bce`
    /// with a factor per class, divided by the sum of the factors as in PyTorch.
    CrossEntropy {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// The factors of the classes, background first.
        #[serde(default = "ones")]
        #[schemars(inner(range(min = 0.0)))]
        classes: [f32; 2],
    },
    /// Focal loss (Lin et al., 2017): `(1 - p_t)^gamma · bce`.
    Focal {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// The exponent.
        #[serde(default = "two")]
        #[schemars(range(min = 0.0))]
        gamma: f32,
        /// The factor of positives; negatives get `1 - alpha`. Default: no factors.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        alpha: Option<f32>,
    },
    /// `1 - (2·Σpt + smooth) / (Σp + Σt + smooth)`.
    Dice {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// Added to numerator and denominator.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        smooth: f32,
        /// `Σp² + Σt²` in the denominator.
        #[serde(default)]
        squared: bool,
        /// What the sums run over.
        #[serde(default)]
        over: Reduction,
    },
    /// `1 - (Σpt + smooth) / (Σp + Σt - Σpt + smooth)`.
    Jaccard {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// Added to numerator and denominator.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        smooth: f32,
        /// What the sums run over.
        #[serde(default)]
        over: Reduction,
    },
    /// `1 - (Σpt + smooth) / (Σpt + alpha·Σp(1 - t) + beta·Σ(1 - p)t + smooth)` (Salehi et al., 2017).
    Tversky {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// The false positives' factor.
        #[serde(default = "half")]
        #[schemars(range(min = 0.0))]
        alpha: f32,
        /// The false negatives' factor.
        #[serde(default = "half")]
        #[schemars(range(min = 0.0))]
        beta: f32,
        /// Added to numerator and denominator.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        smooth: f32,
        /// What the sums run over.
        #[serde(default)]
        over: Reduction,
    },
    /// `1 - (T(p, t) + T(1 - p, 1 - t)) / 2`, where `T(p, t) = (Σpt + smooth) / (Σp² + Σt² - Σpt + smooth)`: the Tanimoto
    /// loss with its complement (Diakogiannis et al., 2020).
    Tanimoto {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// Added to numerator and denominator.
        #[serde(default = "small")]
        #[schemars(range(min = 0.0))]
        smooth: f32,
        /// What the sums run over.
        #[serde(default)]
        over: Reduction,
    },
    /// Symmetric Lovász hinge: the mean of the hinge's extension for `logit, t` and for `-logit, 1 - t` (Berman et al.,
    /// 2018).
    Lovasz {
        /// The term's factor.
        #[serde(default = "one")]
        #[schemars(range(min = 0.0))]
        weight: f32,
        /// What the pixels are sorted over.
        #[serde(default)]
        over: Reduction,
    },
}

impl LossTerm {
    /// The term's factor.
    #[must_use]
    pub fn weight(&self) -> f32 {
        match *self {
            Self::Bce { weight, .. }
            | Self::CrossEntropy { weight, .. }
            | Self::Focal { weight, .. }
            | Self::Dice { weight, .. }
            | Self::Jaccard { weight, .. }
            | Self::Tversky { weight, .. }
            | Self::Tanimoto { weight, .. }
            | Self::Lovasz { weight, .. } => weight,
        }
    }

    /// Whether the term compares areas, instead of each number with its truth.
    #[must_use]
    pub fn is_overlap(&self) -> bool {
        matches!(
            self,
            Self::Dice { .. }
                | Self::Jaccard { .. }
                | Self::Tversky { .. }
                | Self::Tanimoto { .. }
                | Self::Lovasz { .. }
        )
    }
}

const fn one() -> f32 {
    1.0
}

const fn ones() -> [f32; 2] {
    [1.0, 1.0]
}

const fn two() -> f32 {
    2.0
}

const fn small() -> f32 {
    1e-5
}

const fn half() -> f32 {
    0.5
}
