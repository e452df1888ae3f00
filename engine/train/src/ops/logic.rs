//! Comparisons and choices.

use pleura::onnx::ElementType;
use pleura::onnx::proto::NodeProto;

use super::{Op, broadcast, first, like};
use crate::backward::Backward;
use crate::trace::{Trace, Typed};

pub const OPS: &[Op] = &[
    Op::flat("Greater", compared),
    Op::flat("GreaterOrEqual", compared),
    Op::flat("Less", compared),
    Op::flat("LessOrEqual", compared),
    Op::flat("Equal", compared),
    Op::flat("And", compared),
    Op::flat("Or", compared),
    Op::flat("Xor", compared),
    Op::flat("IsNaN", compared),
    Op::flat("Not", compared),
    Op::flat("Sign", same),
    Op::flat("Floor", same),
    Op::flat("Ceil", same),
    Op::flat("Round", same),
    Op::new("Max", both, larger),
    Op::new("Min", both, smaller),
    Op::new("Where", chosen, choose),
];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    Ok(vec![like(trace, node, 0)])
}

fn both(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let [x, y] = node.input.as_slice() else { return Err("only two values are compared here".into()) };
    let (x, y) = (trace.typed(x), trace.typed(y));
    Ok(vec![Typed { element: x.element, shape: broadcast(&x.shape, &y.shape)? }])
}

fn compared(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let first = trace.shape(&node.input[0]);
    let shape = node.input.get(1).map_or(Ok(first.to_vec()), |y| broadcast(first, trace.shape(y)))?;
    Ok(vec![Typed { element: ElementType::Bool, shape }])
}

fn chosen(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (yes, no) = (trace.typed(&node.input[1]), trace.shape(&node.input[2]));
    let shape = broadcast(&broadcast(trace.shape(&node.input[0]), &yes.shape)?, no)?;
    Ok(vec![Typed { element: yes.element, shape }])
}

/// Passes the gradient to `yes` where the condition holds, and to `no` otherwise.
fn split(b: &mut Backward<'_>, condition: &str, yes: &str, no: &str, g: &str) {
    let zero = b.trace.scalar(0.0);
    if b.wants(yes) {
        let g = b.trace.emit("Where", &[condition, g, &zero], vec![]);
        b.give(yes, &g);
    }
    if b.wants(no) {
        let g = b.trace.emit("Where", &[condition, &zero, g], vec![]);
        b.give(no, &g);
    }
}

fn choose(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    split(b, &node.input[0], &node.input[1], &node.input[2], first(gradients)?);
    Ok(())
}

fn larger(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let condition = b.trace.emit("Greater", &[&node.input[0], &node.input[1]], vec![]);
    split(b, &condition, &node.input[0], &node.input[1], first(gradients)?);
    Ok(())
}

fn smaller(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let condition = b.trace.emit("Less", &[&node.input[0], &node.input[1]], vec![]);
    split(b, &condition, &node.input[0], &node.input[1], first(gradients)?);
    Ok(())
}
