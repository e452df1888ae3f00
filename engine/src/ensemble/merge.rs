//! Folding members' answers into one, and bounding what the rest could still do.
//!
//! Every merge but a stack is a fold that never falls when an answer rises, in exact arithmetic and in floating point
//! alike: sums, products by a weight, maxima and the functions applied are all monotone, and rounding keeps order.
//! So the merge of the answers so far with 0 for all the others is a true lower bound, and with 1 an upper one.

use ndarray::{Array2, ArrayView2, Zip};

use crate::manifest::Merge;

/// Logits are taken of probabilities this far from 0 and 1 at least.
const EDGE: f32 = 1e-7;

/// A merge that is a fold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fold {
    /// Weighted mean.
    Mean,
    /// Sigmoid of the weighted mean of logits.
    MeanLogits,
    /// Weighted geometric mean.
    Geometric,
    /// Highest.
    Max,
    /// Lowest.
    Min,
    /// Weighted share above a probability.
    Vote(f32),
}

impl Fold {
    /// The fold that a manifest asks for; `None` for a stack.
    pub fn of(merge: &Merge) -> Option<Self> {
        Some(match merge {
            Merge::Mean => Self::Mean,
            Merge::MeanLogits => Self::MeanLogits,
            Merge::Geometric => Self::Geometric,
            Merge::Max => Self::Max,
            Merge::Min => Self::Min,
            Merge::Vote { above } => Self::Vote(*above),
            Merge::Stack(_) => return None,
        })
    }

    /// The value to start from.
    pub fn start(self) -> f32 {
        match self {
            Self::Max => f32::NEG_INFINITY,
            Self::Min => f32::INFINITY,
            _ => 0.0,
        }
    }

    /// Takes in one probability.
    pub fn add(self, sum: f32, probability: f32, weight: f32) -> f32 {
        match self {
            Self::Mean => sum + weight * probability,
            Self::MeanLogits => sum + weight * logit(probability),
            Self::Geometric => sum + weight * probability.ln(),
            Self::Max => sum.max(probability),
            Self::Min => sum.min(probability),
            Self::Vote(above) => sum + if probability > above { weight } else { 0.0 },
        }
    }

    /// The merged probability, after answers of this total weight.
    pub fn finish(self, sum: f32, weight: f32) -> f32 {
        match self {
            Self::Mean | Self::Vote(_) => sum / weight,
            Self::MeanLogits => sigmoid(sum / weight),
            Self::Geometric => (sum / weight).exp(),
            Self::Max | Self::Min => sum,
        }
    }

    /// [`Fold::add`], pixel by pixel.
    pub fn add_map(self, sum: &mut Array2<f32>, map: ArrayView2<'_, f32>, weight: f32) {
        Zip::from(sum).and(map).for_each(|sum, &p| *sum = self.add(*sum, p, weight));
    }

    /// What the merge becomes if every remaining member answers `rest`.
    pub fn complete(self, sum: f32, rest: f32, remaining: &[f32], weight: f32) -> f32 {
        let sum = remaining.iter().fold(sum, |sum, &w| self.add(sum, rest, w));
        self.finish(sum, weight)
    }
}

/// The probability of a logit.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The logit of a probability, kept finite at 0 and 1.
pub fn logit(probability: f32) -> f32 {
    let p = probability.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FOLDS: [Fold; 6] = [Fold::Mean, Fold::MeanLogits, Fold::Geometric, Fold::Max, Fold::Min, Fold::Vote(0.5)];

    fn merge(fold: Fold, answers: &[(f32, f32)]) -> f32 {
        let sum = answers.iter().fold(fold.start(), |sum, &(p, w)| fold.add(sum, p, w));
        fold.finish(sum, answers.iter().map(|a| a.1).sum())
    }

    #[test]
    fn folds_do_what_they_are_called() {
        let answers = [(0.2, 1.0), (0.8, 3.0)];
        let expected = [0.65, 0.666_667, 0.565_685, 0.8, 0.2, 0.75];
        for (fold, expected) in FOLDS.into_iter().zip(expected) {
            let got = merge(fold, &answers);
            assert!((got - expected).abs() < 1e-5, "{fold:?}: {got}, expected {expected}");
        }
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_the_rest_answers(
            answers in prop::collection::vec((0.0f32..=1.0, 0.01f32..=5.0), 1..8),
            run in 0usize..8,
        ) {
            let run = run.min(answers.len());
            let total: f32 = answers.iter().map(|a| a.1).sum();
            let remaining: Vec<f32> = answers[run..].iter().map(|a| a.1).collect();
            for fold in FOLDS {
                let sum = answers[..run].iter().fold(fold.start(), |sum, &(p, w)| fold.add(sum, p, w));
                let full = merge(fold, &answers);
                // Not a tolerance in sight: early exit is exact or it is nothing.
                prop_assert!(fold.complete(sum, 0.0, &remaining, total) <= full, "{:?}", fold);
                prop_assert!(fold.complete(sum, 1.0, &remaining, total) >= full, "{:?}", fold);
            }
        }
    }
}
