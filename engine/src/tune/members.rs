//! The ablation of members: each alone, and the ensemble without each.

use std::path::Path;

use super::chain::Chain;
use super::error::TuneError;
use super::gates::{Gates, StageOutputs};
use super::merge;
use super::search::Metric;
use super::space::Image;
use crate::ensemble::{Ensemble, Explanation, ImageError, MemberAnswer, StageExplained};
use crate::manifest::{Gate, Manifest, Merge, Stage};
use crate::report::MemberRow;

/// An ensemble with each member alone, and without each.
pub struct Members {
    manifest: Manifest,
    chain: Chain,
    variants: Vec<Variant>,
}

/// An ensemble with fewer members in one stage.
struct Variant {
    classifier: bool,
    member: usize,
    alone: bool,
    stage: Stage,
    weights: Vec<f32>,
    gates: Gates,
}

/// The results for an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Ablation {
    positive: bool,
    /// Dice of each variant.
    dice: Vec<f64>,
    /// Each classifier's score, then each segmenter's.
    scores: Vec<Option<f32>>,
}

impl Members {
    /// The members of an ensemble.
    ///
    /// # Errors
    /// If a plugin can no longer be opened.
    pub fn new(ensemble: &Ensemble) -> Result<Self, TuneError> {
        let manifest = ensemble.manifest().clone();
        let steps: Vec<_> = manifest.postprocess.iter().map(|step| vec![step.clone()]).collect();
        let chain = Chain::open(&steps, ensemble.path().parent().unwrap_or(Path::new("")))?;
        let times_score = merge::running(&manifest.segmenter).any(|member| member.times_score);
        let mut variants = Vec::new();
        // Maps that were multiplied by all classifiers' score do not show what fewer classifiers would make of them.
        if let Some(stage) = manifest.classifier.as_ref().filter(|_| !times_score) {
            of_stage(stage, true, &mut variants);
        }
        of_stage(&manifest.segmenter, false, &mut variants);
        Ok(Self { manifest, chain, variants })
    }

    /// The results for an image.
    ///
    /// # Errors
    /// If a plugin fails.
    pub fn look(&self, image: &Image<'_>, answers: &Explanation) -> Result<Ablation, TuneError> {
        let failed = |source| TuneError::Image { id: image.id.into(), source: Box::new(source) };
        let segmenter = answers.segmenter.as_ref().ok_or_else(|| failed(ImageError::NoMask))?;
        let dice = self.variants.iter().map(|variant| self.dice(variant, image, answers, segmenter).map_err(failed));
        let dice = dice.collect::<Result<_, _>>()?;
        let stages = answers.classifier.iter().chain([segmenter]);
        let scores = stages.flat_map(|stage| &stage.members).map(|member| member.answer.score).collect();
        Ok(Ablation { positive: !image.target.is_empty(), dice, scores })
    }

    fn dice(
        &self,
        variant: &Variant,
        image: &Image<'_>,
        answers: &Explanation,
        segmenter: &StageExplained,
    ) -> Result<f64, ImageError> {
        let nothing = Ok(image.target.nothing());
        let passes = |explained: &StageExplained| {
            let all: Vec<&MemberAnswer> = explained.members.iter().map(|member| &member.answer).collect();
            let scores: Vec<Option<f32>> = all.iter().map(|answer| answer.score).collect();
            let map = merge::map(&variant.stage, all.iter().map(|answer| answer.map.as_ref()), &variant.weights);
            let score = merge::score(&variant.stage, &scores, &variant.weights);
            let counted = merge::counted(&all, &variant.weights);
            (variant.gates.passes(StageOutputs { score, map: map.as_ref() }, &counted)[0], map)
        };
        let (passed, map) = match (variant.classifier, &answers.classifier) {
            (true, Some(classifier)) => (passes(classifier).0 && segmenter.passed, segmenter.map.clone()),
            (_, classifier) => {
                let (passed, map) = passes(segmenter);
                (passed && classifier.as_ref().is_none_or(|stage| stage.passed), map)
            }
        };
        let Some(map) = map.filter(|_| passed) else { return nothing };
        Ok(f64::from(self.chain.dice(map.view(), &image.target, &image.context)?[0]))
    }

    /// A row per member, over all images.
    #[must_use]
    pub fn rows(&self, images: &[Ablation], metric: Metric) -> Vec<MemberRow> {
        let counted: Vec<&Ablation> = images.iter().filter(|it| metric == Metric::Dice || it.positive).collect();
        let mean = |variant: usize| {
            let sum: f64 = counted.iter().map(|image| image.dice[variant]).sum();
            (!counted.is_empty()).then(|| sum / counted.len() as f64)
        };
        let row = |(place, (classifier, member, name)): (usize, (bool, usize, &str))| {
            let of = |alone: bool| {
                let same = |it: &Variant| (it.classifier, it.member, it.alone) == (classifier, member, alone);
                self.variants.iter().position(same).and_then(mean)
            };
            let scored = images.iter().filter_map(|image| Some((image.scores.get(place).copied()??, image.positive)));
            MemberRow {
                stage: if classifier { "classifier" } else { "segmenter" }.into(),
                name: name.into(),
                alone: of(true),
                without: of(false),
                auc: auc(scored.collect()),
            }
        };
        let named = |classifier: bool, stage: &Stage| -> Vec<(bool, usize, String)> {
            merge::running(stage).enumerate().map(|(place, it)| (classifier, place, it.name.clone())).collect()
        };
        let mut all: Vec<_> = self.manifest.classifier.iter().flat_map(|stage| named(true, stage)).collect();
        all.extend(named(false, &self.manifest.segmenter));
        all.iter().map(|(stage, member, name)| (*stage, *member, name.as_str())).enumerate().map(row).collect()
    }
}

/// Each member alone, and all but each, where that is possible.
fn of_stage(stage: &Stage, classifier: bool, variants: &mut Vec<Variant>) {
    if matches!(stage.merge, Merge::Stack(_)) {
        return;
    }
    let whole = merge::weights(stage);
    for member in 0..whole.len() {
        for alone in [true, false] {
            let stays = |place: usize| (place == member) == alone;
            let weights: Vec<f32> =
                whole.iter().enumerate().map(|(place, weight)| if stays(place) { *weight } else { 0.0 }).collect();
            let fewer = merge::weighted(stage, &weights);
            if weights.iter().all(|weight| *weight == 0.0) || names_another(stage.gate.as_ref(), &fewer) {
                continue;
            }
            let gates = Gates::new(Some(&fewer), stage.gate.as_slice());
            // Merging covers the whole stage: its members are those that have outputs.
            variants.push(Variant { classifier, member, alone, stage: stage.clone(), weights, gates });
        }
    }
}

/// Whether a gate names a member that does not run.
fn names_another(gate: Option<&Gate>, stage: &Stage) -> bool {
    let runs = |name: &str| merge::running(stage).any(|member| member.name == name);
    let tests = gate.into_iter().flat_map(Gate::tests);
    tests.into_iter().any(|test| {
        let several = match test {
            Gate::Agree { members, .. } => members.as_slice(),
            _ => &[],
        };
        test.member().is_some_and(|name| !runs(name)) || several.iter().any(|name| !runs(name))
    })
}

/// The share of pairs of a positive and a negative in which the positive scores higher; ties count half.
fn auc(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut pairs) = (0.0, 0.0);
    for equal in scored.chunk_by(|a, b| a.0 == b.0) {
        let positives = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        let negatives = equal.len() as f64 - positives;
        pairs += positives * (below + negatives / 2.0);
        below += negatives;
    }
    let positives = scored.len() as f64 - below;
    (below > 0.0 && positives > 0.0).then(|| pairs / (below * positives))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs_and_ties_by_half() {
        let scored = |pairs: &[(f32, bool)]| auc(pairs.to_vec());
        assert_eq!(scored(&[(0.9, true), (0.1, false)]), Some(1.0));
        assert_eq!(scored(&[(0.1, true), (0.9, false)]), Some(0.0));
        assert_eq!(scored(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(scored(&[(0.5, true), (0.5, false), (0.4, false), (0.6, true)]), Some(0.875));
        assert_eq!(scored(&[(0.5, true)]), None);
    }
}
