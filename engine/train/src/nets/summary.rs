//! The size of a network.

use std::collections::HashSet;

use pleura::onnx::{ElementType, Model};

use super::{CONSTANT_PREFIX, ENCODER_PREFIX};

/// The numbers of a network's parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trainable parameters.
    pub parameters: u64,
    /// Trainable parameters of the encoder.
    pub encoder: u64,
    /// Running statistics of batch norms.
    pub statistics: u64,
}

/// Counts a model's floats: all but its constants (`const.…`) and running statistics are parameters.
#[must_use]
pub fn summary(model: &Model) -> Summary {
    let graph = model.graph();
    let norms = graph.node.iter().filter(|node| node.op_type == "BatchNormalization");
    let statistics: HashSet<&str> = norms.flat_map(|node| node.input.iter().skip(3)).map(String::as_str).collect();
    let mut summary = Summary::default();
    for tensor in &graph.initializer {
        let name = tensor.name.as_str();
        if ElementType::from(tensor.data_type) != ElementType::Float || name.starts_with(CONSTANT_PREFIX) {
            continue;
        }
        let numbers = tensor.dims.iter().product::<i64>().unsigned_abs();
        if statistics.contains(name) {
            summary.statistics += numbers;
        } else {
            summary.parameters += numbers;
            summary.encoder += if name.starts_with(ENCODER_PREFIX) { numbers } else { 0 };
        }
    }
    summary
}
