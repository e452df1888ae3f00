//! A half-precision network, computed in single precision with every value rounded to a half. On a CPU, ONNX Runtime
//! computes nodes in single precision and drops the rounding between them, so that a network in halves gives almost the
//! original's results there; on a GPU it does not.

use super::super::elements::Elements;
use super::super::graph;
use crate::onnx::attribute::int;
use crate::onnx::proto::{NodeProto, TensorProto};
use crate::onnx::{ElementType, Model};

/// The network of single-precision nodes that rounds as `halved` does.
pub fn rounding(halved: &Model) -> Model {
    let elements = Elements::new(halved);
    let is_half = |value: &String| elements.get(value) == Some(ElementType::Half);
    let mut model = halved.clone();
    for tensor in model.graph_mut().initializer.iter_mut().filter(|tensor| tensor.element() == ElementType::Half) {
        // Halves that were just written can be read.
        let numbers = tensor.floats().unwrap_or_default();
        *tensor = TensorProto::from_floats(&tensor.name, &tensor.dims, &numbers).unwrap_or_default();
    }
    let mut nodes = Vec::with_capacity(3 * halved.graph().node.len());
    for node in &halved.graph().node {
        let mut wide = node.clone();
        let rounded: Vec<String> = node.output.iter().filter(|output| is_half(output)).cloned().collect();
        wide.output.iter_mut().filter(|output| rounded.contains(output)).for_each(|output| output.push_str("_wide"));
        if node.op_type == "Cast" && node.input.iter().chain(&node.output).any(is_half) {
            nodes.push(graph::node("Identity", &[&wide.input[0]], &wide.output[0], vec![]));
        } else {
            nodes.push(wide);
        }
        rounded.iter().for_each(|value| nodes.extend(round(value)));
    }
    model.graph_mut().node = nodes;
    model
}

/// From `value_wide` to `value`, rounded: an explicit pair of casts, which ONNX Runtime keeps.
fn round(value: &str) -> [NodeProto; 2] {
    let (wide, narrow) = (format!("{value}_wide"), format!("{value}_narrow"));
    let to = |element: ElementType| vec![int("to", i32::from(element).into())];
    [
        graph::node("Cast", &[&wide], &narrow, to(ElementType::Half)),
        graph::node("Cast", &[&narrow], value, to(ElementType::Float)),
    ]
}
