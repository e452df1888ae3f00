//! Compares a variant's masks and scores with the original's, and both with the truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::OptimizeError;
use crate::chain;
use crate::ensemble::{Finding, ImageError};
use crate::submission::Submission;

/// An ensemble's results for images.
pub struct Answers {
    masks: Submission,
    scores: HashMap<String, f32>,
    /// Files without a result, with the reason.
    pub failed: Vec<(PathBuf, String)>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { masks: Submission::any_size(), scores: HashMap::new(), failed: Vec::new() }
    }
}

/// A variant compared with its original, on images that both predict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The number of images that both predict.
    pub images: usize,
    /// Images that only the original predicts, with the reason.
    pub failed: Vec<(PathBuf, String)>,
    /// Mean Dice of the variant's masks against the original's; 1 if both are empty.
    pub mean_dice: Option<f64>,
    /// The lowest Dice, and its image, if any mask changed.
    pub lowest: Option<(String, f64)>,
    /// The number of masks that changed.
    pub changed: usize,
    /// The number of masks that became empty.
    pub emptied: usize,
    /// The number of masks that are no longer empty.
    pub filled: usize,
    /// The largest change of the classifier stage's score, and its image.
    pub score_change: Option<(String, f32)>,
    /// Both compared with the truth, if known.
    pub truth: Option<Truth>,
}

/// Two ensembles compared with the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Truth {
    /// Mean Dice of the original.
    pub before: f64,
    /// Mean Dice of the variant.
    pub after: f64,
}

impl Answers {
    /// Adds an ensemble's result for a file.
    ///
    /// # Errors
    /// If the image's id is empty.
    pub fn take(&mut self, file: &Path, found: Result<&Finding, &ImageError>) -> Result<(), OptimizeError> {
        match found {
            Ok(finding) if self.masks.contains(&finding.id) => {
                self.failed.push((file.into(), format!("its id `{}` belongs to another image already", finding.id)));
            }
            Ok(finding) => {
                self.masks.insert(finding.id.clone(), &finding.mask)?;
                self.scores.extend(finding.score.map(|(low, high)| (finding.id.clone(), f32::midpoint(low, high))));
            }
            Err(error) => self.failed.push((file.into(), chain(error))),
        }
        Ok(())
    }

    /// The masks.
    #[must_use]
    pub fn masks(&self) -> &Submission {
        &self.masks
    }
}

/// Compares a variant's results with the original's, which may cover more images; an image that the original did not
/// predict either does not count against the variant.
///
/// # Errors
/// If masks and the truth differ in size.
pub fn compare(before: &Answers, after: &Answers, truth: Option<&Submission>) -> Result<Comparison, OptimizeError> {
    let diff = before.masks.diff(&after.masks)?;
    let lowest = diff.changed.iter().min_by(|a, b| a.dice.total_cmp(&b.dice));
    let change = |(id, score): (&String, &f32)| Some((id.clone(), (score - before.scores.get(id)?).abs()));
    let changes = after.scores.iter().filter_map(change);
    Ok(Comparison {
        images: diff.common,
        failed: after
            .failed
            .iter()
            .filter(|(file, _)| before.failed.iter().all(|(it, _)| it != file))
            .cloned()
            .collect(),
        mean_dice: diff.mean_dice,
        lowest: lowest.map(|change| (change.id.to_owned(), change.dice)),
        changed: diff.changed.len(),
        emptied: diff.vanished,
        filled: diff.appeared,
        score_change: changes.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0))),
        truth: truth.and_then(|truth| scored(before, after, truth)),
    })
}

/// Mean Dice of both against the truth, on the images that both predict.
fn scored(before: &Answers, after: &Answers, truth: &Submission) -> Option<Truth> {
    let both = after.masks.iter().filter_map(|(id, runs)| Some((truth.runs(id)?, before.masks.runs(id)?, runs)));
    let (mut images, mut sums) = (0, (0.0, 0.0));
    for (truth, before, after) in both {
        images += 1;
        sums.0 += before.dice(truth);
        sums.1 += after.dice(truth);
    }
    let count = f64::from(images);
    (images > 0).then(|| Truth { before: sums.0 / count, after: sums.1 / count })
}
