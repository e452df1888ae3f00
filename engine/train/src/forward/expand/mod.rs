//! Composite operators, and older forms of operators.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use crate::trace::{Attributes, Trace};

/// The operators that [`expand`] rewrites.
pub const EXPANDED: [&str; 5] = ["HardSwish", "Mish", "Gelu", "LayerNormalization", "InstanceNormalization"];

/// Rewrites a composite operator, under its own output's name; false if the node is unchanged.
pub fn expand(t: &mut Trace, node: &NodeProto) -> Result<bool, String> {
    let result = match node.op_type.as_str() {
        "HardSwish" => {
            let gate =
                t.emit("HardSigmoid", &[&node.input[0]], vec![a::float("alpha", 1.0 / 6.0), a::float("beta", 0.5)]);
            t.mul(&node.input[0], &gate)
        }
        "Mish" => {
            let soft = t.unary("Softplus", &node.input[0]);
            let gate = t.unary("Tanh", &soft);
            t.mul(&node.input[0], &gate)
        }
        "Gelu" if node.text("approximate") != Some("tanh") => {
            let x = &node.input[0];
            let inner = t.scale(x, std::f32::consts::FRAC_1_SQRT_2);
            let bell = t.unary("Erf", &inner);
            let gate = t.shift(&bell, 1.0);
            let gate = t.scale(&gate, 0.5);
            t.mul(x, &gate)
        }
        "LayerNormalization" => {
            let rank = t.shape(&node.input[0]).len();
            let axis = node.axis("axis", -1, rank)?;
            let axes: Vec<i64> = (axis as i64..rank as i64).collect();
            let normal = standardize(t, &node.input[0], &axes, node.float("epsilon").unwrap_or(1e-5));
            let scaled = t.mul(&normal, &node.input[1]);
            match node.input.get(2).filter(|name| !name.is_empty()) {
                Some(bias) => t.add(&scaled, bias),
                None => scaled,
            }
        }
        "InstanceNormalization" => {
            let rank = t.shape(&node.input[0]).len();
            let axes: Vec<i64> = (2..rank as i64).collect();
            let normal = standardize(t, &node.input[0], &axes, node.float("epsilon").unwrap_or(1e-5));
            let mut wide = vec![1; rank];
            wide[1] = t.shape(&node.input[1])[0];
            let (scale, bias) = (t.reshape(&node.input[1], &wide), t.reshape(&node.input[2], &wide));
            let scaled = t.mul(&normal, &scale);
            t.add(&scaled, &bias)
        }
        _ => return Ok(false),
    };
    t.rename(&result, &node.output[0]);
    Ok(true)
}

/// `(x - mean) / sqrt(variance + epsilon)` over axes.
fn standardize(t: &mut Trace, x: &str, axes: &[i64], epsilon: f32) -> String {
    let mean = t.reduce("ReduceMean", x, axes, true);
    let rest = t.sub(x, &mean);
    let square = t.mul(&rest, &rest);
    let variance = t.reduce("ReduceMean", &square, axes, true);
    let variance = t.shift(&variance, epsilon);
    let deviation = t.unary("Sqrt", &variance);
    t.div(&rest, &deviation)
}

/// The node in the form of operator set 18: reductions take their axes as an input.
pub fn modernize(t: &mut Trace, node: &NodeProto) -> NodeProto {
    let mut node = node.clone();
    if node.op_type.starts_with("Reduce")
        && node.input.len() == 1
        && let Some(axes) = node.ints("axes").map(<[i64]>::to_vec)
    {
        node.input.push(t.ints(&axes));
        node.attribute.retain(|attribute| attribute.name != "axes");
    }
    node
}
