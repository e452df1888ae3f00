//! The numbers of a report: pure functions over scores, labels and Dice coefficients.

mod bootstrap;
mod calibration;
mod headline;
mod ranking;

pub(super) use calibration::Calibration;
pub(super) use headline::{Metric, headline};
pub(super) use ranking::Ranking;
