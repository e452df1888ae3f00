//! The forward and the backward pass: from a batch to losses and gradients.

use std::sync::Arc;

use super::graph::{Io, Losses, Traced, output_losses, trace};
use super::{State, StepError, Subject};
use crate::backward::gradients;
use crate::device::{Buffer, DeviceError, Place, Program};
use crate::forward::{Mode, Statistic};
use crate::recipe::{Loss, Precision};
use crate::recompute::recompute;
use crate::trace::{Target, Trace};

/// The settings of a pass.
#[derive(Debug, Clone, Copy)]
pub struct PassOptions<'o> {
    /// (N, C, H, W) of the images.
    pub shape: [usize; 4],
    /// The loss.
    pub loss: &'o Loss,
    /// Whether gradients are accumulated over several passes.
    pub accumulates: bool,
    /// The precision of convolutions and matrix products.
    pub precision: Precision,
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
    /// The factor of the loss.
    scale: Option<Arc<Buffer>>,
}

/// The input by which the gradients so far are multiplied.
const KEEP: &str = "keep";

/// The input by which the loss is multiplied before its gradients are computed.
const SCALE: &str = "scale";

fn gradient_of(weight: &str) -> String {
    format!("gradient:{weight}")
}

/// The input of a weight's gradient so far.
fn before(weight: &str) -> String {
    format!("before:{weight}")
}

fn statistic(at: usize) -> String {
    format!("statistic:{at}")
}

/// A pass as a graph, and the weights that have a gradient.
pub struct Written {
    pub traced: Traced,
    pub weights: Vec<String>,
}

/// Writes the forward and backward pass for a kind of device.
pub fn write(target: Target, subject: &Subject, options: &PassOptions<'_>) -> Result<Written, StepError> {
    let mut traced = trace(target, subject, options.shape, options.loss, Mode::Training)?;
    let t = &mut traced.trace;
    let mut loss = traced.written.total.clone();
    if options.precision.scales_loss() {
        let scale = t.input(SCALE, &[]);
        loss = t.mul(&loss, &scale);
    }
    let forward = t.nodes().len();
    let found = gradients(t, &loss, &traced.forward.trained)?;
    if options.recompute {
        recompute(t, forward, &traced.forward.weights, &loss);
    }
    if options.accumulates {
        t.input(KEEP, &[]);
    }
    output_losses(t, &traced.written);
    let mut weights = Vec::new();
    for (name, gradient) in traced.forward.trained.iter().zip(found) {
        // a weight on which the loss does not depend keeps its zero gradient
        let Some(gradient) = gradient else { continue };
        let gradient = if options.accumulates { added(t, name, &gradient) } else { gradient };
        t.output(&gradient, &gradient_of(name));
        weights.push(name.clone());
    }
    for (at, found) in traced.forward.statistics.iter().enumerate() {
        t.output(&found.new, &statistic(at));
    }
    if let Some(half) = options.precision.half() {
        t.autocast(half);
    }
    Ok(Written { traced, weights })
}

/// A gradient with the one so far.
fn added(t: &mut Trace, weight: &str, gradient: &str) -> String {
    let shape = t.shape(gradient).to_vec();
    let before = t.input(&before(weight), &shape);
    let before = t.mul(&before, KEEP);
    t.add(&before, gradient)
}

impl Pass {
    /// Builds the step for images of one shape and opens it on the device.
    ///
    /// # Errors
    /// If the network cannot be trained, or the device refuses the graph.
    pub fn new(place: &Place, subject: &Subject, state: &State, options: PassOptions<'_>) -> Result<Self, StepError> {
        let Written { traced, weights } = write(place.target(), subject, &options)?;
        let io = Io::new(place, &traced)?;
        let forward = &traced.forward;
        let noise = forward.noise.iter().map(|(_, shape)| place.buffer(shape)).collect::<Result<Vec<_>, _>>()?;
        let keep = options.accumulates.then(|| place.buffer(&[])).transpose()?;
        let scale = options.precision.scales_loss().then(|| place.buffer(&[])).transpose()?;

        let mut inputs = io.inputs(&traced);
        inputs.extend(forward.noise.iter().map(|(name, _)| name.clone()).zip(&noise));
        let weight = |name: &String| state.weight(name, false).map(|buffer| (name.clone(), buffer));
        inputs.extend(forward.weights.iter().filter_map(weight));
        inputs.extend(keep.iter().map(|buffer| (KEEP.to_owned(), buffer)));
        inputs.extend(scale.iter().map(|buffer| (SCALE.to_owned(), buffer)));
        let mut outputs = io.outputs();
        for name in &weights {
            let Some(buffer) = state.gradients.tensors().get(name) else { continue };
            outputs.push((gradient_of(name), buffer));
            if options.accumulates {
                inputs.push((before(name), buffer));
            }
        }
        let statistics = forward.statistics.iter().enumerate();
        let kept = |(at, found): (usize, &Statistic)| Some((statistic(at), state.kept.get(&found.running)?));
        outputs.extend(statistics.filter_map(kept));
        let (is_mixed, model) = (options.precision.half().is_some(), traced.trace.into_model());
        let open = if is_mixed { Program::mixed } else { Program::new };
        let program = open(place, &model, &inputs, &outputs)?;
        Ok(Self { program, io, noise, keep, scale })
    }

    /// Sets the factor of the loss, and so of gradients, if the precision needs one.
    ///
    /// # Errors
    /// If the device fails.
    pub fn scale_loss(&self, factor: f32) -> Result<(), DeviceError> {
        self.scale.as_ref().map_or(Ok(()), |buffer| buffer.write(&[factor]))
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
