//! Lower rates where the loss no longer falls.

use serde::{Deserialize, Serialize};

use crate::recipe::{Phase, Schedule};

/// How much of the best loss a loss must lie below it to count as better.
const THRESHOLD: f64 = 1e-4;

/// Changes of the rate that are smaller than this are not made.
const LEAST_CHANGE: f64 = 1e-8;

/// PyTorch's `ReduceLROnPlateau` with its defaults: the least loss is the best one, better is better by 1e-4 of the
/// best, and counting starts anew after each reduction.
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
    /// No loss seen yet; `None` where the phase has another schedule.
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

    /// Takes the validation loss of an epoch. One that is not a number is no better than any.
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
