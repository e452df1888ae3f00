//! Reliability of probabilities: whether four in five of the images with a score of 0.8 are positive.

use crate::proportion::wilson;

/// The number of equally wide bins of scores.
const BINS: usize = 10;

/// How well scores work as probabilities.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reliability {
    /// The bins, the lowest first, including empty ones.
    pub(crate) bins: Vec<Bin>,
    /// Expected calibration error: the bins' distances from the diagonal, weighted by their numbers of images.
    pub(crate) ece: f64,
    /// The Brier score: the mean squared difference of score and truth.
    pub(crate) brier: f64,
}

/// A bin of images with similar scores.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bin {
    pub(crate) images: usize,
    pub(crate) positives: usize,
    scores: f64,
}

impl Bin {
    /// The mean score, 0..=1.
    pub(crate) fn score(&self) -> f64 {
        self.scores / self.images as f64
    }

    /// The share of images whose true mask is not empty.
    pub(crate) fn share(&self) -> f64 {
        self.positives as f64 / self.images as f64
    }

    /// Wilson's 95 % interval of the share.
    pub(crate) fn interval(&self) -> (f64, f64) {
        wilson(self.positives, self.images)
    }
}

impl Reliability {
    /// The reliability of images as (score in 0..=1, true mask is not empty); `None` without any.
    pub(crate) fn new(images: &[(f64, bool)]) -> Option<Self> {
        let mut bins = vec![Bin::default(); BINS];
        let mut squares = 0.0;
        for &(score, positive) in images {
            // 1 belongs to the last bin
            let bin = &mut bins[((score * BINS as f64) as usize).min(BINS - 1)];
            bin.images += 1;
            bin.positives += usize::from(positive);
            bin.scores += score;
            squares += (score - f64::from(u8::from(positive))).powi(2);
        }
        let count = images.len() as f64;
        let filled = bins.iter().filter(|bin| bin.images > 0);
        let ece = filled.map(|bin| bin.images as f64 * (bin.score() - bin.share()).abs()).sum::<f64>() / count;
        (!images.is_empty()).then(|| Self { bins, ece, brier: squares / count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_as_worked_out_by_hand() {
        let images = [(0.05, false), (0.15, true), (0.15, false), (0.95, true), (1.0, true), (0.0, false)];
        let found = Reliability::new(&images).unwrap();
        // bins: 2 images at 0.025 with 0; 2 at 0.15 with 1/2; 2 at 0.975 with 1
        assert!((found.ece - (2.0 * 0.025 + 2.0 * 0.35 + 2.0 * 0.025) / 6.0).abs() < 1e-12, "{}", found.ece);
        let squares = 0.05_f64.powi(2) + 0.85_f64.powi(2) + 0.15_f64.powi(2) + 0.05_f64.powi(2);
        assert!((found.brier - squares / 6.0).abs() < 1e-12, "{}", found.brier);
        assert_eq!(found.bins.iter().map(|bin| bin.images).collect::<Vec<_>>(), [2, 2, 0, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn certain_and_right_is_perfect() {
        let found = Reliability::new(&[(1.0, true), (0.0, false)]).unwrap();
        assert_eq!((found.ece, found.brier), (0.0, 0.0));
        assert_eq!(Reliability::new(&[]), None);
    }
}
