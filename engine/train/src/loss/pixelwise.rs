//! Losses that are means over pixels, or over scores.

use super::{Head, mean};
use crate::trace::Trace;

/// `log(1 + e^x) - x·t` per element, which never overflows.
fn each_bce(t: &mut Trace, Head { logits, truth }: &Head) -> String {
    let soft = t.unary("Softplus", logits);
    let hit = t.mul(logits, truth);
    t.sub(&soft, &hit)
}

/// `1 - x`.
fn rest(t: &mut Trace, x: &str) -> String {
    let one = t.scalar(1.0);
    t.sub(&one, x)
}

/// `t·a + (1 - t)·b`: a factor for positives and one for negatives.
fn factors(t: &mut Trace, truth: &str, positive: f32, negative: f32) -> String {
    let more = t.scale(truth, positive - negative);
    t.shift(&more, negative)
}

/// Binary cross-entropy; `positive` is the positives' factor.
pub fn bce(t: &mut Trace, head: &Head, positive: f32) -> String {
    let mut each = each_bce(t, head);
    if positive != 1.0 {
        let factors = factors(t, &head.truth, positive, 1.0);
        each = t.mul(&each, &factors);
    }
    mean(t, &each)
}

/// Cross-entropy over {background, logit}, divided by the sum of the classes' factors.
pub fn cross_entropy(t: &mut Trace, head: &Head, [background, foreground]: [f32; 2]) -> String {
    let each = each_bce(t, head);
    if background == foreground {
        return mean(t, &each);
    }
    let factors = factors(t, &head.truth, foreground, background);
    let weighted = t.mul(&each, &factors);
    let (sum, norm) = (t.total(&weighted), t.total(&factors));
    t.div(&sum, &norm)
}

/// The minimum of a probability before it is raised to a power: at 0 the slope of a small power is infinite.
const LEAST: f32 = 1e-7;

/// Focal loss: `(1 - p_t)^gamma` times the cross-entropy.
pub fn focal(t: &mut Trace, head: &Head, gamma: f32, alpha: Option<f32>) -> String {
    let each = each_bce(t, head);
    let negative = t.unary("Neg", &each);
    let right = t.unary("Exp", &negative); // the probability of the true class
    let wrong = rest(t, &right);
    let (least, gamma) = (t.scalar(LEAST), t.scalar(gamma));
    let wrong = t.emit("Max", &[&wrong, &least], vec![]);
    let modulation = t.emit("Pow", &[&wrong, &gamma], vec![]);
    let mut each = t.mul(&modulation, &each);
    if let Some(alpha) = alpha {
        let factors = factors(t, &head.truth, alpha, 1.0 - alpha);
        each = t.mul(&each, &factors);
    }
    mean(t, &each)
}
