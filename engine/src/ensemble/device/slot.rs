//! A place where models run: one device, one run at a time.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ndarray::{ArrayD, ArrayViewD};

use super::clock::Clock;
use crate::pool::Pool;
use crate::runtime::{Model, ModelError};

/// A device in use. Sessions on one device take turns: two at once would fight over its cores, and over its memory.
#[derive(Debug, Clone, Copy)]
pub struct DeviceSlot<'a> {
    /// Which of the ensemble's devices.
    pub device: usize,
    pub turn: &'a Mutex<()>,
    pub clock: &'a Clock,
    /// For what goes side by side around the models.
    pub pool: &'a Pool,
}

impl DeviceSlot<'_> {
    /// Runs one batch through a model when its turn has come; see [`Model::run`].
    ///
    /// # Errors
    /// As [`Model::run`].
    pub fn infer(
        &self,
        model: &Model,
        name: &str,
        input: ArrayViewD<'_, f32>,
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        // The mutex guards no data, so a panic elsewhere does no harm.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = input.shape().to_vec();
        let start = Instant::now();
        let result = model.run(name, input, outputs);
        self.clock.ran(model.path(), &shape, start.elapsed());
        result
    }
}
