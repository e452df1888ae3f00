//! Batch normalisation, with the batch's statistics or with the running ones.
//!
//! ONNX Runtime's operator only normalises with given statistics, in one pass. In training it gets the batch's, which
//! are computed beside it; the tape then holds `BatchNormalization` with `training_mode = 1`, and the batch's mean and
//! variance instead of the running ones.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed, node};

pub const OPS: &[Op] = &[Op::new("BatchNormalization", same, batch_norm)];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let typed = like(trace, node, 0);
    let channels = typed.shape.get(1).copied().ok_or("expected (N, C, …)")?;
    match node.input[1..].iter().find(|name| trace.shape(name) != [channels]) {
        Some(other) => Err(format!("`{other}` has shape {:?} for {channels} channels", trace.shape(other))),
        None => Ok(vec![typed]),
    }
}

/// A batch's statistics, (C) each.
pub struct Statistics {
    /// The mean.
    pub mean: String,
    /// The variance, divided by one less than the count, as used for the running variance.
    pub unbiased: String,
}

/// Writes a batch norm with the batch's own statistics. `normalize` is the model's node.
pub fn by_batch(t: &mut Trace, normalize: &NodeProto) -> Result<Statistics, String> {
    let [x, scale, bias, ..] = normalize.input.as_slice() else { return Err("expected five inputs".into()) };
    let shape = t.shape(x).to_vec();
    let channels = shape.get(1).copied().ok_or("expected (N, C, …)")?;
    let count: usize = shape.iter().product::<usize>() / channels.max(1);
    if count < 2 {
        return Err("one value per channel has no variance: train with larger batches, or freeze batch norms".into());
    }
    let [mean, unbiased] = ["mean", "variance"].map(|stem| t.fresh(stem));
    let axes = axes(shape.len());
    let epsilon = normalize.float("epsilon").unwrap_or(1e-5);
    let variance = t.fresh("variance");
    let attributes = vec![a::float("epsilon", epsilon), a::int("training_mode", 1)];
    let recorded = node("BatchNormalization", &[x, scale, bias, &mean, &variance], &[&normalize.output[0]], attributes);
    t.record_as(recorded, |t| {
        let centre = t.reduce("ReduceMean", x, &axes, false);
        t.rename(&centre, &mean);
        let (ones, zeros) = (same_for_all(t, channels, 1.0), same_for_all(t, channels, 0.0));
        let rest = affine(t, x, &ones, &zeros, &mean);
        let square = along(t, &rest, &rest);
        let spread = t.scale(&square, 1.0 / count as f32);
        t.rename(&spread, &variance);
        let more = t.scale(&spread, count as f32 / (count as f32 - 1.0));
        t.rename(&more, &unbiased);
        let normalized =
            t.emit("BatchNormalization", &[x, scale, bias, &mean, &variance], vec![a::float("epsilon", epsilon)]);
        t.rename(&normalized, &normalize.output[0]);
    });
    Ok(Statistics { mean, unbiased })
}

/// All axes but the channels'.
fn axes(rank: usize) -> Vec<i64> {
    (0..rank as i64).filter(|&axis| axis != 1).collect()
}

fn batch_norm(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let g = first(gradients)?;
    let [x, scale, bias, mean, variance] = node.input.as_slice() else { return Err("expected five inputs".into()) };
    let shape = b.trace.shape(x).to_vec();
    let (axes, channels) = (axes(shape.len()), shape[1]);
    let count = shape.iter().product::<usize>() / channels;
    let epsilon = node.float("epsilon").unwrap_or(1e-5);
    let by_batch = node.int("training_mode") == Some(1);
    let t = &mut *b.trace;
    let inverse = t.shift(variance, epsilon);
    let inverse = t.unary("Sqrt", &inverse);
    let inverse = t.unary("Reciprocal", &inverse);
    let slope = t.mul(scale, &inverse);
    let zeros = same_for_all(t, channels, 0.0);
    let total = t.reduce("ReduceSum", g, &axes, false); // Σg, which is the bias's gradient
    b.give(bias, &total);
    if !by_batch && !b.wants(scale) {
        let g = affine(b.trace, g, &slope, &zeros, &zeros);
        b.give(x, &g);
        return Ok(());
    }
    // Σg·x̂, which is the scale's gradient: (Σg·x - mean · Σg) / deviation
    let t = &mut *b.trace;
    let (products, offset) = (along(t, g, x), t.mul(mean, &total));
    let rest = t.sub(&products, &offset);
    let weighted = t.mul(&rest, &inverse);
    b.give(scale, &weighted);
    if !b.wants(x) {
        return Ok(());
    }
    let t = &mut *b.trace;
    let g_x = if by_batch {
        // slope · (g - (Σg + x̂ · Σg·x̂) / n): affine in g, and in x
        let share = t.scale(&slope, -1.0 / count as f32);
        let (of_x, rest) = (t.mul(&weighted, &share), t.mul(&total, &share));
        let of_x =
            t.emit("BatchNormalization", &[x, &of_x, &zeros, mean, variance], vec![a::float("epsilon", epsilon)]);
        let of_g = affine(t, g, &slope, &rest, &zeros);
        t.add(&of_g, &of_x)
    } else {
        affine(t, g, &slope, &zeros, &zeros)
    };
    b.give(x, &g_x);
    Ok(())
}

/// The same number for each channel.
fn same_for_all(t: &mut Trace, channels: usize, number: f32) -> String {
    t.floats(&[channels], vec![number; channels])
}

/// `(x - mean) · scale + bias`, each (C): with the one-pass operator, and a deviation of 1.
fn affine(t: &mut Trace, x: &str, scale: &str, bias: &str, mean: &str) -> String {
    let channels = t.shape(scale)[0];
    let half = same_for_all(t, channels, 0.5);
    t.emit("BatchNormalization", &[x, scale, bias, mean, &half], vec![a::float("epsilon", 0.5)])
}

/// The number of elements from which a plane is worth its own matrix product.
const LARGE: usize = 256;

/// `Σx·y` over all axes but the channels', (C): as products of a row and a column, so that no sum remains to be
/// computed. Statistics are in single precision.
fn along(t: &mut Trace, x: &str, y: &str) -> String {
    t.exactly(|t| products(t, x, y))
}

fn products(t: &mut Trace, x: &str, y: &str) -> String {
    let shape = t.shape(x).to_vec();
    let (count, channels, plane) = (shape[0], shape[1], shape[2..].iter().product());
    if plane < LARGE {
        let product = t.mul(x, y);
        return t.reduce("ReduceSum", &product, &axes(shape.len()), false);
    }
    let [x, y] = [x, y].map(|value| t.reshape(value, &[count, channels, 1, plane]));
    let y = t.transpose(&y, &[0, 1, 3, 2]);
    let product = t.matmul(&x, &y);
    t.reduce("ReduceSum", &product, &[0, 2, 3], false)
}
