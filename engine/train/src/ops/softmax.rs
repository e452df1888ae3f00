//! Softmax over one axis.

use pleura::onnx::proto::NodeProto;

use super::{Op, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("Softmax", same, softmax), Op::new("LogSoftmax", same, log_softmax)];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    Ok(vec![like(trace, node, 0)])
}

fn axis(b: &Backward<'_>, node: &NodeProto) -> Result<i64, String> {
    node.axis("axis", -1, b.trace.shape(&node.input[0]).len()).map(|axis| axis as i64)
}

fn softmax(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let axis = axis(b, node)?;
    let (g, y, t) = (first(gradients)?, &node.output[0], &mut *b.trace);
    let weighted = t.mul(g, y);
    let mean = t.reduce("ReduceSum", &weighted, &[axis], true);
    let rest = t.sub(g, &mean);
    let g = t.mul(y, &rest);
    b.give(&node.input[0], &g);
    Ok(())
}

fn log_softmax(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let axis = axis(b, node)?;
    let (g, t) = (first(gradients)?, &mut *b.trace);
    let total = t.reduce("ReduceSum", g, &[axis], true);
    let p = t.unary("Exp", &node.output[0]);
    let share = t.mul(&p, &total);
    let g = t.sub(g, &share);
    b.give(&node.input[0], &g);
    Ok(())
}
