//! The competition's metric.

use serde::Serialize;

use crate::proportion::wilson;

/// The score of one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ImageScore<'a> {
    /// The image.
    pub id: &'a str,
    /// Dice's coefficient, in 0..=1; 1 if truth and prediction are both empty.
    pub dice: f64,
    /// Intersection over union, in 0..=1; 1 if truth and prediction are both empty.
    pub iou: f64,
    /// Marked pixels of the truth.
    pub truth_area: usize,
    /// Marked pixels of the prediction.
    pub predicted_area: usize,
}

/// The score of a submission; means are over images. A value is `null` in JSON if there are no images for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The number of scored images.
    pub images: usize,
    /// The truth's images without a prediction, which are not scored.
    pub unanswered: usize,
    /// Images whose true mask is not empty.
    pub positives: usize,
    /// The competition's metric.
    pub mean_dice: f64,
    /// Mean intersection over union.
    pub mean_iou: f64,
    /// Mean Dice of the images whose true mask is not empty.
    pub mean_dice_positives: Option<f64>,
    /// Mean intersection over union of the images whose true mask is not empty.
    pub mean_iou_positives: Option<f64>,
    /// The share of images with a non-empty true mask whose prediction overlaps it.
    pub sensitivity: Option<f64>,
    /// Wilson's 95 % interval of the sensitivity.
    pub sensitivity_interval: Option<(f64, f64)>,
    /// The share of images with an empty true mask whose prediction is empty.
    pub specificity: Option<f64>,
    /// Wilson's 95 % interval of the specificity.
    pub specificity_interval: Option<(f64, f64)>,
    /// Images whose true and predicted masks overlap.
    pub true_positives: usize,
    /// Images whose true and predicted masks are both non-empty, but do not overlap.
    pub found_elsewhere: usize,
    /// Images with an empty true mask and a non-empty prediction.
    pub false_positives: usize,
    /// Images whose true and predicted masks are both empty.
    pub true_negatives: usize,
    /// Images with a non-empty true mask and an empty prediction.
    pub false_negatives: usize,
}

impl Score {
    pub(super) fn from_images(each: &[ImageScore<'_>]) -> Self {
        let (mut counts, mut found_elsewhere) = ([[0; 2]; 2], 0);
        for image in each {
            counts[usize::from(image.truth_area > 0)][usize::from(image.predicted_area > 0)] += 1;
            let both = image.truth_area > 0 && image.predicted_area > 0;
            found_elsewhere += usize::from(both && image.dice == 0.0);
        }
        let [[true_negatives, false_positives], [false_negatives, marked]] = counts;
        let (positives, negatives) = (false_negatives + marked, true_negatives + false_positives);
        let true_positives = marked - found_elsewhere;
        let positive = || each.iter().filter(|image| image.truth_area > 0);
        Self {
            images: each.len(),
            unanswered: 0,
            positives,
            mean_dice: mean(each.iter().map(|image| image.dice)).unwrap_or(f64::NAN),
            mean_iou: mean(each.iter().map(|image| image.iou)).unwrap_or(f64::NAN),
            mean_dice_positives: mean(positive().map(|image| image.dice)),
            mean_iou_positives: mean(positive().map(|image| image.iou)),
            sensitivity: share(true_positives, positives),
            sensitivity_interval: (positives > 0).then(|| wilson(true_positives, positives)),
            specificity: share(true_negatives, negatives),
            specificity_interval: (negatives > 0).then(|| wilson(true_negatives, negatives)),
            true_positives,
            found_elsewhere,
            false_positives,
            true_negatives,
            false_negatives,
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
