//! The early end of a phase.

use serde::{Deserialize, Serialize};

use crate::recipe::Phase;

/// Ends a phase where the validation loss has not fallen for a number of epochs. Any fall counts, however small.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    epochs: u32,
    best: Option<f64>,
    since: u32,
}

impl Patience {
    /// No loss seen yet; `None` where the phase runs to its end.
    #[must_use]
    pub fn new(phase: &Phase) -> Option<Self> {
        phase.patience.map(|epochs| Self { epochs, best: None, since: 0 })
    }

    /// Takes the validation loss of an epoch. One that is not a number is no fall.
    pub fn observe(&mut self, loss: f64) {
        if self.best.map_or(loss.is_finite(), |best| loss < best) {
            self.best = Some(loss);
            self.since = 0;
        } else {
            self.since += 1;
        }
    }

    /// Whether the phase ends here.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.since >= self.epochs
    }
}
