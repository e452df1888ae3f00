//! From a network in inference form to its forward pass in a training step.

mod cheaper;
pub(crate) mod expand;
mod roles;
#[cfg(test)]
mod tests;

use pleura::onnx::Model;
use pleura::onnx::proto::NodeProto;

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
    /// Inputs of the graph that hold weights, in the model's order: trained, frozen and statistics.
    pub weights: Vec<String>,
    /// The weights whose gradient is needed.
    pub trained: Vec<String>,
    /// Batch norms' running statistics.
    pub statistics: Vec<Statistic>,
    /// Inputs that take random numbers in 0..1, for dropout.
    pub noise: Vec<(String, Shape)>,
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

/// The supported operator sets.
const OPSETS: std::ops::RangeInclusive<i64> = 13..=23;

/// Writes the forward pass of a network into a trace, for images of one shape, (N, C, H, W). `is_frozen` says whether a
/// weight is frozen; batch norms whose weights are frozen, and all of them with `freeze_batch_norm`, use their running
/// statistics.
///
/// # Errors
/// If the network has operators or inputs that training does not support; the error names the node.
pub fn forward(
    trace: &mut Trace,
    model: &Model,
    shape: [usize; 4],
    mode: Mode,
    freeze_batch_norm: bool,
    is_frozen: &dyn Fn(&str) -> bool,
) -> Result<Forward, ForwardError> {
    check(model)?;
    let image = only_input(model)?;
    trace.reserve(model.graph().node.iter().flat_map(|node| &node.output));
    trace.input(&image, &shape);
    let roles = Roles::new(model);
    let mut forward = Forward::default();
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
            (_, constant) => _ = trace.constant(&tensor.name, &typed.shape, constant),
        }
    }
    let keeps_statistics = |node: &NodeProto| freeze_batch_norm || node.input.get(1).is_none_or(|name| is_frozen(name));
    for node in &model.graph().node {
        let by_batch = mode == Mode::Training && !keeps_statistics(node);
        take(trace, &mut forward, model, node, mode, by_batch)?;
    }
    Ok(forward)
}

/// The name of a network's only input.
///
/// # Errors
/// If it has several, or none.
pub fn only_input(model: &Model) -> Result<String, ForwardError> {
    match model.inputs().as_slice() {
        [input] => Ok(input.name.clone()),
        inputs => Err(ForwardError::Model(format!("it has {} inputs, expected one, the image", inputs.len()))),
    }
}

/// The value that holds an output's logits: the input of its last sigmoid, or the output itself.
#[must_use]
pub fn logits(model: &Model, output: &str) -> (String, bool) {
    let mut value = output.to_owned();
    while let Some(node) = model.producer_of(&value) {
        match node.op_type.as_str() {
            "Identity" => value.clone_from(&node.input[0]),
            "Sigmoid" => return (node.input[0].clone(), true),
            _ => break,
        }
    }
    (output.to_owned(), false)
}

/// Converts a network exported in training form to inference form: batch norms no longer output statistics.
pub fn to_inference(model: &mut Model) {
    for node in model.graph_mut().node.iter_mut().filter(|node| node.op_type == "BatchNormalization") {
        node.output.truncate(1);
        node.attribute.retain(|attribute| attribute.name != "training_mode");
    }
}

fn check(model: &Model) -> Result<(), ForwardError> {
    let opsets = &model.header().opset_import;
    let version = opsets.iter().find(|opset| opset.domain.is_empty()).map_or(0, |opset| opset.version);
    if !OPSETS.contains(&version) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(ForwardError::Model(format!(
            "its operator set is {version}, expected {first} to {last}: export it again"
        )));
    }
    Ok(())
}

fn take(
    trace: &mut Trace,
    forward: &mut Forward,
    model: &Model,
    node: &NodeProto,
    mode: Mode,
    by_batch: bool,
) -> Result<(), ForwardError> {
    let refused = |reason: String| NodeError { node: node.name.clone(), op: node.op_type.clone(), reason };
    if !node.domain.is_empty() {
        return Err(refused(format!("its domain `{}` is not ONNX's own", node.domain)).into());
    }
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
            if !expand::expand(trace, node).map_err(refused)? {
                let node = expand::modernize(trace, node);
                trace.take(node)?;
            }
        }
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
