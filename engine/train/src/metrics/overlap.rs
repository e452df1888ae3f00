//! Dice's coefficient, as the competition counted it.

use ndarray::ArrayView2;
use pleura::Mask;
use pleura::submission::Runs;

/// A pixel is marked, and an image is predicted positive, if its probability is strictly above this.
pub const ABOVE: f32 = 0.5;

/// Marks the pixels of a map of probabilities, (height, width), that are strictly above a threshold.
#[must_use]
pub fn mark(probabilities: ArrayView2<'_, f32>, above: f32) -> Mask {
    Mask::from(probabilities.mapv(|p| p > above))
}

/// Dice's coefficient of an image, in 0..=1; 1 if truth and prediction are both empty.
///
/// # Panics
/// If the two differ in size.
#[must_use]
pub fn dice(predicted: &Mask, truth: &Mask) -> f64 {
    assert_eq!(predicted.size(), truth.size(), "masks of two sizes do not overlap");
    Runs::from(predicted).dice(&Runs::from(truth))
}

/// The intersection over union of two masks, from their Dice.
#[must_use]
pub fn iou(dice: f64) -> f64 {
    dice / (2.0 - dice)
}

/// The mean of images' Dice, and of their intersections over unions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dices {
    all: Mean,
    positives: Mean,
    ious: Mean,
}

impl Dices {
    /// Adds the Dice of an image, and whether its true mask is not empty.
    pub fn add(&mut self, dice: f64, positive: bool) {
        self.all.add(dice);
        self.ious.add(iou(dice));
        if positive {
            self.positives.add(dice);
        }
    }

    /// Mean over all images: the competition's metric.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.all.get()
    }

    /// Mean intersection over union of all images; 1 if truth and prediction are both empty.
    #[must_use]
    pub fn mean_iou(&self) -> Option<f64> {
        self.ious.get()
    }

    /// Mean over the images with a non-empty true mask.
    #[must_use]
    pub fn mean_of_positives(&self) -> Option<f64> {
        self.positives.get()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn get(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr2};
    use pleura::Size;
    use pleura::submission::Submission;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        let cases = [
            ("both empty", [[0., 0.], [0., 0.]], [[0., 0.], [0., 0.]], 1.0),
            ("a half is not above a half", [[0.5, 0.5], [0.5, 0.5]], [[0., 0.], [0., 0.]], 1.0),
            ("nothing found", [[0.4, 0.], [0., 0.]], [[1., 0.], [0., 0.]], 0.0),
            ("something found where nothing is", [[0.6, 0.], [0., 0.]], [[0., 0.], [0., 0.]], 0.0),
            ("the same", [[0.6, 0.], [0., 1.]], [[1., 0.], [0., 1.]], 1.0),
            ("one of two, and one more", [[0.6, 0.9], [0., 0.]], [[1., 0.], [0., 1.]], 0.5),
            ("no numbers mark nothing", [[f32::NAN, 0.], [0., 0.]], [[0., 0.], [0., 0.]], 1.0),
        ];
        for (name, probabilities, truth, expected) in cases {
            let found = dice(&mark(arr2(&probabilities).view(), ABOVE), &mark(arr2(&truth).view(), ABOVE));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn no_images_no_mean() {
        let mut dices = Dices::default();
        assert_eq!((dices.mean(), dices.mean_of_positives()), (None, None));
        dices.add(1.0, false);
        assert_eq!((dices.mean(), dices.mean_of_positives()), (Some(1.0), None));
        dices.add(0.25, true);
        dices.add(0.75, true);
        assert_eq!((dices.mean(), dices.mean_of_positives()), (Some(2.0 / 3.0), Some(0.5)));
        // a Dice of 1/4 is 1 of 7 pixels, one of 3/4 is 3 of 5
        assert!((dices.mean_iou().unwrap() - (1.0 + 1.0 / 7.0 + 0.6) / 3.0).abs() < 1e-15);
    }

    proptest! {
        /// Means equal those that `pleura score` prints for the same masks.
        #[test]
        fn means_are_the_engine_s(images in prop::collection::vec(prop::array::uniform12(0..4_u8), 1..8)) {
            let size = Size::new(2, 3);
            let mask = |bit: u8, pixels: &[u8; 12]| {
                let from = usize::from(bit) * 6;
                mark(Array2::from_shape_fn(size, |(y, x)| f32::from(pixels[from + y * 3 + x] / 3)).view(), ABOVE)
            };
            let (mut predicted, mut truth) = (Submission::new(size), Submission::new(size));
            let mut dices = Dices::default();
            for (i, pixels) in images.iter().enumerate() {
                let (p, t) = (mask(0, pixels), mask(1, pixels));
                dices.add(dice(&p, &t), !t.is_empty());
                predicted.insert(i.to_string(), &p).unwrap();
                truth.insert(i.to_string(), &t).unwrap();
            }
            let score = predicted.score(&truth).unwrap();
            prop_assert_eq!(dices.mean(), Some(score.mean_dice));
            prop_assert_eq!(dices.mean_of_positives(), score.mean_dice_positives);
        }
    }
}
