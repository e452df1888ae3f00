//! The forward pass in the exported network's form, with its losses: for validation.

use std::sync::Arc;

use super::graph::{Io, Losses, output_losses, trace};
use super::{State, StepError, Subject};
use crate::device::{Buffer, DeviceError, Place, Program};
use crate::forward::Mode;
use crate::recipe::Loss;

/// The forward pass of a batch.
pub struct Evaluation {
    program: Program,
    io: Io,
    map: Option<Arc<Buffer>>,
    score: Option<Arc<Buffer>>,
}

/// A network's outputs for a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The losses.
    pub losses: Losses,
    /// The map's logits, (N, 1, H, W), row-major.
    pub map: Option<Vec<f32>>,
    /// The scores' logits, (N).
    pub score: Option<Vec<f32>>,
}

impl Evaluation {
    /// Opens a network on the device for images of one shape, (N, C, H, W); with `averaged`, it uses the averaged
    /// weights if there are any.
    ///
    /// # Errors
    /// If the network has operators that training does not support, or the device refuses the graph.
    pub fn new(
        place: &Place,
        subject: &Subject,
        state: &State,
        shape: [usize; 4],
        loss: &Loss,
        averaged: bool,
    ) -> Result<Self, StepError> {
        let mut traced = trace(place.target(), subject, shape, loss, Mode::Inference)?;
        let io = Io::new(place, &traced)?;
        let mut inputs = io.inputs(&traced);
        let weight = |name: &String| state.weight(name, averaged).map(|buffer| (name.clone(), buffer));
        inputs.extend(traced.forward.weights.iter().filter_map(weight));
        let answers = [("map", &traced.map), ("score", &traced.score)];
        let answers =
            answers.map(|(name, head)| head.as_ref().map(|head| (format!("answer:{name}"), head.logits.clone())));
        output_losses(&mut traced.trace, &traced.written);
        let mut outputs = io.outputs();
        let mut buffers = [None, None];
        for (buffer, answer) in buffers.iter_mut().zip(&answers) {
            if let Some((name, logits)) = answer {
                traced.trace.output(logits, name);
                *buffer = Some((name.clone(), place.buffer(traced.trace.shape(logits))?));
            }
        }
        outputs.extend(buffers.iter().flatten().map(|(name, buffer)| (name.clone(), buffer)));
        let program = Program::new(place, &traced.trace.into_model(), &inputs, &outputs)?;
        let [map, score] = buffers.map(|buffer| buffer.map(|(_, buffer)| buffer));
        Ok(Self { program, io, map, score })
    }

    /// Runs a batch: images (N, C, H, W), maps (N, 1, H, W), labels (N), row-major.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&mut self, [images, maps, labels]: [&[f32]; 3]) -> Result<Answers, DeviceError> {
        self.io.write(images, maps, labels)?;
        self.program.run()?;
        let read = |buffer: &Option<Arc<Buffer>>| buffer.as_ref().map(|buffer| buffer.read()).transpose();
        Ok(Answers { losses: self.io.losses()?, map: read(&self.map)?, score: read(&self.score)? })
    }
}
