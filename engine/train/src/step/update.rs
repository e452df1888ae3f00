//! The optimiser: from gradients to new weights, in place.
//!
//! Weights, gradients and moments are contiguous in memory and processed in pieces that suit the device.

use std::sync::Arc;

use super::optimizer::{GRADIENTS, SCALARS, new, piece, write};
use super::{State, StepError};
use crate::device::{Buffer, DeviceError, Flat, Place, Program};
use crate::recipe::{Average, Optimizer};

/// The numbers that differ from one update to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The learning rate.
    pub lr: f32,
    /// The number of updates including this one, from 1.
    pub updates: u64,
    /// The number of passes whose gradients were accumulated.
    pub passes: u32,
    /// The factor of the loss, and so of the gradients: see [`LossScale`](super::LossScale).
    pub scale: f32,
}

/// The optimiser's graph.
pub struct Update {
    program: Program,
    optimizer: Optimizer,
    scalars: [Arc<Buffer>; 4],
}

impl Update {
    /// Opens the optimiser on the device, for these weights.
    ///
    /// # Errors
    /// If the device refuses the graph.
    pub fn new(
        place: &Place,
        state: &State,
        optimizer: &Optimizer,
        average: Option<&Average>,
    ) -> Result<Self, StepError> {
        let [a, b, c, d] = SCALARS.map(|_| place.buffer(&[]));
        let scalars = [a?, b?, c?, d?];
        let averaged = match (average, &state.average) {
            (Some(&Average::Ema { decay }), Some(flat)) => Some((decay, flat)),
            _ => None,
        };
        let mut inputs: Vec<_> = SCALARS.iter().map(|&name| name.to_owned()).zip(scalars.iter().cloned()).collect();
        let mut outputs = Vec::new();
        for (stem, flat) in vectors(state, averaged.map(|(_, flat)| flat)) {
            for (at, buffer) in flat.pieces()?.into_iter().enumerate() {
                let name = piece(&stem, at);
                if stem != GRADIENTS {
                    outputs.push((new(&name), Arc::clone(&buffer)));
                }
                inputs.push((name, buffer));
            }
        }
        let lengths: Vec<_> = state.trained.pieces()?.iter().map(|piece| piece.len()).collect();
        let graph = write(place.target(), &lengths, optimizer, averaged.map(|(decay, _)| decay)).into_model();
        let program = Program::new(place, &graph, &by_name(&inputs), &by_name(&outputs))?;
        Ok(Self { program, optimizer: *optimizer, scalars })
    }

    /// Updates the weights with the current gradients.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&mut self, rates: Rates) -> Result<(), DeviceError> {
        let (first, second) = match self.optimizer {
            Optimizer::Sgd { .. } => (1.0, 1.0),
            Optimizer::Adam { betas, .. } | Optimizer::Adamw { betas, .. } => {
                let left = |beta: f32| 1.0 - f64::from(beta).powf(rates.updates as f64);
                (1.0 / left(betas[0]), 1.0 / left(betas[1]).sqrt())
            }
        };
        let numbers = [rates.lr, first as f32, second as f32, 1.0 / (rates.passes as f32 * rates.scale)];
        self.scalars.iter().zip(numbers).try_for_each(|(buffer, number)| buffer.write(&[number]))?;
        self.program.run()
    }
}

/// The vectors that the optimiser reads, with their names in the graph.
fn vectors<'s>(state: &'s State, average: Option<&'s Flat>) -> impl Iterator<Item = (String, &'s Flat)> {
    let always = [("weights".to_owned(), &state.trained), (GRADIENTS.to_owned(), &state.gradients)];
    let moments = state.moments.iter().enumerate().map(|(at, flat)| (format!("moment{at}"), flat));
    always.into_iter().chain(moments).chain(average.map(|flat| ("average".to_owned(), flat)))
}

fn by_name(named: &[(String, Arc<Buffer>)]) -> Vec<(String, &Arc<Buffer>)> {
    named.iter().map(|(name, buffer)| (name.clone(), buffer)).collect()
}
