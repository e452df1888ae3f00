//! From a recipe's data to batches.
//!
//! Files and their truth → [`Dataset`] → [`Division`] into folds → an epoch's images ([`sample`]) → [`Sample`]s at a
//! phase's size → [`augment`](mod@augment) → [`Batch`]
//!
//! Images are found and prepared by the engine's own code, so that a network is trained on the inputs that it will get.
//! All randomness comes from a [`Draw`]: the same seed, phase and epoch give the same bytes, for any number of threads,
//! and also in a training that was interrupted and resumed.

pub mod augment;
mod cache;
mod dataset;
mod draw;
mod error;
pub mod folds;
mod loader;
mod prepare;
mod sampling;
pub mod table;
#[cfg(test)]
mod testing;

pub use dataset::{Dataset, Item};
pub use draw::Draw;
pub use error::{DataError, Problem};
pub use folds::{Division, FoldsError};
pub use loader::{Batch, Loader, Plan};
pub use prepare::Sample;
pub use sampling::{SamplingError, sample};
pub use table::TableError;
