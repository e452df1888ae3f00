//! Sums, means and maxima over axes.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, first, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Constant, Trace, Typed, axis};

pub const OPS: &[Op] = &[
    Op::new("ReduceSum", shape, sum),
    Op::new("ReduceMean", shape, mean),
    Op::new("ReduceMax", shape, max),
    Op::new("GlobalAveragePool", pooled, mean),
    Op::new("GlobalMaxPool", pooled, max),
];

/// The axes that a node reduces: its second input, an old model's attribute, or all.
fn axes(trace: &Trace, node: &NodeProto) -> Result<Vec<usize>, String> {
    let rank = trace.shape(&node.input[0]).len();
    if node.op_type.starts_with("Global") {
        return Ok((2..rank).collect());
    }
    let listed = match optional(node, 1).map(|axes| trace.known(axes)) {
        Some(Some(Constant::Ints(axes))) => Some(axes.clone()),
        Some(_) => return Err("its axes are not constant".into()),
        None => node.ints("axes").map(<[i64]>::to_vec),
    };
    match listed {
        Some(axes) if !axes.is_empty() => axes.into_iter().map(|at| axis(at, rank)).collect(),
        _ if node.int("noop_with_empty_axes") == Some(1) => Ok(Vec::new()),
        _ => Ok((0..rank).collect()),
    }
}

fn shape(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let axes = axes(trace, node)?;
    let input = trace.typed(&node.input[0]);
    let keep = node.int("keepdims").unwrap_or(1) == 1;
    let lengths = input.shape.iter().enumerate();
    let shape = lengths
        .filter(|(axis, _)| keep || !axes.contains(axis))
        .map(|(axis, &length)| if axes.contains(&axis) { 1 } else { length })
        .collect();
    Ok(vec![Typed { element: input.element, shape }])
}

fn pooled(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let input = trace.typed(&node.input[0]);
    let shape = input.shape.iter().enumerate().map(|(axis, &length)| if axis < 2 { length } else { 1 }).collect();
    Ok(vec![Typed { element: input.element, shape }])
}

/// The shape of the result with the reduced axes kept.
fn kept(b: &Backward<'_>, node: &NodeProto) -> Result<Vec<usize>, String> {
    let mut shape = b.trace.shape(&node.input[0]).to_vec();
    for axis in axes(b.trace, node)? {
        shape[axis] = 1;
    }
    Ok(shape)
}

fn spread(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>], factor: f32) -> Result<(), String> {
    let kept = kept(b, node)?;
    let mut g = b.trace.reshape(first(gradients)?, &kept);
    if factor != 1.0 {
        g = b.trace.scale(&g, factor);
    }
    let shape: Vec<i64> = b.trace.shape(&node.input[0]).iter().map(|&length| length as i64).collect();
    let shape = b.trace.ints(&shape);
    let g = b.trace.emit("Expand", &[&g, &shape], vec![]);
    b.give(&node.input[0], &g);
    Ok(())
}

fn sum(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    spread(b, node, gradients, 1.0)
}

fn mean(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]);
    let count: usize = axes(b.trace, node)?.into_iter().map(|axis| shape[axis]).product();
    spread(b, node, gradients, 1.0 / count as f32)
}

/// Distributes the gradient equally over all numbers that equal the maximum.
fn max(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let kept = kept(b, node)?;
    let axes: Vec<i64> = axes(b.trace, node)?.into_iter().map(|axis| axis as i64).collect();
    let t = &mut *b.trace;
    let (g, top) = (t.reshape(first(gradients)?, &kept), t.reshape(&node.output[0], &kept));
    let is_top = t.emit("Equal", &[&node.input[0], &top], vec![]);
    let is_top = t.emit("Cast", &[&is_top], vec![a::int("to", 1)]);
    let count = t.reduce("ReduceSum", &is_top, &axes, true);
    let share = t.div(&g, &count);
    let g = t.mul(&is_top, &share);
    b.give(&node.input[0], &g);
    Ok(())
}
