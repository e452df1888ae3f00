//! What the engine finds in one radiograph.

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::ensemble::origin::Origin;
use crate::ensemble::task::Region;
use crate::submission::rle;
use crate::{Mask, Size, checksum};

/// What the engine finds in one radiograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The id that the image has in a submission.
    pub id: String,
    /// Where: (height, width) of the ensemble's output.
    pub mask: Mask,
    /// Which stage had the last word.
    pub decision: Decision,
    /// Bounds of the classifier stage's score, in 0..=1: equal where every member ran, apart where exact early exit
    /// made the rest unnecessary; `None` without a classifier stage, or where its members give no scores.
    pub score: Option<(f32, f32)>,
    /// The merged probability map, (height, width) of the output; `None` for images that never had one, and wherever
    /// [`Options::keep_maps`](crate::ensemble::Options::keep_maps) was not asked for.
    pub map: Option<Array2<f32>>,
    /// What ran.
    pub runs: Runs,
    /// Each classifier's score, by name, as far as they ran to their end.
    pub classifiers: Vec<(String, f32)>,
    /// The marked area after each postprocessing step, in pixels of the output.
    pub areas: Vec<usize>,
    /// The part of the radiograph that the crop stage found, if there is one.
    pub crop: Option<Region>,
}

/// Which stage had the last word on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// The classifier's gate: segmenters never ran.
    ClassifierGate,
    /// The segmenter's gate: postprocessing never ran.
    SegmenterGate,
    /// Postprocessing.
    Postprocess,
}

/// How many members ran on an image: over all their views, or as many as settled a gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Of the classifier stage.
    pub classifiers: usize,
    /// Of the segmentation stage.
    pub segmenters: usize,
}

/// What the checksum of a line leaves out.
pub(crate) const UNCHECKED: [&str; 1] = ["file"];

/// One line of `--findings`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    file: Option<&'a str>,
    positive: bool,
    area: usize,
    size: Size,
    decision: Decision,
    score: Option<(f32, f32)>,
    classifiers: std::collections::BTreeMap<&'a str, f32>,
    areas: &'a [usize],
    runs: Runs,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a Origin>,
    rle: String,
}

impl Finding {
    /// The finding as one line of JSON, its mask as [run lengths](rle), without its map.
    ///
    /// `file` is where the image came from. A path that is not Unicode is left out: JSON cannot hold it. `run` is what
    /// [`Ensemble::origin`](crate::ensemble::Ensemble::origin) gives. The line ends with a [checksum](checksum::of_json) of all
    /// but `file`, since files may be moved.
    #[must_use]
    pub fn to_json(&self, file: Option<&Path>, run: Option<&Origin>) -> String {
        let line = Line {
            id: &self.id,
            file: file.and_then(Path::to_str),
            positive: !self.mask.is_empty(),
            area: self.mask.area(),
            size: self.mask.size(),
            decision: self.decision,
            score: self.score,
            classifiers: self.classifiers.iter().map(|(name, score)| (name.as_str(), *score)).collect(),
            areas: &self.areas,
            runs: self.runs,
            crop: self.crop,
            run,
            rle: rle::encode(&self.mask),
        };
        // Numbers are finite and keys are text: nothing in a line can fail to serialize.
        let text = serde_json::to_string(&line).unwrap_or_default();
        match (text.strip_suffix('}'), checksum::of_json(&text, &UNCHECKED)) {
            (Some(open), Some(check)) => format!("{open},\"{}\":\"{check}\"}}", checksum::KEY),
            _ => text,
        }
    }
}
