//! The early end of a phase.

use serde::{Deserialize, Serialize};

use crate::recipe::Phase;

/// Ends a phase if the validation loss has not fallen for a number of epochs. Any fall counts, however small.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    epochs: u32,
    best: Option<f64>,
    since: u32,
}

impl Patience {
    /// The initial state; `None` if the phase always runs to its end.
    #[must_use]
    pub fn new(phase: &Phase) -> Option<Self> {
        phase.patience.map(|epochs| Self { epochs, best: None, since: 0 })
    }

    /// Observes the validation loss of an epoch. NaN is not a fall.
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
