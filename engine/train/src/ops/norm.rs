//! Batch normalisation, by the batch's statistics or by those that are kept.
//!
//! ONNX Runtime's operator normalises by given statistics alone, in one pass. In training it is given the batch's, which
//! are computed beside it; the tape then holds `BatchNormalization` with `training_mode = 1`, and the batch's mean and
//! variance in the place of the running ones.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed, node};

pub const OPS: &[Op] = &[Op::new("BatchNormalization", same, batch_norm)];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let typed = like(trace, node, 0);
    let channels = typed.shape.get(1).copied().ok_or("it takes (N, C, …)")?;
    match node.input[1..].iter().find(|name| trace.shape(name) != [channels]) {
        Some(other) => Err(format!("`{other}` has shape {:?} for {channels} channels", trace.shape(other))),
        None => Ok(vec![typed]),
    }
}

/// A batch's statistics, (C) each.
pub struct Statistics {
    /// The mean.
    pub mean: String,
    /// The variance, divided by one less than the count, as the running variance is made of.
    pub unbiased: String,
}

/// Writes a batch norm by the batch's own statistics. `normalize` is the node as the model has it.
pub fn by_batch(t: &mut Trace, normalize: &NodeProto) -> Result<Statistics, String> {
    let [x, scale, bias, ..] = normalize.input.as_slice() else { return Err("it takes five values".into()) };
    let shape = t.shape(x).to_vec();
    let channels = shape.get(1).copied().ok_or("it takes (N, C, …)")?;
    let count: usize = shape.iter().product::<usize>() / channels.max(1);
    if count < 2 {
        return Err("one number a channel has no variance: train with larger batches, or freeze batch norms".into());
    }
    let [mean, unbiased] = ["mean", "variance"].map(|stem| t.fresh(stem));
    let axes = axes(shape.len());
    let epsilon = normalize.float("epsilon").unwrap_or(1e-5);
    let variance = t.fresh("variance");
    let attributes = vec![a::float("epsilon", epsilon), a::int("training_mode", 1)];
    let recorded = node("BatchNormalization", &[x, scale, bias, &mean, &variance], &[&normalize.output[0]], attributes);
    t.record_as(recorded, |t| {
        let centre = t.reduce("ReduceMean", x, &axes, true);
        let rest = t.sub(x, &centre);
        let square = t.mul(&rest, &rest);
        let spread = t.reduce("ReduceMean", &square, &axes, false);
        let centre = t.reshape(&centre, &[channels]);
        t.rename(&centre, &mean);
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
    let [x, scale, bias, mean, variance] = node.input.as_slice() else { return Err("it takes five values".into()) };
    let shape = b.trace.shape(x).to_vec();
    let (axes, channels) = (axes(shape.len()), shape[1]);
    let count = shape.iter().product::<usize>() / channels;
    let mut wide = vec![1; shape.len()];
    wide[1] = channels;
    let epsilon = node.float("epsilon").unwrap_or(1e-5);
    let by_batch = node.int("training_mode") == Some(1);
    let t = &mut *b.trace;
    let inverse = t.shift(variance, epsilon);
    let inverse = t.unary("Sqrt", &inverse);
    let inverse = t.unary("Reciprocal", &inverse);
    let slope = t.mul(scale, &inverse);
    let slope = t.reshape(&slope, &wide);
    let total = t.reduce("ReduceSum", g, &axes, false); // Σg, which is the bias's gradient
    if !by_batch && !b.wants(scale) {
        b.give(bias, &total);
        let g = b.trace.mul(g, &slope);
        b.give(x, &g);
        return Ok(());
    }
    // what was normalised, once more rather than kept
    let t = &mut *b.trace;
    let (ones, zeros) = (t.floats(&[channels], vec![1.0; channels]), t.floats(&[channels], vec![0.0; channels]));
    let normal = t.emit("BatchNormalization", &[x, &ones, &zeros, mean, variance], vec![a::float("epsilon", epsilon)]);
    let weighted = t.mul(g, &normal);
    let along = t.reduce("ReduceSum", &weighted, &axes, false); // Σg·x̂, which is the scale's gradient
    let g_x = if by_batch {
        // slope · (g - (Σg + x̂ · Σg·x̂) / n): the second part is affine in x
        let share = t.scale(&along, -1.0 / count as f32);
        let rest = t.scale(&total, -1.0 / count as f32);
        let correction =
            t.emit("BatchNormalization", &[x, &share, &rest, mean, variance], vec![a::float("epsilon", epsilon)]);
        let corrected = t.add(g, &correction);
        t.mul(&corrected, &slope)
    } else {
        t.mul(g, &slope)
    };
    b.give(bias, &total);
    b.give(scale, &along);
    b.give(x, &g_x);
    Ok(())
}
