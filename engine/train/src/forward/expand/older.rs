//! Operators as older operator sets write them, in the form of the trace's own.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use crate::trace::{Attributes, Trace};

/// The node in the form of operator set 18. `opset` is the network's.
pub fn modernize(t: &mut Trace, node: &NodeProto, opset: i64) -> Result<NodeProto, String> {
    let mut node = node.clone();
    match node.op_type.as_str() {
        op if op.starts_with("Reduce") || matches!(op, "Squeeze" | "Unsqueeze") => to_input(t, &mut node, "axes"),
        "Split" => {
            to_input(t, &mut node, "split");
            // operator set 18 wants to know that the parts are equal
            node.attribute.retain(|attribute| attribute.name != "num_outputs");
            if node.input.len() == 1 {
                node.attribute.push(a::int("num_outputs", node.output.len() as i64));
            }
        }
        "CastLike" => {
            let to = i32::from(t.typed(&node.input[1]).element);
            (node.op_type, node.attribute) = ("Cast".into(), vec![a::int("to", to.into())]);
            node.input.truncate(1);
        }
        "MaxPool" | "AveragePool" => {
            if let Some(without) = crate::ops::without_ceil(t, &node)? {
                node = without;
            }
        }
        "Softmax" | "LogSoftmax" if opset < 13 => flatten_from_axis(t, &mut node)?,
        _ => {}
    }
    Ok(node)
}

/// What was an attribute becomes the second input.
fn to_input(t: &mut Trace, node: &mut NodeProto, name: &str) {
    if node.input.len() == 1
        && let Some(numbers) = node.ints(name).map(<[i64]>::to_vec)
    {
        node.input.push(t.ints(&numbers));
    }
    node.attribute.retain(|attribute| attribute.name != name);
}

/// Up to operator set 12, a softmax is over all axes from `axis` on, which is 1 by default: the same as over one axis
/// where at most one of these has several places.
fn flatten_from_axis(t: &mut Trace, node: &mut NodeProto) -> Result<(), String> {
    let shape = t.shape(&node.input[0]);
    let axis = node.axis("axis", 1, shape.len())?;
    let long: Vec<usize> = (axis..shape.len()).filter(|&at| shape[at] > 1).collect();
    let ([] | [_]) = long.as_slice() else {
        return Err(format!(
            "in operator sets before 13 it is over {} axes at once, which training does not support: export the model \
             with operator set 13 or later",
            long.len()
        ));
    };
    let over = long.first().copied().unwrap_or(axis);
    node.attribute.retain(|attribute| attribute.name != "axis");
    node.attribute.push(a::int("axis", over as i64));
    Ok(())
}
