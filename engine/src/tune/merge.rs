//! Repeats the merge of a stage's outputs: with other weights, or without some members.

use ndarray::Array2;

use crate::ensemble::{MemberAnswer, MergeAccumulator};
use crate::manifest::{self, Member};

/// The members of a stage that run, in order.
pub fn running(stage: &manifest::Stage) -> impl Iterator<Item = &Member> {
    stage.members.iter().filter(|member| member.weight > 0.0)
}

/// The weights of the members that run.
pub fn weights(stage: &manifest::Stage) -> Vec<f32> {
    running(stage).map(|member| member.weight).collect()
}

/// The stage with other weights for the members that run.
pub fn weighted(stage: &manifest::Stage, weights: &[f32]) -> manifest::Stage {
    let mut stage = stage.clone();
    let running = stage.members.iter_mut().filter(|member| member.weight > 0.0);
    running.zip(weights).for_each(|(member, weight)| member.weight = *weight);
    stage
}

/// The merged score of members' scores, as the engine computes it; `None` if a member with a weight has none, or the
/// merge is a stack. A member of weight 0 is left out.
pub fn score(stage: &manifest::Stage, scores: &[Option<f32>], weights: &[f32]) -> Option<f32> {
    let fold = MergeAccumulator::from_manifest(&stage.merge)?;
    let mut sum = fold.start();
    for (score, weight) in scores.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        sum = fold.add(sum, (*score)?, *weight);
    }
    Some(fold.finish(sum, weights.iter().sum()))
}

/// The merged map of members' maps, all of (height, width), as the engine computes it; `None` if a member with a weight
/// has none, or the merge is a stack.
pub fn map<'m>(
    stage: &manifest::Stage,
    maps: impl Iterator<Item = Option<&'m Array2<f32>>>,
    weights: &[f32],
) -> Option<Array2<f32>> {
    let fold = MergeAccumulator::from_manifest(&stage.merge)?;
    let mut sum: Option<Array2<f32>> = None;
    for (map, weight) in maps.zip(weights).filter(|(_, weight)| **weight > 0.0) {
        let map = map?;
        let sum = sum.get_or_insert_with(|| Array2::from_elem(map.dim(), fold.start()));
        fold.add_map(sum, map.view(), *weight, None);
    }
    let total = weights.iter().sum();
    // As in the engine: maps shifted by a threshold may leave 0..=1, the merged map may not.
    let counted = running(stage).zip(weights).filter(|(_, weight)| **weight > 0.0);
    let shifted = counted.map(|(member, _)| member).any(is_shifted);
    let clip = |p: f32| if shifted { p.clamp(0.0, 1.0) } else { p };
    sum.map(|sum| sum.mapv_into(|sum| clip(fold.finish(sum, total))))
}

fn is_shifted(member: &Member) -> bool {
    member.threshold.is_some() || member.snapshots.iter().any(|snapshot| snapshot.threshold.is_some())
}

/// The outputs of the members with a weight.
pub fn counted<'a>(answers: &[&'a MemberAnswer], weights: &[f32]) -> Vec<&'a MemberAnswer> {
    answers.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(answer, _)| *answer).collect()
}
