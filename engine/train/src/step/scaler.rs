//! The factor of the loss in half precision, which adapts to the gradients.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::optimizer::{GRADIENTS, piece};
use super::{State, StepError};
use crate::device::{Buffer, DeviceError, Place, Program};
use crate::trace::{Target, Trace};

/// The factor of the loss, a power of two: as large as gradients in half precision allow, so that small ones are not
/// lost. It adapts as PyTorch's `GradScaler` does by default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    factor: f32,
    /// Updates since the factor changed.
    good: u32,
}

/// The number of updates after which the factor is doubled.
const PATIENCE: u32 = 2000;

/// The largest factor, whose inverse is still an ordinary number.
const MOST: f32 = 1e30;

/// The smallest factor: if gradients are still not finite, it is not for the factor.
const LEAST: f32 = 1.0 / 1024.0;

impl Default for LossScale {
    fn default() -> Self {
        Self { factor: 65536.0, good: 0 }
    }
}

impl LossScale {
    /// By which the loss is multiplied.
    #[must_use]
    pub fn factor(self) -> f32 {
        self.factor
    }

    /// Whether gradients are not finite at any factor.
    #[must_use]
    pub fn is_exhausted(self) -> bool {
        self.factor < LEAST
    }

    /// Adapts to an update, whose gradients were finite or not.
    pub fn observe(&mut self, are_finite: bool) {
        if !are_finite {
            *self = Self { factor: self.factor / 2.0, good: 0 };
            return;
        }
        self.good += 1;
        if self.good == PATIENCE {
            *self = Self { factor: if self.factor < MOST { self.factor * 2.0 } else { self.factor }, good: 0 };
        }
    }
}

/// Finds out whether gradients have overflowed.
pub struct Scaler {
    program: Program,
    sum: Arc<Buffer>,
}

impl Scaler {
    /// Opens the check of a state's gradients on the device.
    ///
    /// # Errors
    /// If the device refuses the graph.
    pub fn new(place: &Place, state: &State) -> Result<Self, StepError> {
        let pieces = state.gradients.pieces()?;
        let lengths: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
        let graph = write(place.target(), &lengths).into_model();
        let inputs: Vec<_> = pieces.iter().enumerate().map(|(at, buffer)| (piece(GRADIENTS, at), buffer)).collect();
        let sum = place.buffer(&[])?;
        let program = Program::new(place, &graph, &inputs, &[(SUM.to_owned(), &sum)])?;
        Ok(Self { program, sum })
    }

    /// Adapts the factor to the current gradients. If they are not finite, they are reset to zero, and the update is to
    /// be skipped: returns whether it is to be made.
    ///
    /// # Errors
    /// If the device fails.
    pub fn accepts(&mut self, state: &State, scale: &mut LossScale) -> Result<bool, DeviceError> {
        self.program.run()?;
        let are_finite = self.sum.read()?[0] == 0.0;
        scale.observe(are_finite);
        if !are_finite {
            // those that are accumulated next would be multiplied by zero, which leaves NaN
            state.gradients.clear()?;
        }
        Ok(are_finite)
    }
}

/// The output of the check.
const SUM: &str = "sum";

/// Writes the check: each gradient less itself is 0, but NaN if it is infinite or NaN, and so is their sum.
pub fn write(target: Target, lengths: &[usize]) -> Trace {
    let mut trace = Trace::on(target, "finite");
    let t = &mut trace;
    let mut total = t.scalar(0.0);
    for (at, &length) in lengths.iter().enumerate() {
        let gradients = t.input(&piece(GRADIENTS, at), &[length]);
        let nothing = t.sub(&gradients, &gradients);
        let sum = t.total(&nothing);
        total = t.add(&total, &sum);
    }
    t.output(&total, SUM);
    trace
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_halves_at_an_overflow_and_doubles_after_two_thousand_updates() {
        let mut scale = LossScale::default();
        scale.observe(false);
        assert_eq!(scale.factor(), 32768.0);
        (0..1999).for_each(|_| scale.observe(true));
        assert_eq!(scale.factor(), 32768.0);
        scale.observe(true);
        assert_eq!(scale, LossScale::default());
        // an overflow starts the count again
        (0..1999).for_each(|_| scale.observe(true));
        scale.observe(false);
        (0..1999).for_each(|_| scale.observe(true));
        assert_eq!(scale.factor(), 32768.0);
        (0..25).for_each(|_| scale.observe(false));
        assert!(!scale.is_exhausted());
        scale.observe(false);
        assert!(scale.is_exhausted());
        (0..2000 * 200).for_each(|_| scale.observe(true));
        assert!(scale.factor().is_finite() && (1.0 / scale.factor()).is_normal());
    }
}
