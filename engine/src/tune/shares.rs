//! The weights of a manifest's members, and which of them can be searched.

use super::merge;
use super::space::Space;
use super::write::Number;
use crate::manifest::{Gate, Manifest, Merge};

/// The weights of the members that run, in the manifest's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Weights of the classifier stage; empty without one.
    pub classifier: Vec<f32>,
    /// Weights of the segmentation stage.
    pub segmenter: Vec<f32>,
}

/// The stage whose weights are searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Classifier,
    Segmenter,
}

impl Weights {
    /// The weights of a manifest.
    #[must_use]
    pub fn from_manifest(manifest: &Manifest) -> Self {
        let classifier = manifest.classifier.as_ref().map(merge::weights).unwrap_or_default();
        Self { classifier, segmenter: merge::weights(&manifest.segmenter) }
    }

    /// The differences to the manifest, as keys and numbers.
    #[must_use]
    pub fn changes(&self, manifest: &Manifest) -> Vec<(String, Number)> {
        let stages = [("classifier", manifest.classifier.as_ref(), &self.classifier)];
        let stages = stages.into_iter().chain([("segmenter", Some(&manifest.segmenter), &self.segmenter)]);
        let mut changes = Vec::new();
        for (name, stage, weights) in stages {
            let members = stage.into_iter().flat_map(|stage| stage.members.iter().enumerate());
            for ((index, member), &weight) in members.filter(|(_, member)| member.weight > 0.0).zip(weights) {
                if member.weight != weight {
                    let weight = (f64::from(weight) * 100.0).round() / 100.0;
                    changes.push((format!("{name}.members[{index}].weight"), Number::Real(weight)));
                }
            }
        }
        changes
    }

    pub(super) fn of_stage(&self, moved: Moved) -> &[f32] {
        if moved == Moved::Classifier { &self.classifier } else { &self.segmenter }
    }

    pub(super) fn with(&self, moved: Moved, weights: Vec<f32>) -> Self {
        match moved {
            Moved::Classifier => Self { classifier: weights, ..self.clone() },
            Moved::Segmenter => Self { segmenter: weights, ..self.clone() },
        }
    }
}

/// The lowest probability of members' maps that a search needs; `None` if it needs all.
#[must_use]
pub fn lowest(space: &Space) -> Option<f32> {
    let reads_map = space.grid().manifest().segmenter.gate.iter().flat_map(Gate::tests).any(Gate::reads_map);
    space.chain().lowest().filter(|_| !reads_map)
}

/// Why a stage's weights cannot be searched; `None` if they can.
pub fn fixed(manifest: &Manifest, moved: Moved) -> Option<&'static str> {
    let segmenter = &manifest.segmenter;
    let Some(stage) = (if moved == Moved::Classifier { manifest.classifier.as_ref() } else { Some(segmenter) }) else {
        return Some("there is no such stage");
    };
    if merge::running(stage).count() < 2 {
        return Some("it has one member");
    }
    if !matches!(stage.merge, Merge::Mean | Merge::MeanLogits | Merge::Geometric | Merge::Vote { .. }) {
        return Some("its merge has no weights");
    }
    if moved == Moved::Classifier {
        if stage.gate.iter().flat_map(Gate::tests).any(Gate::reads_map) {
            return Some("its gate reads maps");
        }
        if merge::running(segmenter).any(|member| member.times_score) {
            return Some("segmenters' maps are multiplied by its score");
        }
    }
    None
}
