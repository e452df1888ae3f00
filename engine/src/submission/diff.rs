//! Compares two submissions: which masks differ, and by how much.

use std::path::Path;

use serde::Serialize;

use super::ids::Ids;
use super::{MaskRow, Rows, Runs, Submission, SubmissionError, twice};

/// An image whose mask changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change<'a> {
    /// The image.
    pub id: &'a str,
    /// Marked pixels before.
    pub before: usize,
    /// Marked pixels after.
    pub after: usize,
    /// Dice's coefficient between the two, in 0..1.
    pub dice: f64,
}

/// The differences of two submissions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff<'a> {
    /// The number of images in both.
    pub common: usize,
    /// The images in both whose masks differ, in the order of the first submission.
    pub changed: Vec<Change<'a>>,
    /// Changed images that had no mask before.
    pub appeared: usize,
    /// Changed images that have no mask after.
    pub vanished: usize,
    /// Mean Dice between the two over the images in both, 1 if both masks are empty; `None` without such images.
    pub mean_dice: Option<f64>,
    /// Ids that only the first has.
    pub only_before: Vec<&'a str>,
    /// Ids that only the second has.
    pub only_after: Vec<String>,
}

impl Diff<'_> {
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
    pub fn diff(&self, after: &Submission) -> Result<Diff<'_>, SubmissionError> {
        if self.size != after.size {
            return Err(SubmissionError::Sizes {
                left: self.size.unwrap_or_default(),
                right: after.size.unwrap_or_default(),
            });
        }
        let mut differ = Differ::new(self);
        after.iter().for_each(|(id, runs)| _ = differ.compare(id, runs));
        Ok(differ.finish())
    }

    /// The differences from this submission to that of a file, which is not kept.
    ///
    /// # Errors
    /// If masks have no known size, or as [`read_single`](Self::read_single).
    pub fn diff_file(&self, after: impl AsRef<Path>) -> Result<Diff<'_>, SubmissionError> {
        let (size, after) = (self.size.ok_or(SubmissionError::Unsized)?, after.as_ref());
        let mut differ = Differ::new(self);
        let mut rows = Rows::open(after, size)?;
        while let Some(row) = rows.next_mask() {
            let MaskRow { line, id, runs } = row?;
            if !differ.compare(&id, &runs) {
                return Err(twice(after, size, &id, line));
            }
        }
        rows.log_remarks();
        Ok(differ.finish())
    }
}

/// Compares masks as those of the second submission arrive.
struct Differ<'a> {
    before: &'a Submission,
    /// Changes with the place of their image.
    changed: Vec<(usize, Change<'a>)>,
    /// Which of the first's images the second has.
    seen: Vec<bool>,
    only_after: Ids,
    /// The place of the image that is probably next.
    next: usize,
}

impl<'a> Differ<'a> {
    fn new(before: &'a Submission) -> Self {
        let seen = vec![false; before.len()];
        Self { before, changed: Vec::new(), seen, only_after: Ids::default(), next: 0 }
    }

    /// Compares an image; returns whether it came for the first time.
    fn compare(&mut self, id: &str, after: &Runs) -> bool {
        let Some(place) = self.before.ids.find_near(id, self.next) else { return self.only_after.insert(id).1 };
        self.next = place + 1;
        if std::mem::replace(&mut self.seen[place], true) {
            return false;
        }
        let before = &self.before.masks[place];
        if before != after {
            let id = self.before.ids.name(place);
            let (areas, dice) = ((before.area(), after.area()), before.dice(after));
            self.changed.push((place, Change { id, before: areas.0, after: areas.1, dice }));
        }
        true
    }

    fn finish(mut self) -> Diff<'a> {
        self.changed.sort_unstable_by_key(|(place, _)| *place);
        let changed: Vec<_> = self.changed.into_iter().map(|(_, change)| change).collect();
        let common = self.seen.iter().filter(|seen| **seen).count();
        let dice = (common - changed.len()) as f64 + changed.iter().map(|change| change.dice).sum::<f64>();
        let unseen = self.before.ids().zip(&self.seen).filter(|(_, seen)| !**seen);
        Diff {
            common,
            appeared: changed.iter().filter(|change| change.before == 0).count(),
            vanished: changed.iter().filter(|change| change.after == 0).count(),
            mean_dice: (common > 0).then(|| dice / common as f64),
            changed,
            only_before: unseen.map(|(id, _)| id).collect(),
            only_after: self.only_after.iter().map(str::to_owned).collect(),
        }
    }
}
