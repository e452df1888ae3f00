//! Sorting and related operators.

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::layout::{known, zeros};
use super::{Op, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[
    Op::new("TopK", largest, top_k),
    Op::flat("ScatterElements", same),
    Op::flat("GatherElements", picked),
    Op::flat("CumSum", same),
];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    Ok(vec![like(trace, node, 0)])
}

fn picked(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    Ok(vec![Typed { element: like(trace, node, 0).element, shape: trace.shape(&node.input[1]).to_vec() }])
}

fn largest(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let mut values = like(trace, node, 0);
    let axis = node.axis("axis", -1, values.shape.len())?;
    values.shape[axis] = *known(trace, node, 1, "k")?.first().ok_or("its k is empty")? as usize;
    let places = Typed { element: ElementType::Int64, shape: values.shape.clone() };
    Ok(vec![values, places])
}

/// Passes each gradient back to its number's original position.
fn top_k(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let axis = node.axis("axis", -1, shape.len())? as i64;
    let blank = zeros(b.trace, &shape);
    let g = b.trace.emit("ScatterElements", &[&blank, &node.output[1], first(gradients)?], vec![a::int("axis", axis)]);
    b.give(&node.input[0], &g);
    Ok(())
}
