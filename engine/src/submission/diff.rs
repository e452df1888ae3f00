//! Compares two submissions: which masks differ, and by how much.

use serde::Serialize;

use super::{Submission, SubmissionError};

/// An image whose mask changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The image.
    pub id: String,
    /// Marked pixels before.
    pub before: usize,
    /// Marked pixels after.
    pub after: usize,
    /// Dice's coefficient between the two, in 0..1.
    pub dice: f64,
}

/// The differences of two submissions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The number of images in both.
    pub common: usize,
    /// The images in both whose masks differ, in the order of the first submission.
    pub changed: Vec<Change>,
    /// Changed images that had no mask before.
    pub appeared: usize,
    /// Changed images that have no mask after.
    pub vanished: usize,
    /// Mean Dice between the two over the images in both, 1 if both masks are empty; `None` without such images.
    pub mean_dice: Option<f64>,
    /// Ids that only the first has.
    pub only_before: Vec<String>,
    /// Ids that only the second has.
    pub only_after: Vec<String>,
}

impl Diff {
    /// Whether both have the same images with the same masks, in any order.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.only_before.is_empty() && self.only_after.is_empty()
    }
}

impl Submission {
    /// The differences from this submission to `after`.
    ///
    /// # Errors
    /// If their masks differ in size.
    pub fn diff(&self, after: &Submission) -> Result<Diff, SubmissionError> {
        if self.size != after.size {
            return Err(SubmissionError::Sizes {
                left: self.size.unwrap_or_default(),
                right: after.size.unwrap_or_default(),
            });
        }
        let pairs: Vec<_> = self.iter().filter_map(|(id, runs)| Some((id, runs, after.runs(id)?))).collect();
        let changed: Vec<_> = pairs
            .iter()
            .filter(|(_, before, after)| before != after)
            .map(|(id, before, after)| Change {
                id: (*id).to_owned(),
                before: before.area(),
                after: after.area(),
                dice: before.dice(after),
            })
            .collect();
        let unchanged = (pairs.len() - changed.len()) as f64;
        let dice = unchanged + changed.iter().map(|change| change.dice).sum::<f64>();
        Ok(Diff {
            common: pairs.len(),
            appeared: changed.iter().filter(|change| change.before == 0).count(),
            vanished: changed.iter().filter(|change| change.after == 0).count(),
            mean_dice: (!pairs.is_empty()).then(|| dice / pairs.len() as f64),
            changed,
            only_before: self.ids().filter(|id| !after.contains(id)).map(str::to_owned).collect(),
            only_after: after.ids().filter(|id| !self.contains(id)).map(str::to_owned).collect(),
        })
    }
}
