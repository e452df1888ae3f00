//! Sources of randomness.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A point in a training from which random numbers are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Draw {
    /// The training's seed.
    pub seed: u64,
    /// The phase, from 0.
    pub phase: u32,
    /// The phase's epoch, from 0.
    pub epoch: u32,
}

/// The purpose of random numbers: each has its own stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// An epoch's images and their order.
    Sampling,
    /// The augmentation of the image at this position in the epoch.
    Augment(usize),
    /// The part cropped from the image at this position in the epoch.
    Crop(usize),
    /// The blending of the batch that starts at this position in the epoch.
    Mixup(usize),
    /// The division into folds.
    Folds,
}

impl Draw {
    /// The random numbers for a purpose; no other purpose shares them.
    pub(super) fn numbers(self, purpose: Purpose) -> ChaCha8Rng {
        let (purpose, position) = match purpose {
            Purpose::Sampling => (0_u64, 0),
            Purpose::Augment(position) => (1, position as u64),
            Purpose::Folds => (2, 0),
            Purpose::Crop(position) => (3, position as u64),
            Purpose::Mixup(position) => (4, position as u64),
        };
        let when = u64::from(self.phase) << 32 | u64::from(self.epoch);
        let mut key = [0; 32];
        for (part, word) in key.as_chunks_mut::<8>().0.iter_mut().zip([self.seed, when, purpose, position]) {
            *part = word.to_le_bytes();
        }
        ChaCha8Rng::from_seed(key)
    }
}
