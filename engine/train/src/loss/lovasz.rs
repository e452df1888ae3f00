//! The Lovász hinge: the convex extension of the Jaccard loss to margins, sorted by how wrong they are.

use pleura::onnx::attribute as a;

use super::{Head, mean, rows};
use crate::recipe::Reduction;
use crate::trace::Trace;

/// The mean of the hinge for `logit, t` and for `-logit, 1 - t`.
pub fn symmetric(t: &mut Trace, head: &Head, over: Reduction) -> String {
    let (logits, truth) = (rows(t, &head.logits, over), rows(t, &head.truth, over));
    let found = hinge(t, &logits, &truth);
    let one = t.scalar(1.0);
    let (logits, truth) = (t.unary("Neg", &logits), t.sub(&one, &truth));
    let left = hinge(t, &logits, &truth);
    let both = t.add(&found, &left);
    t.scale(&both, 0.5)
}

/// The hinge of each row, (groups, numbers), averaged.
fn hinge(t: &mut Trace, logits: &str, truth: &str) -> String {
    let count = t.shape(logits)[1] as i64;
    // the truth as a sign: 1 or -1
    let sign = t.scale(truth, 2.0);
    let sign = t.shift(&sign, -1.0);
    let margin = t.mul(logits, &sign);
    let one = t.scalar(1.0);
    let errors = t.sub(&one, &margin);
    let k = t.ints(&[count]);
    let sorted = t.emit_all("TopK", &[&errors, &k], 2, vec![a::int("axis", 1)]);
    let truth = t.emit("GatherElements", &[truth, &sorted[1]], vec![a::int("axis", 1)]);
    // the order is constant: no gradient flows through it
    t.release(&truth);
    let steps = jaccard_steps(t, &truth);
    let positive = t.unary("Relu", &sorted[0]);
    let weighted = t.mul(&positive, &steps);
    let each = t.reduce("ReduceSum", &weighted, &[1], false);
    mean(t, &each)
}

/// The rise of the Jaccard loss with each number that becomes wrong, in order: (groups, numbers).
fn jaccard_steps(t: &mut Trace, truth: &str) -> String {
    let [groups, count] = [t.shape(truth)[0], t.shape(truth)[1]];
    let (one, axis) = (t.scalar(1.0), t.constant_axis(1));
    let total = t.reduce("ReduceSum", truth, &[1], true);
    let seen = t.emit("CumSum", &[truth, &axis], vec![]);
    let kept = t.sub(&total, &seen); // the intersection
    let background = t.sub(&one, truth);
    let extra = t.emit("CumSum", &[&background, &axis], vec![]);
    let union = t.add(&total, &extra);
    let ratio = t.div(&kept, &union);
    let loss = t.sub(&one, &ratio);
    if count == 1 {
        return loss;
    }
    let before = t.slice(&loss, &[1], &[0], &[count as i64 - 1], &[1]);
    let zero = t.floats(&[groups, 1], vec![0.0; groups]);
    let before = t.emit("Concat", &[&zero, &before], vec![a::int("axis", 1)]);
    t.sub(&loss, &before)
}
