//! The forward and the backward pass: from a batch to losses and gradients.

use std::sync::Arc;

use super::graph::{Io, Losses, trace};
use super::{State, StepError, Subject};
use crate::backward::gradients;
use crate::device::{Buffer, DeviceError, Place, Program};
use crate::forward::{Mode, Statistic};
use crate::recipe::Loss;
use crate::recompute::recompute;

/// The settings of a pass.
#[derive(Debug, Clone, Copy)]
pub struct PassOptions<'o> {
    /// (N, C, H, W) of the images.
    pub shape: [usize; 4],
    /// The loss.
    pub loss: &'o Loss,
    /// Whether gradients are accumulated over several passes.
    pub accumulates: bool,
    /// Whether the backward pass recomputes the forward pass's values instead of keeping them; see
    /// [`crate::recompute`].
    pub recompute: bool,
}

/// The forward and backward pass of a batch.
pub struct Pass {
    program: Program,
    io: Io,
    noise: Vec<Arc<Buffer>>,
    /// 0 to reset gradients, 1 to accumulate them.
    keep: Option<Arc<Buffer>>,
}

impl Pass {
    /// Builds the step for images of one shape and opens it on the device.
    ///
    /// # Errors
    /// If the network cannot be trained, or the device refuses the graph.
    pub fn new(place: &Place, subject: &Subject, state: &State, options: PassOptions<'_>) -> Result<Self, StepError> {
        let mut traced = trace(subject, options.shape, options.loss, Mode::Training)?;
        let io = Io::new(place, &traced)?;
        let mut inputs = io.inputs(&traced);
        let noise: Vec<(String, Arc<Buffer>)> = traced
            .forward
            .noise
            .iter()
            .map(|(name, shape)| Ok((name.clone(), place.buffer(shape)?)))
            .collect::<Result<_, DeviceError>>()?;
        inputs.extend(noise.iter().map(|(name, buffer)| (name.clone(), buffer)));
        let weight = |name: &String| state.weight(name, false).map(|buffer| (name.clone(), buffer));
        inputs.extend(traced.forward.weights.iter().filter_map(weight));

        let forward = traced.trace.nodes().len();
        let found = gradients(&mut traced.trace, &traced.written.total, &traced.forward.trained)?;
        if options.recompute {
            recompute(&mut traced.trace, forward, &traced.forward.weights, &traced.written.total);
        }
        let keep = options.accumulates.then(|| place.buffer(&[])).transpose()?;
        let t = &mut traced.trace;
        if let Some(buffer) = &keep {
            inputs.push((t.input("keep", &[]), buffer));
        }
        let mut outputs = io.outputs(t, &traced.written);
        for (name, gradient) in traced.forward.trained.iter().zip(found) {
            // a weight on which the loss does not depend keeps its zero gradient
            let (Some(gradient), Some(buffer)) = (gradient, state.gradients.tensors().get(name)) else { continue };
            let output = format!("gradient:{name}");
            let gradient = if keep.is_some() {
                let before = t.input(&format!("before:{name}"), buffer.shape());
                inputs.push((before.clone(), buffer));
                let before = t.mul(&before, "keep");
                t.add(&before, &gradient)
            } else {
                gradient
            };
            t.output(&gradient, &output);
            outputs.push((output, buffer));
        }
        for (at, Statistic { running, new, .. }) in traced.forward.statistics.iter().enumerate() {
            let Some(buffer) = state.kept.get(running) else { continue };
            let output = format!("statistic:{at}");
            t.output(new, &output);
            outputs.push((output, buffer));
        }
        let program = Program::new(place, &traced.trace.into_model(), &inputs, &outputs)?;
        Ok(Self { program, io, noise: noise.into_iter().map(|(_, buffer)| buffer).collect(), keep })
    }

    /// Runs a batch: images (N, C, H, W), maps (N, 1, H, W), labels (N), row-major. With `adds`, gradients are added to
    /// the existing ones. `random` returns numbers in 0..1, for dropout.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(
        &mut self,
        [images, maps, labels]: [&[f32]; 3],
        adds: bool,
        mut random: impl FnMut() -> f32,
    ) -> Result<Losses, DeviceError> {
        self.io.write(images, maps, labels)?;
        for buffer in &self.noise {
            let numbers: Vec<f32> = (0..buffer.len()).map(|_| random()).collect();
            buffer.write(&numbers)?;
        }
        if let Some(keep) = &self.keep {
            keep.write(&[f32::from(u8::from(adds))])?;
        }
        self.program.run()?;
        self.io.losses()
    }
}
