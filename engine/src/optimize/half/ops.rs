//! The operators that compute in half precision.

use super::super::graph::{self, is_standard};
use crate::onnx::proto::NodeProto;

/// Operators that take and give half precision, and lose only the last bits of their numbers. Operators that divide by
/// variances, sum many numbers or raise them to powers are not included, because halves could overflow or vanish, nor
/// are those that are not defined for halves (`Range`).
const HALVED: [&str; 61] = [
    "Abs",
    "Add",
    "AveragePool",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Div",
    "Elu",
    "Erf",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mish",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Sub",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// Whether an operator computes in half precision.
pub fn is_halved(node: &NodeProto) -> bool {
    let op = node.op_type.as_str();
    is_standard(node) && (HALVED.binary_search(&op).is_ok() || op == "Where")
}

/// Whether an operator uses only its input's shape, and takes it in either precision.
pub fn is_indifferent(node: &NodeProto) -> bool {
    is_standard(node) && matches!(node.op_type.as_str(), "Shape" | "Size")
}

/// Whether an input of an operator must be in single precision, whatever the others are.
pub fn is_single(node: &NodeProto, input: usize) -> bool {
    match node.op_type.as_str() {
        // The region of interest, and the scales: 32-bit floats by definition, and a third is not representable as a
        // half.
        "Resize" => matches!(input, 1 | 2),
        _ => false,
    }
}

/// Whether a node turns numbers into 32-bit floats.
pub fn casts_to_single(node: &NodeProto) -> bool {
    node.op_type == "Cast" && graph::int(node, "to") == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(HALVED.is_sorted());
    }
}
