//! Checkpoints: everything that a training needs to continue as if it had never stopped.
//!
//! One `.safetensors` file holds every tensor (weights, the optimiser's moments, averages) in single precision, bit for
//! bit, and in its metadata the [`State`] as JSON with a SHA-256 over both. It is written completely or not at all: at
//! any moment, there is either the old checkpoint or the new one.

mod compare;
mod error;
mod file;
mod state;
#[cfg(test)]
mod tests;

use std::path::Path;

use indexmap::IndexMap;

use crate::recipe::Recipe;

pub use error::CheckpointError;
pub use state::{Best, Position, State};

/// Tensors by name: the shape, and the values in row-major order.
pub type Tensors = IndexMap<String, (Vec<usize>, Vec<f32>)>;

/// A stopped training.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything that steps change.
    pub tensors: Tensors,
    /// The position of the training, and its other state.
    pub state: State,
}

/// The training that would continue, to be compared with the checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'o> {
    /// Its recipe.
    pub recipe: &'o Recipe,
    /// The digest of its network: see [`State::network`].
    pub network: &'o str,
    /// The digest of its images: see [`State::data`].
    pub data: &'o str,
    /// The names and shapes of its tensors.
    pub shapes: &'o IndexMap<String, Vec<usize>>,
    /// The fold that is held out, from 0.
    pub fold: u32,
}

impl Checkpoint {
    /// Writes the checkpoint, replacing any file at `path`. The same checkpoint gives the same bytes.
    ///
    /// # Errors
    /// If it cannot be written, for example because the disk is full ([`CheckpointError::Write`], with the reason's
    /// kind); if a tensor's shape and values disagree; or if a number of the state is not finite. `path` is then
    /// unchanged.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let failed = |source| CheckpointError::Write { path: path.into(), source };
        let temporary = pleura_files::atomic::beside(path).map_err(failed)?;
        file::write(self, temporary.path()).map_err(|error| error.at(path))?;
        pleura_files::atomic::place(temporary, path).map_err(failed)
    }

    /// Reads a checkpoint of any training. Tensors are in the order of their names.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or truncated, is not a checkpoint, or has another format.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        file::read(path)
    }

    /// Reads the checkpoint of a training that continues.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if it belongs to another network, recipe or fold; the first differences are listed.
    /// A recipe may have changed its description, the folds that are trained, and the cache.
    pub fn resume(path: &Path, origin: &Origin<'_>) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(path)?;
        compare::check(&checkpoint, path, origin)?;
        Ok(checkpoint)
    }
}
