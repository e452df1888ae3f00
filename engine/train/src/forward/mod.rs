//! From a network in inference form to its forward pass in a training step.

mod cheaper;
pub(crate) mod expand;
mod refusals;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use pleura::onnx::proto::{NodeProto, TensorProto};
use pleura::onnx::{Model, Value};

pub use refusals::{KEEPS_NORMS, opset};
pub use roles::Roles;

use crate::ops;
use crate::trace::{Attributes, Constant, NodeError, Shape, Trace, read};

/// The mode in which a network is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Batch norms use the batch's statistics, dropout is on.
    Training,
    /// Like the exported network.
    Inference,
}

/// Inputs and results of the forward pass besides its outputs.
#[derive(Debug, Default)]
pub struct Forward {
    /// The input that takes the images, (N, C, H, W).
    pub image: String,
    /// Inputs of the graph that hold weights, in the model's order: trained, frozen and statistics.
    pub weights: Vec<String>,
    /// The weights whose gradient is needed.
    pub trained: Vec<String>,
    /// Batch norms' running statistics.
    pub statistics: Vec<Statistic>,
    /// Inputs that take random numbers in 0..1, for dropout.
    pub noise: Vec<(String, Shape)>,
    /// The network's operator set.
    opset: i64,
}

/// A running statistic, (C).
#[derive(Debug, Clone)]
pub struct Statistic {
    /// The input that holds the running statistic.
    pub running: String,
    /// The batch's statistic.
    pub batch: String,
    /// The updated running statistic.
    pub new: String,
}

/// Why a network cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// A fault of a node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A fault of the whole model.
    #[error("{0}")]
    Model(String),
}

/// A network, and what its forward pass depends on.
pub struct Network<'n> {
    /// The network in inference form.
    pub model: &'n Model,
    /// Whether its image is (N, height, width, C), not (N, C, height, width).
    pub channels_last: bool,
    /// Whether all batch norms use their running statistics.
    pub freeze_batch_norm: bool,
    /// Whether a weight is frozen; batch norms whose weights are frozen use their running statistics.
    pub is_frozen: Box<dyn Fn(&str) -> bool + 'n>,
}

/// Writes the forward pass of a network into a trace, for images of one shape, (N, C, H, W).
///
/// # Errors
/// If the network has operators or inputs that training does not support; the error names the node.
pub fn forward(
    trace: &mut Trace,
    network: &Network<'_>,
    shape: [usize; 4],
    mode: Mode,
) -> Result<Forward, ForwardError> {
    let Network { model, channels_last, freeze_batch_norm, is_frozen } = network;
    let opset = refusals::opset(model)?;
    let input = only_input(model)?;
    refusals::fixed_lengths(&input, shape, *channels_last)?;
    trace.reserve(model.graph().node.iter().flat_map(|node| &node.output));
    let image = image(trace, &input.name, shape, *channels_last);
    let roles = Roles::new(model);
    let mut forward = Forward { image, opset, ..Forward::default() };
    for tensor in &model.graph().initializer {
        let (typed, constant) =
            read(tensor).map_err(|reason| ForwardError::Model(format!("initializer `{}`: {reason}", tensor.name)))?;
        match (roles.is_weight(&tensor.name), constant) {
            (true, Constant::Floats(_)) => {
                trace.input(&tensor.name, &typed.shape);
                if mode == Mode::Training && roles.is_trained(&tensor.name) && !is_frozen(&tensor.name) {
                    trace.require(&tensor.name);
                    forward.trained.push(tensor.name.clone());
                }
                forward.weights.push(tensor.name.clone());
            }
            (_, constant) => trace.known_value(&tensor.name, typed, constant),
        }
    }
    let keeps_statistics =
        |node: &NodeProto| *freeze_batch_norm || node.input.get(1).is_none_or(|name| is_frozen(name));
    for node in &model.graph().node {
        let by_batch = mode == Mode::Training && !keeps_statistics(node);
        take(trace, &mut forward, model, node, mode, by_batch)?;
    }
    Ok(forward)
}

/// The input for images, (N, C, H, W), whose name is returned; the network's own is computed from it.
fn image(trace: &mut Trace, name: &str, shape: [usize; 4], channels_last: bool) -> String {
    if !channels_last {
        return trace.input(name, &shape);
    }
    let fresh = trace.fresh("images");
    let images = trace.input(&fresh, &shape);
    let turned = trace.transpose(&images, &[0, 2, 3, 1]);
    trace.rename(&turned, name);
    images
}

/// A network's only input.
///
/// # Errors
/// If it has several, or none.
fn only_input(model: &Model) -> Result<Value, ForwardError> {
    let mut inputs = model.inputs();
    match inputs.len() {
        1 => Ok(inputs.swap_remove(0)),
        count => Err(ForwardError::Model(format!("it has {count} inputs, expected one, the image"))),
    }
}

/// Converts a network exported in training form to inference form: batch norms no longer output statistics, and
/// dropouts are off until the trainer switches them on. Weights that
/// an exporter wrote once, as they happened to be equal, become weights of their own.
pub fn to_inference(model: &mut Model) {
    separate_equal_weights(model);
    for node in &mut model.graph_mut().node {
        match node.op_type.as_str() {
            "BatchNormalization" => {
                node.output.truncate(1);
                node.attribute.retain(|attribute| attribute.name != "training_mode");
            }
            // the third input says that it is on
            "Dropout" => node.input.truncate(2),
            _ => {}
        }
    }
}

/// PyTorch's exporter replaces a weight that equals another by an `Identity` of it.
fn separate_equal_weights(model: &mut Model) {
    let graph = model.graph_mut();
    let outputs: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut copies = Vec::new();
    graph.node.retain(|node| {
        let is_copy = node.op_type == "Identity" && !outputs.contains(&node.output[0]);
        let tensor = graph.initializer.iter().find(|tensor| is_copy && tensor.name == node.input[0]);
        let Some(tensor) = tensor else { return true };
        copies.push(TensorProto { name: node.output[0].clone(), ..tensor.clone() });
        false
    });
    graph.initializer.extend(copies);
}

fn take(
    trace: &mut Trace,
    forward: &mut Forward,
    model: &Model,
    node: &NodeProto,
    mode: Mode,
    by_batch: bool,
) -> Result<(), ForwardError> {
    let refused = |reason: String| NodeError::of(node, reason);
    if !node.domain.is_empty() && node.domain != "ai.onnx" {
        return Err(refused(format!("its domain `{}` is not ONNX's own", node.domain)).into());
    }
    let node = &expand::modernize(trace, node, forward.opset).map_err(refused)?;
    match node.op_type.as_str() {
        "BatchNormalization" if by_batch => {
            let statistics = ops::by_batch(trace, node).map_err(refused)?;
            // ONNX's momentum is the share of the old value that is kept
            let keep = node.float("momentum").unwrap_or(0.9);
            for (running, batch) in [(&node.input[3], &statistics.mean), (&node.input[4], &statistics.unbiased)] {
                let old = trace.scale(running, keep);
                let new = trace.scale(batch, 1.0 - keep);
                let (running, batch, new) = (running.clone(), batch.clone(), trace.add(&old, &new));
                forward.statistics.push(Statistic { running, batch, new });
            }
        }
        "Dropout" if mode == Mode::Training => dropout(trace, forward, node)?,
        // the second output, the mask, is unused in inference form
        "Dropout" => trace.take(NodeProto {
            op_type: "Identity".into(),
            input: vec![node.input[0].clone()],
            output: vec![node.output[0].clone()],
            attribute: Vec::new(),
            ..node.clone()
        })?,
        "MaxPool" if mode == Mode::Training && node.output.len() == 1 => {
            let places = trace.fresh("places");
            trace.take(NodeProto { output: vec![node.output[0].clone(), places], ..node.clone() })?;
        }
        "Conv" if cheaper::cheaper(trace, model, node).map_err(refused)? => {}
        _ => {
            if !expand::expand(trace, node, forward.opset).map_err(refused)? {
                trace.take(node.clone())?;
            }
        }
    }
    if node.op_type.ends_with("Normalization") {
        trace.round(&node.output[0]);
    }
    Ok(())
}

/// Keeps each number with probability `1 - ratio`, and divides it by that probability.
fn dropout(trace: &mut Trace, forward: &mut Forward, node: &NodeProto) -> Result<(), NodeError> {
    let ratio = match node.input.get(1).and_then(|ratio| trace.known(ratio)) {
        Some(Constant::Floats(ratio)) => ratio[0],
        _ => node.float("ratio").unwrap_or(0.5),
    };
    let shape = trace.shape(&node.input[0]).to_vec();
    let noise = trace.fresh("noise");
    trace.input(&noise, &shape);
    let limit = trace.scalar(ratio);
    let kept = trace.emit("GreaterOrEqual", &[&noise, &limit], vec![]);
    let kept = trace.emit("Cast", &[&kept], vec![pleura::onnx::attribute::int("to", 1)]);
    let kept = trace.scale(&kept, 1.0 / (1.0 - ratio));
    let dropped = trace.mul(&node.input[0], &kept);
    trace.rename(&dropped, &node.output[0]);
    forward.noise.push((noise, shape));
    Ok(())
}
