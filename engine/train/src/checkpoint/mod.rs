//! Checkpoints: all that a training needs to go on as if it had never stopped.
//!
//! One `.safetensors` file holds every tensor (weights, the optimiser's moments, averages) in single precision, bit for
//! bit, and in its metadata the [`State`] as JSON with a SHA-256 over both. It is written whole or not at all: whatever
//! happens, there is the old checkpoint or the new one.

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

/// A training at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything that steps change.
    pub tensors: Tensors,
    /// Where the training stands.
    pub state: State,
}

/// What a training that would go on is, to be held against the checkpoint.
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
    /// Writes the checkpoint in the place of whatever `path` held. The same checkpoint gives the same bytes.
    ///
    /// # Errors
    /// If it cannot be written, as on a full disk ([`CheckpointError::Write`], with the reason's kind); a
    /// tensor's shape and values disagree; or a number of the state is not finite. `path` is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let failed = |source| CheckpointError::Write { path: path.into(), source };
        let temporary = pleura::atomic::beside(path).map_err(failed)?;
        file::write(self, temporary.path()).map_err(|error| error.at(path))?;
        pleura::atomic::place(temporary, path).map_err(failed)
    }

    /// Reads a checkpoint, of whatever training. Tensors come in the order of their names.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or cut short, is no checkpoint, or of another format.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        file::read(path)
    }

    /// Reads the checkpoint of a training that is to go on.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if it is of another network, recipe or fold; the first differences are told.
    /// What a recipe may change in the meantime: its description, the folds that are trained, the cache.
    pub fn resume(path: &Path, origin: &Origin<'_>) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(path)?;
        compare::check(&checkpoint, path, origin)?;
        Ok(checkpoint)
    }
}
