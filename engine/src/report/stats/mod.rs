//! The numbers of a report: pure functions over scores, labels and Dice coefficients.

mod bootstrap;
mod coverage;
mod headline;
mod ranking;

pub(super) use coverage::Coverage;
pub(super) use headline::{Metric, headline};
pub(super) use ranking::Ranking;
