//! The report's charts: inline SVG with the colours of the page's style sheet.

mod coverage;
mod curve;
mod heat;
mod histogram;
mod interval;
mod plot;
mod reliability;

pub(super) use coverage::coverage;
pub(super) use curve::{precision_recall, roc};
pub(super) use heat::{heat_map, number};
pub(super) use histogram::histogram;
pub(super) use interval::interval;
pub(super) use reliability::reliability;
