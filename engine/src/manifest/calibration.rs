//! From scores to calibrated probabilities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the classifier stage's score becomes the probability that an image is positive, such as `pleura tune --calibrate`
/// fits it. It changes no mask: findings, reports and `refer` have it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Calibration {
    /// Temperature scaling: the sigmoid of the score's logit divided by a number.
    Temperature {
        /// Above 1 for a stage that is too sure, below 1 for one that is not sure enough.
        #[schemars(range(min = 0.0))]
        temperature: f32,
    },
    /// Isotonic regression: straight lines between points, and the end points' probabilities beyond them.
    Isotonic {
        /// The points' scores, ascending.
        #[schemars(length(min = 1), inner(range(min = 0.0, max = 1.0)))]
        scores: Vec<f32>,
        /// Their probabilities, never falling.
        #[schemars(length(min = 1), inner(range(min = 0.0, max = 1.0)))]
        probabilities: Vec<f32>,
    },
}

impl Calibration {
    /// The probability of a score, both in 0..=1. A higher score never has a lower probability.
    #[must_use]
    pub fn probability(&self, score: f32) -> f32 {
        match self {
            Self::Temperature { temperature } => {
                let score = f64::from(score);
                let logit = (score / (1.0 - score)).ln() / f64::from(*temperature);
                (1.0 / (1.0 + (-logit).exp())) as f32
            }
            Self::Isotonic { scores, probabilities } => between(scores, probabilities, score),
        }
    }
}

/// The height at `x` of the line through points whose `xs` ascend; beyond them, the end points'.
fn between(xs: &[f32], ys: &[f32], x: f32) -> f32 {
    let above = xs.partition_point(|&point| point < x);
    match (above.checked_sub(1), xs.get(above)) {
        (_, Some(&point)) if point == x => ys[above],
        (None, _) => ys[0],
        (Some(last), None) => ys[last],
        (Some(below), Some(_)) => {
            let (x0, x1) = (f64::from(xs[below]), f64::from(xs[above]));
            let (y0, y1) = (f64::from(ys[below]), f64::from(ys[above]));
            (y0 + (y1 - y0) * (f64::from(x) - x0) / (x1 - x0)).min(y1) as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temperature_divides_logits() {
        let hot = Calibration::Temperature { temperature: 2.0 };
        // sigmoid(ln(9) / 2) = 3 / 4
        assert!((hot.probability(0.9) - 0.75).abs() < 1e-6);
        assert!((hot.probability(0.1) - 0.25).abs() < 1e-6);
        assert_eq!([0.0, 0.5, 1.0].map(|score| hot.probability(score)), [0.0, 0.5, 1.0]);
        assert_eq!(Calibration::Temperature { temperature: 1.0 }.probability(0.5), 0.5);
    }

    #[test]
    fn lines_go_from_point_to_point() {
        let fitted = Calibration::Isotonic { scores: vec![0.2, 0.4, 0.8], probabilities: vec![0.1, 0.1, 0.9] };
        let found = [0.0, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0].map(|score| fitted.probability(score));
        for (found, expected) in found.into_iter().zip([0.1, 0.1, 0.1, 0.1, 0.5, 0.9, 0.9]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let one = Calibration::Isotonic { scores: vec![0.5], probabilities: vec![0.3] };
        assert_eq!([0.0, 0.5, 1.0].map(|score| one.probability(score)), [0.3; 3]);
    }

    #[test]
    fn a_higher_score_never_has_a_lower_probability() {
        let kinds = [
            Calibration::Temperature { temperature: 0.37 },
            Calibration::Temperature { temperature: 3.1 },
            Calibration::Isotonic { scores: vec![0.1, 0.3, 0.31, 0.7], probabilities: vec![0.0, 0.3, 0.301, 0.6] },
        ];
        for kind in kinds {
            let all: Vec<f32> = (0..=10_000_u16).map(|i| kind.probability(f32::from(i) / 10_000.0)).collect();
            assert!(all.is_sorted() && all.iter().all(|p| (0.0..=1.0).contains(p)), "{kind:?}");
        }
    }
}
