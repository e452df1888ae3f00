//! Normalizations that do not depend on the batch.

use pleura::onnx::proto::NodeProto;

use crate::trace::{Attributes, Trace};

const EPSILON: f32 = 1e-5;

fn epsilon(node: &NodeProto) -> f32 {
    node.float("epsilon").unwrap_or(EPSILON)
}

/// `LayerNormalization`: over all axes from `axis` on.
pub(super) fn layer(t: &mut Trace, node: &NodeProto) -> Result<String, String> {
    let axes = axes_from(t, node)?;
    let normal = standardize(t, &node.input[0], &axes, epsilon(node));
    let scaled = t.mul(&normal, &node.input[1]);
    Ok(match node.input.get(2).filter(|name| !name.is_empty()) {
        Some(bias) => t.add(&scaled, bias),
        None => scaled,
    })
}

/// `RMSNormalization`: as a layer's, without subtracting the mean.
pub(super) fn root_mean_square(t: &mut Trace, node: &NodeProto) -> Result<String, String> {
    let axes = axes_from(t, node)?;
    let normal = divide_by_deviation(t, &node.input[0], &axes, epsilon(node));
    Ok(t.mul(&normal, &node.input[1]))
}

fn axes_from(t: &Trace, node: &NodeProto) -> Result<Vec<i64>, String> {
    let rank = t.shape(&node.input[0]).len();
    Ok((node.axis("axis", -1, rank)? as i64..rank as i64).collect())
}

/// `InstanceNormalization`: each channel of each image by itself.
pub(super) fn instance(t: &mut Trace, node: &NodeProto) -> String {
    let rank = t.shape(&node.input[0]).len();
    let axes: Vec<i64> = (2..rank as i64).collect();
    let normal = standardize(t, &node.input[0], &axes, epsilon(node));
    per_channel(t, &normal, node)
}

/// `GroupNormalization`: the channels in groups. Up to operator set 20, scale and bias have a number per group.
pub(super) fn group(t: &mut Trace, node: &NodeProto, opset: i64) -> Result<String, String> {
    let shape = t.shape(&node.input[0]).to_vec();
    let groups = node.int("num_groups").unwrap_or(0).max(0) as usize;
    if groups == 0 || shape.len() < 3 || !shape[1].is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide the channels of {shape:?}"));
    }
    let apart = [&[shape[0], groups, shape[1] / groups], &shape[2..]].concat();
    let axes: Vec<i64> = (2..apart.len() as i64).collect();
    let x = t.reshape(&node.input[0], &apart);
    let mut normal = standardize(t, &x, &axes, epsilon(node));
    if opset < 21 && groups != shape[1] {
        normal = per_channel(t, &normal, node);
        return Ok(t.reshape(&normal, &shape));
    }
    normal = t.reshape(&normal, &shape);
    Ok(per_channel(t, &normal, node))
}

/// Scales and shifts the second axis by a node's second and third input.
fn per_channel(t: &mut Trace, normal: &str, node: &NodeProto) -> String {
    let mut wide = vec![1; t.shape(normal).len()];
    wide[1] = t.shape(&node.input[1])[0];
    let (scale, bias) = (t.reshape(&node.input[1], &wide), t.reshape(&node.input[2], &wide));
    let scaled = t.mul(normal, &scale);
    t.add(&scaled, &bias)
}

/// `(x - mean) / sqrt(variance + epsilon)` over axes.
fn standardize(t: &mut Trace, x: &str, axes: &[i64], epsilon: f32) -> String {
    let mean = t.reduce("ReduceMean", x, axes, true);
    let rest = t.sub(x, &mean);
    divide_by_deviation(t, &rest, axes, epsilon)
}

fn divide_by_deviation(t: &mut Trace, x: &str, axes: &[i64], epsilon: f32) -> String {
    let square = t.mul(x, x);
    let variance = t.reduce("ReduceMean", &square, axes, true);
    let variance = t.shift(&variance, epsilon);
    let deviation = t.unary("Sqrt", &variance);
    t.div(x, &deviation)
}
