//! Ends a member's inference between its views: bounds of its score before all of them have run.
//!
//! A score is a mean over views, and then a mean over sets of weights. With 0 for every view that has not run it is a
//! lower bound, with 1 an upper one, and both are computed in the same way as the score itself: see
//! [`crate::ensemble::stage::merge`] for why they are exact.

use super::Member;
use super::answer::{Answer, Sum, ViewAnswer};
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::manifest::Average;

/// The lower and the upper bound of a score, both in 0..=1.
pub type Bounds = (f32, f32);

/// Whether bounds of a member's score for an image decide the stage's gate.
pub type GateDecided<'a> = &'a (dyn Fn(&ImageTask, Bounds) -> bool + Sync);

/// The bounds of a member's score for an image after a set of weights has run on some views, in order, if these bounds
/// decide the stage's gate.
pub type BoundsIfDecided<'a> = &'a (dyn Fn(&ImageTask, &[ViewAnswer]) -> Option<Bounds> + Sync);

/// Whether a member ran fully or was cut short.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberOutcome<T> {
    /// It ran fully.
    Whole(T),
    /// It was cut short: the bounds decide the gate, so the other views cannot matter.
    GateDecided(Bounds),
}

impl MemberOutcome<Answer> {
    /// Cuts the outcome short where view-by-view inference would have ended.
    pub fn cut(self, task: &ImageTask, settle: Option<BoundsIfDecided<'_>>) -> Self {
        let (Self::Whole(answer), Some(settle)) = (&self, settle) else { return self };
        let bounds = (1..answer.views.len()).find_map(|end| settle(task, &answer.views[..end]));
        bounds.map_or(self, Self::GateDecided)
    }
}

impl Member {
    /// Whether it can run view by view: only a score of the network's own output is needed, and there is more than one
    /// view or set of weights. A mean of logits has no bounds: one view may decide it.
    pub fn goes_by_view(&self) -> bool {
        let RequiredOutputs { score, map } = self.wanted;
        let is_mean = self.manifest.average == Average::Probabilities;
        score && !map && is_mean && self.manifest.score.is_some() && self.views.len() * self.weights.len() > 1
    }

    /// Bounds of its score for an image of a fold: `sum` holds the outputs of the sets of weights before the one at
    /// `place`, and `views` that set's outputs so far.
    pub fn score_bounds(&self, sum: &Sum, place: usize, views: &[ViewAnswer], fold: Option<u32>) -> Bounds {
        let rest = self.weights[place..].iter().filter(|weights| weights.answers_for(fold));
        let rest: Vec<f32> = rest.map(|weights| weights.manifest.weight).collect();
        let bound = |unanswered| completed(sum.clone(), &rest, (views, self.views.len()), unanswered);
        (bound(0.0), bound(1.0))
    }
}

/// The score if all remaining views had the score `unanswered`: `rest` holds the weights of the sets that are not in
/// the sum, each with `count` views, some of which have run for the first.
fn completed(mut sum: Sum, rest: &[f32], (views, count): (&[ViewAnswer], usize), unanswered: f32) -> f32 {
    for (at, weight) in rest.iter().enumerate() {
        let score = mean_score(if at == 0 { views } else { &[] }, count, unanswered);
        // There is no map whose size could be wrong.
        let _ = sum.add(at, Answer { score: Some(score), ..Answer::default() }, *weight, 0.0);
    }
    sum.mean().score.unwrap_or(unanswered)
}

/// The mean of `count` views' scores, if all remaining views had the score `unanswered`.
pub fn mean_score(answered: &[ViewAnswer], count: usize, unanswered: f32) -> f32 {
    let scores = answered.iter().map(|view| view.score.unwrap_or(0.0));
    let all = scores.chain(std::iter::repeat(unanswered)).take(count);
    all.fold(0.0, |sum, score| sum + score) / count as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sets of weights with a score for each of `views` views.
    fn sets(views: usize) -> impl Strategy<Value = Vec<(f32, Vec<f32>)>> {
        let score =
            prop_oneof![4 => 0.0f32..=1.0, 1 => prop::sample::select(vec![0.0, 1e-30, 1.0 - f32::EPSILON / 2.0, 1.0])];
        prop::collection::vec((0.01f32..=5.0, prop::collection::vec(score, views)), 1..5)
    }

    fn answers(scores: &[f32]) -> Vec<ViewAnswer> {
        scores.iter().map(|&score| ViewAnswer { score: Some(score), highest: None }).collect()
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_the_other_views_say((views, sets) in (1usize..6).prop_flat_map(|n| (Just(n), sets(n)))) {
            let sum = |sets: &[(f32, Vec<f32>)]| {
                let mut sum = Sum::default();
                for (weight, scores) in sets {
                    let score = Some(mean_score(&answers(scores), views, 0.0));
                    sum.add(0, Answer { score, ..Answer::default() }, *weight, 0.0).unwrap();
                }
                sum
            };
            let score = sum(&sets).mean().score.unwrap();
            for done in 0..sets.len() {
                let rest: Vec<f32> = sets[done..].iter().map(|(weight, _)| *weight).collect();
                for seen in 0..=views {
                    let seen = answers(&sets[done].1[..seen]);
                    let bound = |unanswered| completed(sum(&sets[..done]), &rest, (&seen, views), unanswered);
                    // No tolerance, as in a merge of members.
                    prop_assert!(bound(0.0) <= score && score <= bound(1.0));
                }
            }
        }
    }
}
