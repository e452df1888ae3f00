//! Lowers the rate when the loss no longer falls.

use serde::{Deserialize, Serialize};

use crate::recipe::{Phase, Schedule};

/// The relative improvement on the best loss that counts as better.
const THRESHOLD: f64 = 1e-4;

/// Smaller changes of the rate are not made.
const LEAST_CHANGE: f64 = 1e-8;

/// PyTorch's `ReduceLROnPlateau` with its defaults: the lowest loss is the best one, better means by 1e-4 of the best,
/// and counting restarts after each reduction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    factor: f64,
    patience: u32,
    min: f64,
    lr: f64,
    best: Option<f64>,
    bad_epochs: u32,
}

impl Plateau {
    /// The initial state; `None` if the phase has another schedule.
    #[must_use]
    pub fn new(phase: &Phase) -> Option<Self> {
        let Schedule::Plateau { factor, patience, min } = phase.schedule else { return None };
        let (factor, min, lr) = (f64::from(factor), f64::from(min), f64::from(phase.lr));
        Some(Self { factor, patience, min, lr, best: None, bad_epochs: 0 })
    }

    /// The learning rate now, before any warm-up.
    #[must_use]
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Observes the validation loss of an epoch. NaN is not better than any loss.
    pub fn observe(&mut self, loss: f64) {
        if self.best.map_or(loss.is_finite(), |best| loss < best * (1.0 - THRESHOLD)) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.bad_epochs > self.patience {
            self.bad_epochs = 0;
            self.reduce();
        }
    }

    fn reduce(&mut self) {
        let lower = (self.lr * self.factor).max(self.min);
        if self.lr - lower > LEAST_CHANGE {
            self.lr = lower;
        }
    }
}
