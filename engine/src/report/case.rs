//! One image of a report.

use std::cmp::Reverse;

use sha2::{Digest, Sha256};

use crate::Size;
use crate::digest::hex;
use crate::ensemble::Decision;
use crate::submission::Runs;

/// One image, as the report shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The id to show: the image's own, or a [hashed](hash_id) one.
    pub id: String,
    /// Size of the masks.
    pub size: Size,
    /// The radiograph, made small.
    pub picture: Picture,
    /// What was predicted.
    pub predicted: Runs,
    /// What is there; `None` where it is not known.
    pub truth: Option<Runs>,
    /// Bounds of the classifier stage's score, in 0..=1, as in [`Finding`](crate::ensemble::Finding::score).
    pub score: Option<(f32, f32)>,
    /// Which stage had the last word.
    pub decision: Decision,
    /// The marked area after each postprocessing step, in pixels.
    pub areas: Vec<usize>,
}

/// A case's radiograph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Picture {
    /// None was asked for: the default.
    #[default]
    LeftOut,
    /// There was no file that could be read; the page says so.
    Unreadable,
    /// A small grey picture of the whole image.
    Jpeg {
        /// The file's bytes.
        bytes: Vec<u8>,
        /// Height and width in pixels.
        size: Size,
    },
}

/// What became of a case that has a truth, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A mask in truth, and one predicted that overlaps it.
    TruePositive,
    /// A mask in truth, and one predicted that has no pixel of it: found elsewhere.
    FoundElsewhere,
    /// None in truth, one predicted.
    FalsePositive,
    /// One in truth, none predicted.
    FalseNegative,
    /// None in truth, none predicted.
    TrueNegative,
}

impl Case {
    /// Dice's coefficient, in 0..=1, 1 where both masks are empty; `None` without a truth.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        self.truth.as_ref().map(|truth| self.predicted.dice(truth))
    }

    /// What became of the case; `None` without a truth.
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

    /// The score, where it is known exactly and not only by its bounds.
    #[must_use]
    pub fn exact_score(&self) -> Option<f64> {
        self.score.filter(|(low, high)| low == high).map(|(score, _)| f64::from(score))
    }

    /// The larger of the two areas, in pixels.
    pub(super) fn area(&self) -> usize {
        self.truth.as_ref().map_or(0, Runs::area).max(self.predicted.area())
    }
}

/// Puts the worst first: by Dice, and of one Dice the largest first. Cases without a truth come last.
pub fn worst_first(cases: &mut [Case]) {
    // Dice lies in 0..=1, and numbers that are not negative are in the order of their bits.
    cases.sort_by_cached_key(|case| (case.dice().unwrap_or(2.0).to_bits(), Reverse(case.area())));
}

/// An id that only who knows the salt can tell to be that of an image: the first 12 hexadecimal digits of the SHA-256
/// of salt and id.
#[must_use]
pub fn hash_id(id: &str, salt: &[u8]) -> String {
    let mut hasher = Sha256::new();
    // the salt's length, so that no part of the id can pass for the salt's end
    hasher.update((salt.len() as u64).to_le_bytes());
    hasher.update(salt);
    hasher.update(id);
    hex(&hasher.finalize()[..6])
}
