//! Chooses the images of an epoch.

use rand::seq::SliceRandom;

use super::dataset::Item;
use super::draw::{Draw, Purpose};
use crate::recipe::Sampling;

/// Why images cannot be sampled as declared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A share of positives without positives.
    #[error("none of the {images} training images is positive: `positive-share` needs positives")]
    NoPositives {
        /// The number of images.
        images: usize,
    },
}

/// The images of an epoch, in order: indices out of `training`, each once.
///
/// `epochs` is the phase's maximum. If there are too few negatives for a share, all of them are used.
///
/// # Errors
/// If a share of positives is requested and there are none.
pub fn sample(
    sampling: Sampling,
    items: &[Item],
    training: &[usize],
    epochs: u32,
    draw: Draw,
) -> Result<Vec<usize>, SamplingError> {
    let mut numbers = draw.numbers(Purpose::Sampling);
    let mut shown = match sampling {
        Sampling::All => training.to_vec(),
        Sampling::PositiveShare { share, to } => {
            let (mut positives, mut negatives): (Vec<_>, Vec<_>) =
                training.iter().copied().partition(|&index| items[index].label);
            if positives.is_empty() {
                return Err(SamplingError::NoPositives { images: training.len() });
            }
            let wanted = wanted_negatives(positives.len(), share_at(share, to, draw.epoch, epochs));
            negatives.shuffle(&mut numbers);
            negatives.truncate(wanted);
            positives.append(&mut negatives);
            positives
        }
    };
    shown.shuffle(&mut numbers);
    Ok(shown)
}

/// From `share` in the first epoch to `to` in the last, in equal steps.
fn share_at(share: f32, to: Option<f32>, epoch: u32, epochs: u32) -> f64 {
    let (share, to) = (f64::from(share), f64::from(to.unwrap_or(share)));
    match epochs.saturating_sub(1) {
        0 => share,
        last => share + (to - share) * f64::from(epoch.min(last)) / f64::from(last),
    }
}

/// The number of negatives with which `positives` make up a share.
fn wanted_negatives(positives: usize, share: f64) -> usize {
    // a share so near 0 that the number overflows uses all negatives; the cast saturates
    (positives as f64 * (1.0 - share) / share).round() as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::testing::items;
    use super::*;

    fn share(share: f32, to: Option<f32>) -> Sampling {
        Sampling::PositiveShare { share, to }
    }

    #[test]
    fn shares_are_as_asked() {
        // 100 positives, 400 negatives
        let items = items(&(0..500).map(|index| index % 5 == 0).collect::<Vec<_>>());
        let training: Vec<_> = (0..500).collect();
        let cases = [
            // (share, to, epoch of 5, images)
            (0.8, None, 0, 125),
            (0.8, None, 4, 125),
            (0.8, Some(0.4), 0, 125),
            (0.8, Some(0.4), 2, 167),
            (0.8, Some(0.4), 4, 250),
            (1.0, None, 0, 100),
            (0.2, None, 0, 500),
            (0.01, None, 0, 500), // all negatives
        ];
        for (from, to, epoch, images) in cases {
            let draw = Draw { seed: 1, phase: 0, epoch };
            let shown = sample(share(from, to), &items, &training, 5, draw).unwrap();
            assert_eq!(shown.len(), images, "{from} to {to:?}, epoch {epoch}");
            assert_eq!(shown.iter().filter(|&&index| items[index].label).count(), 100);
        }
    }

    #[test]
    fn a_phase_of_one_epoch_has_its_first_share() {
        assert_eq!(share_at(0.75, Some(0.25), 0, 1), 0.75);
    }

    #[test]
    fn no_positives_are_an_error() {
        let items = items(&[false; 3]);
        let error = sample(share(0.5, None), &items, &[0, 1, 2], 1, Draw::default()).unwrap_err();
        assert!(error.to_string().starts_with("none of the 3 training images is positive"), "{error}");
        assert_eq!(sample(Sampling::All, &items, &[0, 2], 1, Draw::default()).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn an_epoch_is_drawn_again_the_same_and_another_otherwise(
            labels in prop::collection::vec(any::<bool>(), 30..80), seed in any::<u64>(), epoch in 0_u32..50
        ) {
            let items = items(&labels);
            let training: Vec<_> = (0..labels.len()).step_by(2).collect();
            for sampling in [Sampling::All, share(0.6, Some(0.4))] {
                let draw = Draw { seed, phase: 1, epoch };
                let again = |draw| sample(sampling, &items, &training, 50, draw);
                prop_assume!(sampling == Sampling::All || training.iter().any(|&index| labels[index]));
                let shown = again(draw).unwrap();
                prop_assert_eq!(&shown, &again(draw).unwrap());
                prop_assert!(shown.iter().all(|index| training.contains(index)));
                prop_assert_eq!(shown.iter().collect::<HashSet<_>>().len(), shown.len());
            }
            let order = |draw| sample(Sampling::All, &items, &training, 50, draw).unwrap();
            let here = Draw { seed, phase: 1, epoch };
            for other in [Draw { seed: !seed, ..here }, Draw { phase: 2, ..here }, Draw { epoch: epoch + 1, ..here }] {
                prop_assert_ne!(order(here), order(other));
            }
        }
    }
}
