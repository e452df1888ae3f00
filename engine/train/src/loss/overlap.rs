//! Overlap losses: one minus a ratio of sums.

use super::{Head, mean, rows};
use crate::recipe::Reduction;
use crate::trace::Trace;

/// The minimum of a denominator: without `smooth`, two empty masks would give 0 / 0.
const LEAST: f32 = 1e-7;

/// Probabilities and truth by groups, and their overlap, (groups).
struct Sums {
    p: String,
    truth: String,
    both: String,
}

fn sums(t: &mut Trace, Head { logits, truth }: &Head, over: Reduction) -> Sums {
    let p = t.unary("Sigmoid", logits);
    let (p, truth) = (rows(t, &p, over), rows(t, truth, over));
    let both = t.mul(&p, &truth);
    let both = sum(t, &both);
    Sums { p, truth, both }
}

fn sum(t: &mut Trace, rows: &str) -> String {
    t.reduce("ReduceSum", rows, &[1], false)
}

/// One minus the mean of `(over + smooth) / (under + smooth)`.
fn one_less(t: &mut Trace, over: &str, under: &str, smooth: f32) -> String {
    let (over, under) = (t.shift(over, smooth), t.shift(under, smooth));
    let least = t.scalar(LEAST);
    let under = t.emit("Max", &[&under, &least], vec![]);
    let ratio = t.div(&over, &under);
    let ratio = mean(t, &ratio);
    let one = t.scalar(1.0);
    t.sub(&one, &ratio)
}

/// Dice loss, with plain or squared terms in the denominator.
pub fn dice(t: &mut Trace, head: &Head, smooth: f32, squared: bool, over: Reduction) -> String {
    let Sums { p, truth, both } = sums(t, head, over);
    let p = if squared { t.mul(&p, &p) } else { p };
    // the truth is 0 or 1, but values blurred at its edge are squared as well
    let truth = if squared { t.mul(&truth, &truth) } else { truth };
    let (p, truth) = (sum(t, &p), sum(t, &truth));
    let (twice, areas) = (t.scale(&both, 2.0), t.add(&p, &truth));
    one_less(t, &twice, &areas, smooth)
}

/// Jaccard loss.
pub fn jaccard(t: &mut Trace, head: &Head, smooth: f32, over: Reduction) -> String {
    let Sums { p, truth, both } = sums(t, head, over);
    let (p, truth) = (sum(t, &p), sum(t, &truth));
    let areas = t.add(&p, &truth);
    let union = t.sub(&areas, &both);
    one_less(t, &both, &union, smooth)
}

/// Tversky loss: factors of false positives and false negatives.
pub fn tversky(t: &mut Trace, head: &Head, [alpha, beta]: [f32; 2], smooth: f32, over: Reduction) -> String {
    let Sums { p, truth, both } = sums(t, head, over);
    let (p, truth) = (sum(t, &p), sum(t, &truth));
    let (extra, missed) = (t.sub(&p, &both), t.sub(&truth, &both));
    let (extra, missed) = (t.scale(&extra, alpha), t.scale(&missed, beta));
    let under = t.add(&both, &extra);
    let under = t.add(&under, &missed);
    one_less(t, &both, &under, smooth)
}
