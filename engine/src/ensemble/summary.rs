//! What a run came to.

use serde::Serialize;

use super::{Ensemble, Finding};

/// What a run came to, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Images with a finding.
    pub images: usize,
    /// Images with a mask that is not empty.
    pub positive: usize,
    /// Images that were skipped and reported.
    pub skipped: usize,
    /// Member runs of the classifier stage.
    pub classifier_runs: usize,
    /// Member runs that early exit spared the classifier stage.
    pub classifier_runs_saved: usize,
    /// Member runs of the segmentation stage.
    pub segmenter_runs: usize,
    /// Member runs that the gates and early exit spared the segmentation stage.
    pub segmenter_runs_saved: usize,
}

impl Summary {
    /// Counts a finding.
    pub fn add(&mut self, ensemble: &Ensemble, finding: &Finding) {
        let classifiers = ensemble.classifier.as_ref().map_or(0, |stage| stage.members.len());
        self.images += 1;
        self.positive += usize::from(!finding.mask.is_empty());
        self.classifier_runs += finding.runs.classifiers;
        self.classifier_runs_saved += classifiers - finding.runs.classifiers;
        self.segmenter_runs += finding.runs.segmenters;
        self.segmenter_runs_saved += ensemble.segmenter.members.len() - finding.runs.segmenters;
    }
}
