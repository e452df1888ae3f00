//! The totals of a run.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ensemble::Ensemble;
use crate::ensemble::Finding;
use crate::ensemble::Runs;

/// The totals of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Images with a finding.
    pub images: usize,
    /// Images with a mask that is not empty.
    pub positive: usize,
    /// Images that are referred to people, whatever their mask.
    #[serde(default)]
    pub referred: usize,
    /// Images that were skipped and reported.
    pub skipped: usize,
    /// Member runs of the classifier stage.
    pub classifier_runs: usize,
    /// Member runs that early exit saved in the classifier stage.
    pub classifier_runs_saved: usize,
    /// Member runs of the segmentation stage.
    pub segmenter_runs: usize,
    /// Member runs that the gates and early exit saved in the segmentation stage.
    pub segmenter_runs_saved: usize,
}

impl Summary {
    /// Counts a finding.
    pub fn add(&mut self, ensemble: &Ensemble, finding: &Finding) {
        self.count(ensemble, finding.runs, !finding.mask.is_empty(), !finding.reasons.is_empty());
    }

    /// Counts an earlier result: what ran on an image then, whether its mask was not empty, and whether it was
    /// referred.
    pub fn count(&mut self, ensemble: &Ensemble, runs: Runs, positive: bool, referred: bool) {
        let classifiers = ensemble.classifier.as_ref().map_or(0, |stage| stage.members.len());
        self.images += 1;
        self.positive += usize::from(positive);
        self.referred += usize::from(referred);
        self.classifier_runs += runs.classifiers;
        self.classifier_runs_saved += classifiers.saturating_sub(runs.classifiers);
        self.segmenter_runs += runs.segmenters;
        self.segmenter_runs_saved += ensemble.segmenter.members.len().saturating_sub(runs.segmenters);
    }
}

impl AddAssign<&Summary> for Summary {
    fn add_assign(&mut self, other: &Self) {
        self.images += other.images;
        self.positive += other.positive;
        self.referred += other.referred;
        self.skipped += other.skipped;
        self.classifier_runs += other.classifier_runs;
        self.classifier_runs_saved += other.classifier_runs_saved;
        self.segmenter_runs += other.segmenter_runs;
        self.segmenter_runs_saved += other.segmenter_runs_saved;
    }
}
