//! Bootstrap intervals: how much a statistic would vary over other samples of as many images.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The number of resamples.
pub(super) const RESAMPLES: usize = 2000;
/// A fixed seed, so that the same images give the same intervals.
const SEED: u64 = 1;
/// The largest difference between sums of equal values in different orders.
const ROUNDING: f64 = 1e-9;

/// 95 % percentile intervals of `N` statistics over the same resamples of `images` images, drawn with replacement.
///
/// `statistics` receives how often each image was drawn. A statistic may be undefined in some resamples (no positive
/// image was drawn): these are left out, and if they are more than half there is no interval. There is none either if a
/// statistic is the same in all of them: images of equal value say nothing about the variation over other samples.
pub(super) fn intervals<const N: usize>(
    images: usize,
    statistics: impl Fn(&[f64]) -> [Option<f64>; N],
) -> [Option<(f64, f64)>; N] {
    if images == 0 {
        return [None; N];
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = [const { Vec::new() }; N];
    for _ in 0..RESAMPLES {
        let mut counts = vec![0.0; images];
        (0..images).for_each(|_| counts[random.random_range(0..images)] += 1.0);
        drawn.iter_mut().zip(statistics(&counts)).for_each(|(values, value)| values.extend(value));
    }
    drawn.map(|mut values| {
        values.sort_by(f64::total_cmp);
        let moves = values.last().zip(values.first()).is_some_and(|(most, least)| most - least > ROUNDING);
        (moves && values.len() > RESAMPLES / 2).then(|| (quantile(&values, 0.025), quantile(&values, 0.975)))
    })
}

/// A quantile of sorted values, with linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    below + (sorted[place.ceil() as usize] - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64], counts: &[f64]) -> Option<f64> {
        Some(values.iter().zip(counts).map(|(value, count)| value * count).sum::<f64>() / counts.iter().sum::<f64>())
    }

    #[test]
    fn what_cannot_move_has_no_interval() {
        assert_eq!(intervals(7, |counts| [mean(&[0.7; 7], counts)]), [None]);
        assert_eq!(intervals(1, |counts| [mean(&[0.5], counts)]), [None]);
    }

    #[test]
    fn the_interval_of_a_share_is_the_binomials() {
        // 30 of 100: binomial quantiles 0.025 and 0.975 of (100, 0.3) are 21 and 39
        let values: Vec<_> = (0..100).map(|image| f64::from(u8::from(image < 30))).collect();
        let [Some((low, high))] = intervals(100, |counts| [mean(&values, counts)]) else { panic!("no interval") };
        assert!((low - 0.21).abs() <= 0.011 && (high - 0.39).abs() <= 0.011, "{low} {high}");
    }

    #[test]
    fn what_is_mostly_undefined_has_no_interval() {
        let first_often = |counts: &[f64]| (counts[0] >= 3.0).then_some(1.0);
        let [rarely, always] = intervals(9, |counts| [first_often(counts), Some(counts[0])]);
        assert!(rarely.is_none() && always.is_some_and(|(low, high)| low < high));
        assert_eq!(intervals(0, |_| [Some(1.0)]), [None]);
    }

    #[test]
    fn every_resample_has_as_many_images() {
        let sums = std::cell::RefCell::new(Vec::new());
        intervals(13, |counts| {
            sums.borrow_mut().push(counts.iter().sum::<f64>());
            [None]
        });
        assert_eq!(sums.into_inner(), [13.0; RESAMPLES]);
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0, 0.025, 0.5, 0.975, 1])
        let values = [1.0, 2.0, 4.0, 8.0];
        let found = [0.0, 0.025, 0.5, 0.975, 1.0].map(|share| quantile(&values, share));
        for (found, expected) in found.into_iter().zip([1.0, 1.075, 3.0, 7.7, 8.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
