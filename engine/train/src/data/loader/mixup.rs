//! Mixup: pairs of a batch's images are blended, and so is their truth (Zhang et al., 2018).

use ndarray::{ArrayViewMut, Axis, Dimension, RemoveAxis};
use rand::Rng;
use rand::seq::SliceRandom;

use super::Batch;
use crate::recipe::Mixup;

/// Blends each image of a batch with another of it, all by the same share, which is drawn from a symmetric beta
/// distribution.
pub(super) fn mix(batch: &mut Batch, mixup: Mixup, numbers: &mut impl Rng) {
    if numbers.random::<f32>() >= mixup.p {
        return;
    }
    let share = beta(mixup.alpha, numbers);
    let mut partners: Vec<usize> = (0..batch.labels.len()).collect();
    partners.shuffle(numbers);
    blend(batch.images.view_mut(), &partners, share);
    blend(batch.masks.view_mut(), &partners, share);
    blend(batch.labels.view_mut(), &partners, share);
}

/// `share` of each of the first axis, and the rest of its partner.
fn blend<D: Dimension + RemoveAxis>(mut values: ArrayViewMut<'_, f32, D>, partners: &[usize], share: f32) {
    let before = values.to_owned().into_dyn();
    for (mut own, &partner) in values.axis_iter_mut(Axis(0)).zip(partners) {
        let other = before.index_axis(Axis(0), partner);
        for (own, other) in own.iter_mut().zip(other) {
            *own = share * *own + (1.0 - share) * other;
        }
    }
}

/// A number in 0..=1 of the beta distribution (alpha, alpha), by Jöhnk.
fn beta(alpha: f32, numbers: &mut impl Rng) -> f32 {
    let mut power = || libm::pow(numbers.random::<f64>(), 1.0 / f64::from(alpha));
    loop {
        let (x, y) = (power(), power());
        if x + y <= 1.0 && x + y > 0.0 {
            return (x / (x + y)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array4};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn batch() -> Batch {
        let images = Array4::from_shape_fn((4, 1, 2, 2), |(n, _, y, x)| (n * 100 + y * 10 + x) as f32);
        let labels = Array1::from_vec(vec![1.0, 0.0, 1.0, 0.0]);
        let masks = Array4::from_shape_fn((4, 1, 2, 2), |(n, ..)| labels[n]);
        Batch { images, masks, labels, ids: vec![String::new(); 4], real: 4 }
    }

    #[test]
    fn images_and_truth_are_blended_alike() {
        let (before, mut after) = (batch(), batch());
        let mut numbers = ChaCha8Rng::seed_from_u64(3);
        mix(&mut after, Mixup { alpha: 0.4, p: 1.0 }, &mut numbers);
        assert_ne!(before, after);
        // images differ by 100 from one to the next, so that the mean tells the partner and the share
        for n in 0..4 {
            let shift = after.images[[n, 0, 0, 0]] - before.images[[n, 0, 0, 0]];
            for (now, was) in after.images.index_axis(Axis(0), n).iter().zip(before.images.index_axis(Axis(0), n)) {
                assert!((now - was - shift).abs() < 1e-3, "every pixel is blended alike");
            }
            let label = after.labels[n];
            assert!(after.masks.index_axis(Axis(0), n).iter().all(|&marked| marked == label));
        }
        // each is a partner once
        let sum = |batch: &Batch| (batch.images.sum(), batch.labels.sum());
        let ((a, b), (c, d)) = (sum(&before), sum(&after));
        assert!((a - c).abs() < 1e-2 && (b - d).abs() < 1e-5);
        let mut untouched = batch();
        mix(&mut untouched, Mixup { alpha: 0.4, p: 0.0 }, &mut numbers);
        assert_eq!(untouched, before);
    }

    #[test]
    fn shares_have_the_moments_of_the_distribution() {
        let mut numbers = ChaCha8Rng::seed_from_u64(1);
        for alpha in [0.2, 1.0, 2.0] {
            let shares: Vec<f64> = (0..20_000).map(|_| f64::from(beta(alpha, &mut numbers))).collect();
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
            // the variance of beta (a, a) is 1 / (4 (2 a + 1))
            let expected = 1.0 / (4.0 * (2.0 * f64::from(alpha) + 1.0));
            assert!((mean - 0.5).abs() < 0.01 && (variance - expected).abs() < 0.005, "{alpha}: {mean}, {variance}");
        }
    }
}
