//! Losses, written into a trace as differentiable operators.

mod lovasz;
mod overlap;
mod pixelwise;
mod running;

use crate::recipe::{Loss, LossTerm, Reduction};
use crate::trace::Trace;

/// A head's output and its truth: values of the same shape, logits against 0 and 1.
#[derive(Debug, Clone)]
pub struct Head {
    /// The logits: (N, 1, H, W), or (N) for scores.
    pub logits: String,
    /// The truth.
    pub truth: String,
}

/// A loss and its terms.
#[derive(Debug, Clone)]
pub struct Written {
    /// The weighted sum, a single number.
    pub total: String,
    /// Each term before its factor, with a name for reports.
    pub terms: Vec<(String, String)>,
}

/// Writes the weighted sum of all terms.
///
/// # Panics
/// If the recipe has no term, or one for a missing head: both are refused when a recipe is read.
pub fn write(trace: &mut Trace, loss: &Loss, map: Option<&Head>, score: Option<&Head>) -> Written {
    let mut terms = Vec::new();
    let mut total: Option<String> = None;
    for (stem, list, head) in [("map", &loss.map, map), ("score", &loss.score, score)] {
        for term in list {
            let head = head.expect("a recipe with terms for a head has that head");
            let value = one(trace, term, head);
            let weighted = trace.scale(&value, term.weight());
            total = Some(match total {
                Some(sum) => trace.add(&sum, &weighted),
                None => weighted,
            });
            terms.push((format!("{stem}.{}", name(term)), value));
        }
    }
    Written { total: total.expect("a recipe has a term"), terms }
}

fn name(term: &LossTerm) -> &'static str {
    match term {
        LossTerm::Bce { .. } => "bce",
        LossTerm::CrossEntropy { .. } => "cross-entropy",
        LossTerm::Focal { .. } => "focal",
        LossTerm::Dice { .. } => "dice",
        LossTerm::Jaccard { .. } => "jaccard",
        LossTerm::Tversky { .. } => "tversky",
        LossTerm::Tanimoto { .. } => "tanimoto",
        LossTerm::Lovasz { .. } => "lovasz",
    }
}

fn one(t: &mut Trace, term: &LossTerm, head: &Head) -> String {
    match *term {
        LossTerm::Bce { positive, .. } => pixelwise::bce(t, head, positive),
        LossTerm::CrossEntropy { classes, .. } => pixelwise::cross_entropy(t, head, classes),
        LossTerm::Focal { gamma, alpha, .. } => pixelwise::focal(t, head, gamma, alpha),
        LossTerm::Dice { smooth, squared, over, .. } => overlap::dice(t, head, smooth, squared, over),
        LossTerm::Jaccard { smooth, over, .. } => overlap::jaccard(t, head, smooth, over),
        LossTerm::Tversky { alpha, beta, smooth, over, .. } => overlap::tversky(t, head, [alpha, beta], smooth, over),
        LossTerm::Tanimoto { smooth, over, .. } => overlap::tanimoto(t, head, smooth, over),
        LossTerm::Lovasz { over, .. } => lovasz::symmetric(t, head, over),
    }
}

/// A value as a table of (groups, numbers): one row per image, or one for the whole batch.
fn rows(t: &mut Trace, value: &str, over: Reduction) -> String {
    let shape = t.shape(value);
    let all: usize = shape.iter().product();
    let groups = if over == Reduction::Image { shape[0] } else { 1 };
    t.reshape(value, &[groups, all / groups])
}

/// The mean of all numbers, a scalar.
fn mean(t: &mut Trace, value: &str) -> String {
    let axes: Vec<i64> = (0..t.shape(value).len() as i64).collect();
    t.reduce("ReduceMean", value, &axes, false)
}
