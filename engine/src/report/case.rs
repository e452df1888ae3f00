//! One image of a report.

use std::cmp::Reverse;

use sha2::{Digest, Sha256};

use super::Group;
use crate::Size;
use crate::digest::hex;
use crate::ensemble::{Agreement, Decision};
use crate::submission::Runs;

/// One image of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The displayed id: the image's own, or a [hashed](hash_id) one.
    pub id: String,
    /// Size of the masks.
    pub size: Size,
    /// The radiograph, reduced.
    pub picture: Picture,
    /// The predicted mask.
    pub predicted: Runs,
    /// The true mask, if known.
    pub truth: Option<Runs>,
    /// Bounds of the classifier stage's score, in 0..=1, as in [`Finding`](crate::ensemble::Finding::score).
    pub score: Option<(f32, f32)>,
    /// The stage that decided.
    pub decision: Decision,
    /// The marked area after each postprocessing step, in pixels.
    pub areas: Vec<usize>,
    /// The names of these steps; may be fewer, in findings of older versions.
    pub steps: Vec<String>,
    /// The spacing of the mask's pixels, (row, column) in mm, if known.
    pub spacing: Option<(f32, f32)>,
    /// What its file and its map add.
    pub detail: Detail,
    /// What the finding says of itself.
    pub said: Said,
    /// The groups that it belongs to, by kind.
    pub groups: Vec<Group>,
}

/// How far a finding can be trusted, by what it says itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Bounds of the calibrated probability, as in [`Finding`](crate::ensemble::Finding::calibrated).
    pub calibrated: Option<(f32, f32)>,
    /// How far the members agree.
    pub agreement: Agreement,
    /// Why people should read the image first; empty if it is not referred.
    pub reasons: Vec<String>,
}

/// What is read from a case's files for its enlarged picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// The patient's sides at the picture's left and right edge, if the file states them.
    pub sides: Option<[char; 2]>,
    /// Whether the spacing is that at the detector, not in the patient.
    pub at_detector: bool,
    /// The merged map of probabilities, reduced: a grey PNG file, 255 being 1.
    pub map: Option<Vec<u8>>,
}

/// A case's radiograph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Picture {
    /// Not requested: the default.
    #[default]
    LeftOut,
    /// There was no readable file; the page says so.
    Unreadable,
    /// A small grey picture of the whole image.
    Jpeg {
        /// The file's bytes.
        bytes: Vec<u8>,
        /// Height and width in pixels.
        size: Size,
    },
}

/// The image-level outcome of a case with a truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Both masks are non-empty, and they overlap.
    TruePositive,
    /// Both masks are non-empty, but they do not overlap.
    FoundElsewhere,
    /// The true mask is empty, the predicted one is not.
    FalsePositive,
    /// The predicted mask is empty, the true one is not.
    FalseNegative,
    /// Both masks are empty.
    TrueNegative,
}

/// Decisions that are wrong for the image as a whole.
pub(super) const MISSED: [Outcome; 3] = [Outcome::FalsePositive, Outcome::FalseNegative, Outcome::FoundElsewhere];

impl Case {
    /// Dice's coefficient, in 0..=1, 1 if both masks are empty; `None` without a truth.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        self.truth.as_ref().map(|truth| self.predicted.dice(truth))
    }

    /// The image-level outcome; `None` without a truth.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.truth.as_ref().map(|truth| match (truth.is_empty(), self.predicted.is_empty()) {
            (false, false) if self.predicted.dice(truth) > 0.0 => Outcome::TruePositive,
            (false, false) => Outcome::FoundElsewhere,
            (true, false) => Outcome::FalsePositive,
            (false, true) => Outcome::FalseNegative,
            (true, true) => Outcome::TrueNegative,
        })
    }

    /// The score, if it is exact, not only bounded.
    #[must_use]
    pub fn exact_score(&self) -> Option<f64> {
        exact(self.score)
    }

    /// The calibrated probability, if it is exact, not only bounded.
    #[must_use]
    pub fn exact_calibrated(&self) -> Option<f64> {
        exact(self.said.calibrated)
    }

    /// Whether people should read the image first.
    #[must_use]
    pub fn is_referred(&self) -> bool {
        !self.said.reasons.is_empty()
    }

    /// The larger of the two areas, in pixels.
    pub(super) fn area(&self) -> usize {
        self.truth.as_ref().map_or(0, Runs::area).max(self.predicted.area())
    }
}

fn exact(bounds: Option<(f32, f32)>) -> Option<f64> {
    bounds.filter(|(low, high)| low == high).map(|(value, _)| f64::from(value))
}

/// Sorts the worst first: by Dice, and for equal Dice the largest first. Cases without a truth come last.
pub fn worst_first(cases: &mut [Case]) {
    // Dice is in 0..=1, and non-negative numbers sort like their bits.
    cases.sort_by_cached_key(|case| (case.dice().unwrap_or(2.0).to_bits(), Reverse(case.area())));
}

/// A hashed id, which can be traced to its image only with the salt: the first 12 hexadecimal digits of the SHA-256 of
/// salt and id.
#[must_use]
pub fn hash_id(id: &str, salt: &[u8]) -> String {
    let mut hasher = Sha256::new();
    // the salt's length, so that a part of the id cannot be taken for the end of the salt
    hasher.update((salt.len() as u64).to_le_bytes());
    hasher.update(salt);
    hasher.update(id);
    hex(&hasher.finalize()[..6])
}
