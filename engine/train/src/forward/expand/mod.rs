//! Composite operators, written as those that have gradients.

mod attention;
mod norms;
mod older;
mod planes;
#[cfg(test)]
mod tests;

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

pub use older::modernize;

use crate::trace::{Attributes, Trace};

/// The operators that [`expand`] rewrites.
pub const EXPANDED: [&str; 21] = [
    "HardSwish",
    "Swish",
    "Mish",
    "Gelu",
    "Selu",
    "Celu",
    "ThresholdedRelu",
    "Sum",
    "Mean",
    "ReduceMin",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSumExp",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "DepthToSpace",
    "SpaceToDepth",
    "Attention",
];

/// Rewrites a composite operator, under its own output's name; false if the node is unchanged. `opset` is the network's
/// operator set.
pub fn expand(t: &mut Trace, node: &NodeProto, opset: i64) -> Result<bool, String> {
    let x = node.input.first().map_or("", String::as_str);
    let result = match node.op_type.as_str() {
        "HardSwish" => {
            let gate = t.emit("HardSigmoid", &[x], vec![a::float("alpha", 1.0 / 6.0), a::float("beta", 0.5)]);
            t.mul(x, &gate)
        }
        "Swish" => {
            let inner = t.scale(x, node.float("alpha").unwrap_or(1.0));
            let gate = t.unary("Sigmoid", &inner);
            t.mul(x, &gate)
        }
        "Mish" => {
            let soft = t.unary("Softplus", x);
            let gate = t.unary("Tanh", &soft);
            t.mul(x, &gate)
        }
        "Gelu" => gelu(t, x, node.text("approximate") == Some("tanh")),
        "Selu" => {
            let (alpha, gamma) = (node.float("alpha").unwrap_or(1.673_263_2), node.float("gamma").unwrap_or(1.050_701));
            let inner = t.emit("Elu", &[x], vec![a::float("alpha", alpha)]);
            t.scale(&inner, gamma)
        }
        // alpha · (e^(x / alpha) - 1) below 0
        "Celu" => {
            let alpha = node.float("alpha").unwrap_or(1.0);
            let inner = t.scale(x, 1.0 / alpha);
            let inner = t.emit("Elu", &[&inner], vec![]);
            t.scale(&inner, alpha)
        }
        "ThresholdedRelu" => {
            let (limit, zero) = (t.scalar(node.float("alpha").unwrap_or(1.0)), t.scalar(0.0));
            let above = t.emit("Greater", &[x, &limit], vec![]);
            t.emit("Where", &[&above, x, &zero], vec![])
        }
        "Sum" | "Mean" => {
            let sum = node.input[1..].iter().fold(x.to_owned(), |sum, term| t.add(&sum, term));
            let count = if node.op_type == "Mean" { node.input.len() } else { 1 };
            if count > 1 { t.scale(&sum, 1.0 / count as f32) } else { sum }
        }
        "Max" | "Min" if node.input.len() != 2 => {
            let rest = node.input[1..].iter();
            rest.fold(x.to_owned(), |most, term| t.emit(&node.op_type, &[&most, term], vec![]))
        }
        "ReduceMin" => {
            let turned = t.unary("Neg", x);
            let most = reduced(t, "ReduceMax", &turned, node);
            t.unary("Neg", &most)
        }
        "ReduceL1" => {
            let sizes = t.unary("Abs", x);
            reduced(t, "ReduceSum", &sizes, node)
        }
        "ReduceL2" | "ReduceSumSquare" => {
            let squares = t.mul(x, x);
            let sum = reduced(t, "ReduceSum", &squares, node);
            if node.op_type == "ReduceL2" { t.unary("Sqrt", &sum) } else { sum }
        }
        "ReduceLogSumExp" => {
            let powers = t.unary("Exp", x);
            let sum = reduced(t, "ReduceSum", &powers, node);
            t.unary("Log", &sum)
        }
        "LayerNormalization" => norms::layer(t, node)?,
        "InstanceNormalization" => norms::instance(t, node),
        "GroupNormalization" => norms::group(t, node, opset)?,
        "RMSNormalization" => norms::root_mean_square(t, node)?,
        "DepthToSpace" => planes::depth_to_space(t, node)?,
        "SpaceToDepth" => planes::space_to_depth(t, node)?,
        "Attention" => attention::attention(t, node)?,
        _ => return Ok(false),
    };
    t.rename(&result, &node.output[0]);
    Ok(true)
}

/// `x · P(X ≤ x)` of a standard normal X, or its approximation by a hyperbolic tangent.
fn gelu(t: &mut Trace, x: &str, approximate: bool) -> String {
    let bell = if approximate {
        let square = t.mul(x, x);
        let cube = t.mul(&square, x);
        let cube = t.scale(&cube, 0.044_715);
        let inner = t.add(x, &cube);
        let inner = t.scale(&inner, (2.0 / std::f32::consts::PI).sqrt());
        t.unary("Tanh", &inner)
    } else {
        let inner = t.scale(x, std::f32::consts::FRAC_1_SQRT_2);
        t.unary("Erf", &inner)
    };
    let gate = t.shift(&bell, 1.0);
    let gate = t.scale(&gate, 0.5);
    t.mul(x, &gate)
}

/// Another reduction over the axes of `node`, whose axes are an input if it names any.
fn reduced(t: &mut Trace, op: &str, x: &str, node: &NodeProto) -> String {
    let inputs: Vec<&str> = std::iter::once(x).chain(node.input.iter().skip(1).map(String::as_str)).collect();
    t.emit(op, &inputs, node.attribute.clone())
}
