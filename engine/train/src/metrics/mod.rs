//! Metrics of a network, and running means of its loss.
//!
//! A metric that is undefined because there are no images, or only images of one class, is `None`, not 0.

mod overlap;
mod rank;
mod running;

pub use overlap::{ABOVE, Dices, dice, mark};
pub use rank::{accuracy, auc, log_loss};
pub use running::Running;
