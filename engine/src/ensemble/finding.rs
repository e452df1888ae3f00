//! The result for one radiograph.

use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::ensemble::agreement::Agreement;
use crate::ensemble::origin::Origin;
use crate::ensemble::referral::Outcome;
use crate::ensemble::task::Region;
use crate::submission::rle;
use crate::{Mask, Size, checksum};

/// The result for one radiograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The image's id in the submission.
    pub id: String,
    /// The mask, (height, width) of the ensemble's output.
    pub mask: Mask,
    /// The stage that decided.
    pub decision: Decision,
    /// Bounds of the classifier stage's score, in 0..=1: equal if every member ran, apart if early exit skipped some;
    /// `None` without a classifier stage, or if its members give no scores.
    pub score: Option<(f32, f32)>,
    /// Bounds of the calibrated probability that the image is positive, in 0..=1; `None` without a score, or without a
    /// [calibration](crate::manifest::Calibration).
    pub calibrated: Option<(f32, f32)>,
    /// How far the members agree.
    pub agreement: Agreement,
    /// Why people should read the image first, one fragment each; empty if it is not [referred](crate::manifest::Refer).
    pub reasons: Vec<String>,
    /// The merged probability map, (height, width) of the output; `None` for images that never had one, and without
    /// [`Options::keep_maps`](crate::ensemble::Options::keep_maps).
    pub map: Option<Array2<f32>>,
    /// The numbers of members that ran.
    pub runs: Runs,
    /// The score of each classifier that ran fully, by name.
    pub classifiers: Vec<(String, f32)>,
    /// The marked area after each postprocessing step, in pixels of the output.
    pub areas: Vec<usize>,
    /// The postprocessing steps by name, as many as [`areas`](Self::areas) if they ran.
    pub steps: Arc<[String]>,
    /// The spacing of the mask's pixels, (row, column) in mm, if the file states one.
    pub spacing: Option<(f32, f32)>,
    /// The box that the crop stage found, if there is one.
    pub crop: Option<Region>,
}

/// The stage that decided on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// The classifier's gate: segmenters did not run.
    ClassifierGate,
    /// The segmenter's gate: postprocessing did not run.
    SegmenterGate,
    /// Postprocessing.
    Postprocess,
}

/// The numbers of members that ran on an image, over all their views or over as many as decided a gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Members of the classifier stage.
    pub classifiers: usize,
    /// Members of the segmentation stage.
    pub segmenters: usize,
}

/// Keys that the checksum of a line leaves out.
pub(crate) const UNCHECKED: [&str; 1] = ["file"];

/// One line of `--findings`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    file: Option<&'a str>,
    positive: bool,
    outcome: Outcome,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
    area: usize,
    size: Size,
    decision: Decision,
    score: Option<(f32, f32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibrated: Option<(f32, f32)>,
    agreement: Agreement,
    classifiers: std::collections::BTreeMap<&'a str, f32>,
    areas: &'a [usize],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    steps: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    spacing: Option<(f32, f32)>,
    runs: Runs,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a Origin>,
    rle: String,
}

impl Finding {
    /// What it says of the image: referred, or whether anything is marked.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::new(&self.reasons, self.mask.is_empty())
    }

    /// The finding as one line of JSON, its mask as [run lengths](rle), without its map.
    ///
    /// `file` is the image's source. A path that is not Unicode is left out: JSON cannot hold it. `run` is the value of
    /// [`Ensemble::origin`](crate::ensemble::Ensemble::origin). The line ends with a [checksum](checksum::of_json) of
    /// everything but `file`, since files may be moved.
    #[must_use]
    pub fn to_json(&self, file: Option<&Path>, run: Option<&Origin>) -> String {
        self.to_json_with(&rle::Runs::from(&self.mask), file, run)
    }

    /// As [`Finding::to_json`], where the mask's runs are already known.
    #[must_use]
    pub fn to_json_with(&self, runs: &rle::Runs, file: Option<&Path>, run: Option<&Origin>) -> String {
        let line = Line {
            id: &self.id,
            file: file.and_then(Path::to_str),
            positive: !runs.is_empty(),
            outcome: Outcome::new(&self.reasons, runs.is_empty()),
            reasons: &self.reasons,
            area: runs.area(),
            size: self.mask.size(),
            decision: self.decision,
            score: self.score,
            calibrated: self.calibrated,
            agreement: self.agreement,
            classifiers: self.classifiers.iter().map(|(name, score)| (name.as_str(), *score)).collect(),
            areas: &self.areas,
            steps: if self.areas.is_empty() { &[] } else { &self.steps },
            spacing: self.spacing,
            runs: self.runs,
            crop: self.crop,
            run,
            rle: runs.encode(),
        };
        // Numbers are finite and keys are text: serialization cannot fail.
        let text = serde_json::to_string(&line).unwrap_or_default();
        match (text.strip_suffix('}'), checksum::of_json(&text, &UNCHECKED)) {
            (Some(open), Some(check)) => format!("{open},\"{}\":\"{check}\"}}", checksum::KEY),
            _ => text,
        }
    }
}
