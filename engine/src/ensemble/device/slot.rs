//! A device on which models run, one run at a time.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ndarray::{ArrayD, ArrayViewD};

use super::clock::Clock;
use crate::pool::Pool;
use crate::runtime::{Model, ModelError};

/// A device in use. Sessions on one device take turns: two at once would compete for its cores and its memory.
#[derive(Debug, Clone, Copy)]
pub struct DeviceSlot<'a> {
    /// The index of the ensemble's device.
    pub device: usize,
    pub turn: &'a Mutex<()>,
    pub clock: &'a Clock,
    /// The threads for work around the models.
    pub pool: &'a Pool,
}

impl DeviceSlot<'_> {
    /// Runs one batch through a model when the device is free, and verifies it; see [`Model::run`] and [`Model::verify`].
    ///
    /// # Errors
    /// As both.
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
        let result = model.run(name, input.view(), outputs);
        self.clock.ran(model.path(), &shape, start.elapsed());
        let results = result?;
        model.verify(name, input, outputs, &results)?;
        Ok(results)
    }
}
