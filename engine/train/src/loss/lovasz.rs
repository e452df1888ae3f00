//! The Lovász hinge: the convex extension of the Jaccard loss to margins, sorted by how wrong they are.

use pleura::onnx::attribute as a;

use super::running::running_sums;
use super::{Head, mean, rows};
use crate::recipe::Reduction;
use crate::trace::Trace;

/// The mean of the hinge for `logit, t` and for `-logit, 1 - t`, whose errors are the same, in the same order.
pub fn symmetric(t: &mut Trace, head: &Head, over: Reduction) -> String {
    let (logits, truth) = (rows(t, &head.logits, over), rows(t, &head.truth, over));
    let errors = errors(t, &logits, &truth);
    let k = t.shape(&errors)[1] as i64;
    let k = t.ints(&[k]);
    let sorted = t.emit_all("TopK", &[&errors, &k], 2, vec![a::int("axis", 1)]);
    let truth = t.emit("GatherElements", &[&truth, &sorted[1]], vec![a::int("axis", 1)]);
    // the order is constant: no gradient flows through it
    t.release(&truth);
    let positive = t.unary("Relu", &sorted[0]);
    let [found, left] = jaccard_steps(t, &truth).map(|steps| {
        let weighted = t.mul(&positive, &steps);
        let each = t.reduce("ReduceSum", &weighted, &[1], false);
        mean(t, &each)
    });
    let both = t.add(&found, &left);
    t.scale(&both, 0.5)
}

/// How wrong each logit is, (groups, numbers): 1 at the boundary, 0 at a margin of 1.
fn errors(t: &mut Trace, logits: &str, truth: &str) -> String {
    // the truth as a sign: 1 or -1
    let sign = t.scale(truth, 2.0);
    let sign = t.shift(&sign, -1.0);
    let margin = t.mul(logits, &sign);
    let one = t.scalar(1.0);
    t.sub(&one, &margin)
}

/// The rise of the Jaccard loss with each number that becomes wrong, in order, (groups, numbers): of the truth, and of
/// its complement.
fn jaccard_steps(t: &mut Trace, truth: &str) -> [String; 2] {
    let one = t.scalar(1.0);
    let background = t.sub(&one, truth);
    let both = [truth, &background];
    let seen = both.map(|value| running_sums(t, value));
    [0, 1].map(|this| {
        let total = t.reduce("ReduceSum", both[this], &[1], true);
        steps(t, &total, &seen[this], &seen[1 - this])
    })
}

/// The steps for a truth of `total` positives, of which `seen` are wrong, and `extra` negatives.
fn steps(t: &mut Trace, total: &str, seen: &str, extra: &str) -> String {
    let [groups, count] = [t.shape(seen)[0], t.shape(seen)[1]];
    let one = t.scalar(1.0);
    let kept = t.sub(total, seen); // the intersection
    let union = t.add(total, extra);
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

#[cfg(test)]
mod tests {
    use pleura::onnx::Model;

    use super::*;
    use crate::testing::{differentiate, named, noise, run};
    use crate::trace::Target;

    #[test]
    fn running_sums_on_cuda_give_the_same_gradients_to_the_bit() {
        for (shape, over) in [
            ([3, 1, 9, 20], Reduction::Image),
            ([3, 1, 24, 32], Reduction::Image),
            ([2, 1, 181, 190], Reduction::Batch), // three levels
        ] {
            let count = shape.iter().product();
            let values = [(shape.to_vec(), noise(1, count).iter().map(|number| number * 3.0).collect())];
            let truth: Vec<f32> = noise(2, count).iter().map(|&number| f32::from(u8::from(number > 0.4))).collect();
            let [cpu, cuda] = [Target::Cpu, Target::Cuda].map(|target| {
                differentiate(target, "lovasz", &values, |t, v| {
                    let truth = t.floats(&shape, truth.clone());
                    symmetric(t, &Head { logits: v[0].clone(), truth }, over)
                })
            });
            let count = |model: &Model, op: &str| model.graph().node.iter().filter(|node| node.op_type == op).count();
            assert_eq!([count(&cpu, "TopK"), count(&cpu, "CumSum")], [1, 2], "{shape:?}");
            assert_eq!([count(&cuda, "TopK"), count(&cuda, "CumSum")], [1, 0], "{shape:?}: CumSum is quadratic there");
            let [expected, found] = [cpu, cuda].map(|model| run(&model, &named(&values)));
            assert!(
                expected[0][0].abs() > 0.1 && expected == found,
                "{shape:?}: {} and {}",
                expected[0][0],
                found[0][0]
            );
        }
    }
}
