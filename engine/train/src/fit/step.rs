//! One step: a pass, and an update of the weights.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::epoch::numbers;
use super::error::TrainError;
use super::fold::Fold;
use crate::checkpoint::Position;
use crate::data::Batch;
use crate::step::{Losses, Pass, Rates};

impl Fold<'_> {
    /// Forward and backward pass: a loss that is NaN or infinite ends the training before it affects the weights.
    pub fn pass(&self, pass: &mut Pass, batch: &Batch, adds: bool) -> Result<Losses, TrainError> {
        let Position { phase, epoch, step, .. } = self.rest.at;
        let mut random = noise(self.seed(), [phase, epoch, step]);
        if let Some(scale) = self.rest.scale {
            pass.scale_loss(scale.factor())?;
        }
        let losses = pass.run(numbers(batch), adds, || random.random())?;
        if losses.total.is_finite() {
            return Ok(losses);
        }
        let (loss, images) = (losses.total, batch.ids.clone());
        Err(TrainError::NotFinite { loss, fold: self.held_out, phase, epoch, step, images, kept: self.kept() })
    }

    /// Updates the weights by the gradients of so many passes; skips it if these overflowed half precision.
    pub fn update(&mut self, lr: f32, passes: u32) -> Result<(), TrainError> {
        let mut factor = 1.0;
        if let (Some(scaler), Some(scale)) = (&mut self.scaler, &mut self.rest.scale) {
            factor = scale.factor();
            if !scaler.accepts(&self.state, scale)? {
                return if scale.is_exhausted() { Err(self.overflows()) } else { Ok(()) };
            }
        }
        self.rest.updates += 1;
        let rates = Rates { lr, updates: self.rest.updates, passes, scale: factor };
        Ok(self.optimizer.run(rates)?)
    }

    fn overflows(&self) -> TrainError {
        let Position { phase, epoch, step, .. } = self.rest.at;
        TrainError::Overflow { fold: self.held_out, phase, epoch, step, kept: self.kept() }
    }
}

/// The random numbers of a step's dropout.
pub fn noise(seed: u64, [phase, epoch, step]: [u32; 3]) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::from(phase) << 48 | u64::from(epoch) << 32 | u64::from(step));
    random
}
