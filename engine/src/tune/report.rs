//! The result of a search.

use super::error::TuneError;
use super::nested::{Folds, Nested, mean, standard_error};
use super::search::{Choose, Chosen, Metric, Plateau, Totals, WITHIN, choose, plateau};
use super::space::{Answered, Space};

/// The result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The point chosen on all images, with their score there: an optimistic score.
    pub best: Chosen,
    /// The score of the current manifest.
    pub current: f64,
    /// The standard error of the score at the best point.
    pub error: f64,
    /// The points within [`WITHIN`] of the best, and those within its standard error.
    pub plateaus: [Plateau; 2],
    /// Knobs whose best value is the first or last that was tried.
    pub edges: Vec<Edge>,
    /// The quality of the search on images that it has not seen.
    pub nested: Nested,
    /// The score at every point, on all images; NaN where a plugin refuses the point.
    pub scores: Vec<f64>,
}

/// A knob whose best value is at an end of the values tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The knob's index.
    pub knob: usize,
    /// Whether it is the highest value, not the lowest.
    pub highest: bool,
    /// A grid that continues from there.
    pub further: String,
}

/// Runs the search.
///
/// # Errors
/// If there are no images that count, or too few for the folds.
pub fn tune(
    space: &Space,
    images: &[Answered],
    metric: Metric,
    folds: &Folds,
    how: Choose,
) -> Result<Tuned, TuneError> {
    let totals = Totals::new(space, images, metric, &folds.of, folds.count());
    if totals.counts().iter().sum::<usize>() == 0 {
        return Err(TuneError::TooFew("no image has a mask in truth: nothing to score".into()));
    }
    let nested = Nested::new(space, images, metric, folds, &totals, how)?;
    summarise(space, images, metric, &totals, how, nested)
}

/// Combines all images' results.
pub(super) fn summarise(
    space: &Space,
    images: &[Answered],
    metric: Metric,
    totals: &Totals,
    how: Choose,
    nested: Nested,
) -> Result<Tuned, TuneError> {
    let counted: Vec<&Answered> = images.iter().filter(|image| metric.counts(image)).collect();
    let scores = totals.scores(None);
    let best = choose(space.grid(), &scores, how).ok_or_else(TuneError::no_score)?;
    let at_best: Vec<f64> = counted.iter().map(|image| image.at(space, best.point)).collect();
    let error = standard_error(&at_best);
    let around = |within| plateau(space.grid(), &scores, within).ok_or_else(TuneError::no_score);
    let current: Vec<f64> = counted.iter().map(|image| image.current).collect();
    Ok(Tuned {
        best,
        current: mean(&current),
        error,
        plateaus: [around(WITHIN)?, around(error)?],
        edges: edges(space, best.point),
        nested,
        scores,
    })
}

/// Knobs whose value at a point is the first or last one tried, but not at the limit of valid values.
fn edges(space: &Space, point: usize) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (index, (knob, place)) in space.grid().knobs.iter().zip(space.grid().places(point)).enumerate() {
        let last = knob.values.len() - 1;
        if last == 0 || (place != 0 && place != last) {
            continue;
        }
        let highest = place == last;
        let value = knob.values[place];
        let step = if highest { value - knob.values[last - 1] } else { knob.values[1] - value };
        // As far again as the grid is wide, within the limits of probabilities and areas.
        let span = (knob.values[last] - knob.values[0]).max(step);
        let (lowest, most) = if knob.whole { (1.0, f64::MAX) } else { (0.0, 1.0) };
        let end = if highest { (value + span).min(most) } else { (value - span).max(lowest) };
        if end == value {
            continue;
        }
        let (from, to) = if highest { (value, end) } else { (end, value) };
        let [from, to, step] = [from, to, step].map(|it| (it * 1e6).round() / 1e6);
        edges.push(Edge { knob: index, highest, further: format!("{}={from}:{to}:{step}", knob.key) });
    }
    edges
}
