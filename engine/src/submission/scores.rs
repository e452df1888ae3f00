//! Scores a submission against the truth, image by image.

use std::collections::HashMap;
use std::path::Path;

use super::ids::Ids;
use super::{ImageScore, MaskRow, Rows, Runs, Score, Submission, SubmissionError};
use crate::Size;

/// The scores of a submission's images, and the images that cannot be scored.
#[derive(Debug, Clone)]
pub struct Scores<'a> {
    /// Each image that both have, in the truth's order.
    pub images: Vec<ImageScore<'a>>,
    /// The truth's images without a prediction.
    missing: Ids,
    /// The submission's images without a truth.
    extra: Vec<&'a str>,
}

impl Scores<'_> {
    /// The truth's images without a prediction.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = &str> {
        self.missing.iter()
    }

    /// The submission's images without a truth.
    pub fn extra(&self) -> impl ExactSizeIterator<Item = &str> {
        self.extra.iter().copied()
    }

    /// The score of all images; with `subset` the truth may have more than the submission.
    ///
    /// # Errors
    /// If the two differ in their images otherwise, or there are none.
    pub fn summary(&self, subset: bool) -> Result<Score, SubmissionError> {
        if !self.extra.is_empty() {
            return Err(SubmissionError::Extra { ids: self.extra().map(str::to_owned).collect() });
        }
        if !subset && self.missing.len() > 0 {
            return Err(SubmissionError::Missing { ids: self.missing().map(str::to_owned).collect() });
        }
        if self.images.is_empty() {
            return Err(SubmissionError::Nothing);
        }
        Ok(Score { unanswered: self.missing.len(), ..Score::from_images(&self.images) })
    }
}

impl Submission {
    /// Scores this submission against `truth`.
    ///
    /// # Errors
    /// If the two differ in their images or sizes, masks have no known size, or there are no images.
    pub fn score(&self, truth: &Submission) -> Result<Score, SubmissionError> {
        self.scores(truth)?.summary(false)
    }

    /// As [`score`](Self::score), with a truth that may have more images: only predicted ones are scored.
    ///
    /// # Errors
    /// As [`score`](Self::score), except for images without a prediction.
    pub fn score_subset(&self, truth: &Submission) -> Result<Score, SubmissionError> {
        self.scores(truth)?.summary(true)
    }

    /// Scores each image against `truth`.
    ///
    /// # Errors
    /// If the two differ in their sizes, or masks have no known size.
    pub fn scores(&self, truth: &Submission) -> Result<Scores<'_>, SubmissionError> {
        if self.size != truth.size {
            return Err(SubmissionError::Sizes {
                left: self.size.unwrap_or_default(),
                right: truth.size.unwrap_or_default(),
            });
        }
        self.size.ok_or(SubmissionError::Unsized)?;
        let mut scorer = Scorer::new(self);
        for (id, runs) in truth.iter() {
            if let Some(place) = scorer.place(id) {
                scorer.score(place, runs);
            }
        }
        Ok(scorer.finish())
    }

    /// Scores each image against the truth's file, in which several rows of an image are OR-ed. The truth is not kept:
    /// memory is needed for this submission, and for images whose rows do not follow each other, which take a second
    /// reading.
    ///
    /// # Errors
    /// If masks have no known size, or as [`read`](Self::read).
    pub fn scores_of_file(&self, truth: impl AsRef<Path>) -> Result<Scores<'_>, SubmissionError> {
        let (size, truth) = (self.size.ok_or(SubmissionError::Unsized)?, truth.as_ref());
        let mut scorer = Scorer::new(self);
        let mut rows = Rows::open(truth, size)?;
        let (mut current, mut scattered) = (None, HashMap::new());
        while let Some(row) = rows.next_mask() {
            let MaskRow { id, runs, .. } = row?;
            let Some(place) = scorer.place(&id) else { continue };
            let runs = match current.take() {
                Some((before, so_far)) if before == place => runs.union(&so_far),
                _ if scorer.is_scored(place) => {
                    scattered.insert(place, Runs::default());
                    runs
                }
                _ => runs,
            };
            scorer.score(place, &runs);
            current = Some((place, runs));
        }
        rows.log_remarks();
        scorer.score_scattered(truth, size, scattered)?;
        Ok(scorer.finish())
    }
}

/// Scores images as their truths arrive.
struct Scorer<'a> {
    submission: &'a Submission,
    images: Vec<ImageScore<'a>>,
    /// Where each of the submission's images is among these: from 1, or 0.
    scored: Vec<u32>,
    missing: Ids,
    /// The place of the image that is probably next.
    next: usize,
}

impl<'a> Scorer<'a> {
    fn new(submission: &'a Submission) -> Self {
        let scored = vec![0; submission.len()];
        Self { submission, images: Vec::new(), scored, missing: Ids::default(), next: 0 }
    }

    /// The submission's place of an image of the truth; one that it lacks is noted.
    fn place(&mut self, id: &str) -> Option<usize> {
        let place = self.submission.ids.find_near(id, self.next);
        match place {
            Some(place) => self.next = place + 1,
            None => _ = self.missing.insert(id),
        }
        place
    }

    fn is_scored(&self, place: usize) -> bool {
        self.scored[place] > 0
    }

    /// Scores an image, or replaces its score.
    fn score(&mut self, place: usize, truth: &Runs) {
        let predicted = &self.submission.masks[place];
        let image = ImageScore {
            id: self.submission.ids.name(place),
            dice: predicted.dice(truth),
            iou: predicted.iou(truth),
            truth_area: truth.area(),
            predicted_area: predicted.area(),
        };
        match self.scored[place] {
            0 => {
                self.images.push(image);
                self.scored[place] = self.images.len() as u32;
            }
            at => self.images[at as usize - 1] = image,
        }
    }

    /// Scores the images whose rows are scattered over the truth, once more and with all of them.
    fn score_scattered(
        &mut self,
        truth: &Path,
        size: Size,
        mut masks: HashMap<usize, Runs>,
    ) -> Result<(), SubmissionError> {
        if masks.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::open(truth, size)?;
        while let Some(row) = rows.next_mask() {
            let MaskRow { id, runs, .. } = row?;
            let place = self.submission.ids.find(&id);
            if let Some(so_far) = place.and_then(|place| masks.get_mut(&place)) {
                *so_far = so_far.union(&runs);
            }
        }
        masks.iter().for_each(|(&place, runs)| self.score(place, runs));
        Ok(())
    }

    fn finish(self) -> Scores<'a> {
        let unscored = self.scored.iter().enumerate().filter(|(_, scored)| **scored == 0);
        let extra = unscored.map(|(place, _)| self.submission.ids.name(place)).collect();
        Scores { images: self.images, missing: self.missing, extra }
    }
}
