//! How good a network is, and how its loss goes.
//!
//! A figure that cannot be computed for want of images, or of images of one class, is `None`, not 0.

mod overlap;
mod rank;
mod running;

pub use overlap::{ABOVE, Dices, dice, mark};
pub use rank::{accuracy, auc, log_loss};
pub use running::Running;
