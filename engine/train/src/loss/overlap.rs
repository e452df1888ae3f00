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
    one_minus(t, &ratio)
}

fn one_minus(t: &mut Trace, value: &str) -> String {
    let one = t.scalar(1.0);
    t.sub(&one, value)
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

/// Tanimoto loss, half of it of the background.
pub fn tanimoto(t: &mut Trace, head: &Head, smooth: f32, over: Reduction) -> String {
    let Sums { p, truth, both } = sums(t, head, over);
    let lesion = one_less_tanimoto(t, (&p, &truth), &both, smooth);
    let (p, truth) = (one_minus(t, &p), one_minus(t, &truth));
    let both = t.mul(&p, &truth);
    let both = sum(t, &both);
    let background = one_less_tanimoto(t, (&p, &truth), &both, smooth);
    let sum = t.add(&lesion, &background);
    t.scale(&sum, 0.5)
}

fn one_less_tanimoto(t: &mut Trace, (p, truth): (&str, &str), both: &str, smooth: f32) -> String {
    let squares = [p, truth].map(|value| {
        let square = t.mul(value, value);
        sum(t, &square)
    });
    let squares = t.add(&squares[0], &squares[1]);
    let under = t.sub(&squares, both);
    one_less(t, both, &under, smooth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_gradients, noise, run};

    const SHAPE: [usize; 4] = [2, 1, 3, 4];

    /// Two images: in the first one a third is marked, in the second nothing.
    fn truth() -> Vec<f32> {
        (0..24).map(|pixel| if pixel < 12 && pixel % 3 == 0 { 1.0 } else { 0.0 }).collect()
    }

    fn logits() -> Vec<f32> {
        noise(3, 24).into_iter().map(|logit| 3.0 * logit).collect()
    }

    /// As defined, in double precision.
    fn expected(logits: &[f32], truth: &[f32], smooth: f64) -> f64 {
        let pairs: Vec<_> =
            logits.iter().zip(truth).map(|(&x, &t)| (1.0 / (1.0 + (-f64::from(x)).exp()), f64::from(t))).collect();
        let ratio = |pairs: &[(f64, f64)]| {
            let both: f64 = pairs.iter().map(|(p, t)| p * t).sum();
            let squares: f64 = pairs.iter().map(|(p, t)| p * p + t * t).sum();
            (both + smooth) / (squares - both + smooth)
        };
        let turned: Vec<_> = pairs.iter().map(|(p, t)| (1.0 - p, 1.0 - t)).collect();
        1.0 - (ratio(&pairs) + ratio(&turned)) / 2.0
    }

    #[test]
    fn tanimoto_is_as_it_is_defined() {
        let (logits, truth) = (logits(), truth());
        let each: f64 = logits.chunks(12).zip(truth.chunks(12)).map(|(x, t)| expected(x, t, 0.1)).sum::<f64>() / 2.0;
        for (over, expected) in [(Reduction::Batch, expected(&logits, &truth, 0.1)), (Reduction::Image, each)] {
            let mut trace = Trace::new("tanimoto");
            let head = Head { logits: trace.input("logits", &SHAPE), truth: trace.input("truth", &SHAPE) };
            let loss = tanimoto(&mut trace, &head, 0.1, over);
            trace.output(&loss, "loss");
            let inputs = [("logits", &logits), ("truth", &truth)];
            let inputs = inputs.map(|(name, numbers)| (name.to_owned(), (SHAPE.to_vec(), numbers.clone())));
            let found = f64::from(run(&trace.into_model(), &inputs)[0][0]);
            assert!((found - expected).abs() < 1e-6, "{over:?}: {found}, {expected}");
        }
    }

    #[test]
    fn tanimoto_has_the_gradient_of_its_values() {
        for over in [Reduction::Batch, Reduction::Image] {
            check_gradients("tanimoto", &[(SHAPE.to_vec(), logits())], |trace, values| {
                let truth = trace.floats(&SHAPE, truth());
                tanimoto(trace, &Head { logits: values[0].clone(), truth }, 1e-5, over)
            });
        }
    }
}
