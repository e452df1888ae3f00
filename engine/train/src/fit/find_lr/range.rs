//! The learning rates that are tried.

use std::str::FromStr;

/// The fewest steps from which a curve can be read.
const FEWEST: u32 = 20;
/// The most steps: more of them say no more.
const MOST: u32 = 10_000;

/// Learning rates from one to another, each the same multiple of the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrRange {
    from: f32,
    to: f32,
    steps: u32,
}

impl Default for LrRange {
    /// From 1e-7 to 1 in 100 steps.
    fn default() -> Self {
        Self { from: 1e-7, to: 1.0, steps: 100 }
    }
}

impl LrRange {
    /// Rates from `from` to `to` in `steps` steps.
    ///
    /// # Errors
    /// If they do not rise from above 0, or there are fewer than 20 or more than 10,000 steps.
    pub fn new(from: f32, to: f32, steps: u32) -> Result<Self, String> {
        if !(from > 0.0 && from < to && to.is_finite()) {
            return Err(format!("expected rates that rise from above 0, found {from} to {to}"));
        }
        if !(FEWEST..=MOST).contains(&steps) {
            return Err(format!("expected {FEWEST} to {MOST} steps, found {steps}"));
        }
        Ok(Self { from, to, steps })
    }

    /// The number of steps.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The rate of a step, from 0.
    pub(super) fn at(&self, step: u32) -> f32 {
        let share = f64::from(step) / f64::from(self.steps - 1);
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        (from * (to / from).powf(share)) as f32
    }
}

impl FromStr for LrRange {
    type Err = String;

    /// `FROM:TO` or `FROM:TO:STEPS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected FROM:TO or FROM:TO:STEPS, such as 1e-6:1:100, found `{text}`");
        let parts: Vec<&str> = text.split(':').collect();
        let (from, to, steps) = match *parts {
            [from, to] => (from, to, None),
            [from, to, steps] => (from, to, Some(steps)),
            _ => return Err(wrong()),
        };
        let rate = |text: &str| text.trim().parse::<f32>().map_err(|_| wrong());
        let steps = steps.map_or(Ok(Self::default().steps), |steps| steps.trim().parse().map_err(|_| wrong()))?;
        Self::new(rate(from)?, rate(to)?, steps)
    }
}
