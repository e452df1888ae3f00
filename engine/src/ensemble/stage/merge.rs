//! Merges members' outputs, and bounds the effect of those that have not run.
//!
//! Every merge but a stack is a fold that never falls when an output rises, in exact arithmetic and in floating point
//! alike: rounding keeps order in sums, products by a weight and maxima, and `exp` and `ln` of the common mathematical
//! libraries are monotone.
//! So the merge of the outputs so far with 0 for all the others is a true lower bound, and with 1 an upper one.

use ndarray::{Array2, ArrayView2, Zip};

use crate::ensemble::member::probability::{logit, sigmoid};
use crate::manifest::Merge;

/// The weight of a member that has not run, and the bounds of its output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    pub weight: f32,
    pub low: f32,
    pub high: f32,
}

/// A merge that accumulates members one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MergeAccumulator {
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
    /// Weighted share of members above a probability.
    Vote(f32),
}

impl MergeAccumulator {
    /// The accumulator of a manifest's merge; `None` for a stack.
    pub fn from_manifest(merge: &Merge) -> Option<Self> {
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

    /// The initial value.
    pub fn start(self) -> f32 {
        match self {
            Self::Max => f32::NEG_INFINITY,
            Self::Min => f32::INFINITY,
            _ => 0.0,
        }
    }

    /// Adds one probability.
    pub fn add(self, sum: f32, probability: f32, weight: f32) -> f32 {
        self.join(sum, self.term(probability, weight))
    }

    /// The contribution of a probability.
    fn term(self, probability: f32, weight: f32) -> f32 {
        match self {
            Self::Mean => weight * probability,
            Self::MeanLogits => weight * logit(probability),
            Self::Geometric => weight * probability.ln(),
            Self::Max | Self::Min => probability,
            Self::Vote(above) => f32::from(probability > above) * weight,
        }
    }

    fn join(self, sum: f32, term: f32) -> f32 {
        match self {
            Self::Max => sum.max(term),
            Self::Min => sum.min(term),
            _ => sum + term,
        }
    }

    /// The merged probability, after outputs of this total weight.
    pub fn finish(self, sum: f32, weight: f32) -> f32 {
        match self {
            Self::Mean | Self::Vote(_) => sum / weight,
            Self::MeanLogits => sigmoid(sum / weight),
            Self::Geometric => (sum / weight).exp(),
            Self::Max | Self::Min => sum,
        }
    }

    /// The sum after the first map.
    pub fn start_map(self, map: Array2<f32>, weight: f32) -> Array2<f32> {
        match self {
            // 0 + 1 · p, the maximum of p and nothing, and so on
            Self::Mean if weight == 1.0 => map,
            Self::Max | Self::Min => map,
            _ => map.mapv_into(|p| self.add(self.start(), p, weight)),
        }
    }

    /// [`MergeAccumulator::add`], pixel by pixel; after the last map, also [`MergeAccumulator::finish`] by `total`.
    pub fn add_map(self, sum: &mut Array2<f32>, map: ArrayView2<'_, f32>, weight: f32, total: Option<f32>) {
        match (sum.as_slice_mut(), map.as_slice()) {
            (Some(sum), Some(map)) => self.add_row(sum, map, weight, total),
            _ => Zip::from(sum).and(map).for_each(|sum, &p| *sum = self.added(*sum, p, weight, total)),
        }
    }

    /// As [`MergeAccumulator::add_map`], of a part of it.
    pub fn add_row(self, sum: &mut [f32], map: &[f32], weight: f32, total: Option<f32>) {
        match (self, total) {
            // the usual one, written so that the compiler vectorises it
            (Self::Mean, None) => sum.iter_mut().zip(map).for_each(|(sum, &p)| *sum += weight * p),
            (Self::Mean, Some(total)) => {
                sum.iter_mut().zip(map).for_each(|(sum, &p)| *sum = (*sum + weight * p) / total)
            }
            _ => sum.iter_mut().zip(map).for_each(|(sum, &p)| *sum = self.added(*sum, p, weight, total)),
        }
    }

    fn added(self, sum: f32, probability: f32, weight: f32, total: Option<f32>) -> f32 {
        let sum = self.add(sum, probability, weight);
        total.map_or(sum, |total| self.finish(sum, total))
    }

    /// [`MergeAccumulator::finish`], pixel by pixel.
    pub fn finish_map(self, sum: Array2<f32>, weight: f32) -> Array2<f32> {
        match self {
            Self::Max | Self::Min => sum,
            Self::Mean if weight == 1.0 => sum,
            _ => sum.mapv_into(|sum| self.finish(sum, weight)),
        }
    }

    /// The final value of a merge of total weight `weight` if the members of `rest` all give their lowest, or highest,
    /// possible output: a function of the sum so far. It computes exactly what those members would, term by term.
    pub fn completion(self, high: bool, rest: &[Share], weight: f32) -> impl Fn(f32) -> f32 + use<> {
        let answer = |share: &Share| self.term(if high { share.high } else { share.low }, share.weight);
        let terms: Vec<f32> = rest.iter().map(answer).collect();
        move |sum| self.finish(terms.iter().fold(sum, |sum, &term| self.join(sum, term)), weight)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FOLDS: [MergeAccumulator; 6] = [
        MergeAccumulator::Mean,
        MergeAccumulator::MeanLogits,
        MergeAccumulator::Geometric,
        MergeAccumulator::Max,
        MergeAccumulator::Min,
        MergeAccumulator::Vote(0.5),
    ];

    fn merge(fold: MergeAccumulator, answers: &[(f32, f32)]) -> f32 {
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

    /// Any probability, often 0 or 1.
    fn probability() -> impl Strategy<Value = f32> {
        prop_oneof![4 => 0.0f32..=1.0, 1 => prop::sample::select(vec![0.0, 1e-30, 1e-7, 1.0 - f32::EPSILON / 2.0, 1.0])]
    }

    #[test]
    fn logits_are_symmetric_and_finite_at_the_edges() {
        assert_eq!(logit(0.0), -logit(1.0));
        assert_eq!(merge(MergeAccumulator::MeanLogits, &[(0.0, 1.0), (1.0, 1.0)]), 0.5);
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_the_rest_answers(
            answers in prop::collection::vec((probability(), 0.01f32..=5.0), 1..8),
            run in 0usize..8,
        ) {
            let run = run.min(answers.len());
            let total: f32 = answers.iter().map(|a| a.1).sum();
            let share = |a: &(f32, f32)| Share { weight: a.1, low: 0.0, high: 1.0 };
            let remaining: Vec<Share> = answers[run..].iter().map(share).collect();
            for fold in FOLDS {
                let sum = answers[..run].iter().fold(fold.start(), |sum, &(p, w)| fold.add(sum, p, w));
                let full = merge(fold, &answers);
                // No tolerance: early exit must be exact.
                prop_assert!(fold.completion(false, &remaining, total)(sum) <= full, "{:?}", fold);
                prop_assert!(fold.completion(true, &remaining, total)(sum) >= full, "{:?}", fold);
            }
        }
    }
}
