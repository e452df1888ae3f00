//! Identifies which of a network's constants are weights.

use std::collections::HashSet;

use pleura::onnx::ElementType;
use pleura::onnx::Model;
use pleura::onnx::proto::{NodeProto, TensorProto};

use crate::weights;

/// The roles of a network's constants.
#[derive(Debug, Default)]
pub struct Roles {
    weights: HashSet<String>,
    statistics: HashSet<String>,
}

impl Roles {
    /// Identifies the weights of a network: in those that pleura wrote, every array of floats whose name does not start
    /// with `const.`; in others, the constants that convolutions, matrix products, norms and their biases take.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let mut roles = Self::default();
        let floats: HashSet<&str> =
            model.graph().initializer.iter().filter(|it| is_table(it)).map(|it| it.name.as_str()).collect();
        for node in &model.graph().node {
            let inputs = used(model, node).into_iter().filter_map(|at| node.input.get(at));
            roles.weights.extend(inputs.filter(|name| floats.contains(name.as_str())).cloned());
            if node.op_type == "BatchNormalization" {
                roles.statistics.extend(node.input.iter().skip(3).cloned());
            }
        }
        if model.header().producer_name == "pleura" {
            let tensors = model.graph().initializer.iter();
            let named = tensors.filter(|it| is_table(it) && weights::is_weight(it));
            roles.weights.extend(named.map(|it| it.name.clone()));
        }
        roles
    }

    /// Whether a constant is a weight, trained or a running statistic.
    #[must_use]
    pub fn is_weight(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// Whether a weight is changed by gradients: running statistics are not.
    #[must_use]
    pub fn is_trained(&self, name: &str) -> bool {
        self.is_weight(name) && !self.statistics.contains(name)
    }
}

/// An array of floats; single numbers are settings.
fn is_table(tensor: &TensorProto) -> bool {
    ElementType::from(tensor.data_type) == ElementType::Float && !tensor.dims.is_empty()
}

/// Which inputs of a node are weights if they are constants.
fn used(model: &Model, node: &NodeProto) -> Vec<usize> {
    match node.op_type.as_str() {
        "Conv"
        | "ConvTranspose"
        | "Gemm"
        | "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "RMSNormalization" => vec![1, 2],
        "BatchNormalization" => vec![1, 2, 3, 4],
        "PRelu" => vec![1],
        "MatMul" | "Einsum" => vec![0, 1],
        // exporters write a linear layer's bias in this form
        "Add" => {
            let is_product = |name: &String| model.producer_of(name).is_some_and(|node| node.op_type == "MatMul");
            (0..2).filter(|&at| node.input.get(1 - at).is_some_and(is_product)).collect()
        }
        _ => Vec::new(),
    }
}
