//! Sorting, and picking and placing numbers at computed places.

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::{AttributeProto, NodeProto};

use super::layout::{known, zeros};
use super::{Op, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[
    Op::new("TopK", largest, top_k),
    Op::new("ScatterElements", same, scatter_elements),
    Op::new("GatherElements", picked, gather_elements),
    Op::new("ScatterND", same, scatter_nd),
    Op::new("GatherND", gathered, gather_nd),
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

/// The gradient of each number that was picked, added up where it was picked.
fn gather_elements(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let axis = node.axis("axis", 0, shape.len())? as i64;
    let blank = zeros(b.trace, &shape);
    let attributes = vec![a::int("axis", axis), a::string("reduction", "add")];
    let g = b.trace.emit("ScatterElements", &[&blank, &node.input[1], first(gradients)?], attributes);
    b.give(&node.input[0], &g);
    Ok(())
}

fn scatter_elements(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let axis = node.axis("axis", 0, b.trace.shape(&node.input[0]).len())? as i64;
    scattered(b, node, first(gradients)?, "GatherElements", vec![a::int("axis", axis)])
}

fn scatter_nd(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    scattered(b, node, first(gradients)?, "GatherND", vec![])
}

/// What was placed gets the gradients of its places; what it replaced gets none, and what it was added to, all.
fn scattered(
    b: &mut Backward<'_>,
    node: &NodeProto,
    g: &str,
    gather: &str,
    attributes: Vec<AttributeProto>,
) -> Result<(), String> {
    let (data, places, placed) = (&node.input[0], &node.input[1], &node.input[2]);
    let adds = match node.text("reduction").unwrap_or("none") {
        "none" => false,
        "add" => true,
        other => return Err(format!("its reduction `{other}` has no gradient")),
    };
    if b.wants(placed) {
        let g = b.trace.emit(gather, &[g, places], attributes.clone());
        b.give(placed, &g);
    }
    if b.wants(data) && adds {
        b.give(data, g);
    } else if b.wants(data) {
        let shape = b.trace.shape(placed).to_vec();
        let blank = zeros(b.trace, &shape);
        let g = b.trace.emit(&node.op_type, &[g, places, &blank], attributes);
        b.give(data, &g);
    }
    Ok(())
}

/// Each last row of the indices names the first axes of a part.
fn gathered(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (data, places) = (like(trace, node, 0), trace.shape(&node.input[1]));
    let shared = node.int("batch_dims").unwrap_or(0).max(0) as usize;
    let depth = *places.last().ok_or("its indices have no axes")?;
    let rest = data.shape.get(shared + depth..).ok_or("its indices name more axes than there are")?;
    let shape = [&places[..places.len() - 1], rest].concat();
    Ok(vec![Typed { element: data.element, shape }])
}

fn gather_nd(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    if node.int("batch_dims").unwrap_or(0) != 0 {
        return Err("with `batch_dims` it has no gradient".into());
    }
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let blank = zeros(b.trace, &shape);
    let attributes = vec![a::string("reduction", "add")];
    let g = b.trace.emit("ScatterND", &[&blank, &node.input[1], first(gradients)?], attributes);
    b.give(&node.input[0], &g);
    Ok(())
}
