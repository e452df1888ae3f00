//! The results of a search, as text.

use pleura::manifest::Calibration;
use pleura::report::HeatMap;
use pleura::tune::{
    self, Answered, Calibrated, Knob, Metric, Number, Plateau, Quality, Space, Tuned, WITHIN, WeightSearchResult,
    Weights,
};

use crate::term;

/// Shades from low to high.
const SHADES: [char; 5] = ['.', ':', '+', '#', '@'];
/// Largest width and height of a map that fits a terminal.
const MOST: usize = 50;

/// Prints the size of the search.
pub fn counts(space: &Space, images: &[Answered], skipped: usize, truth: usize) {
    let positive = images.iter().filter(|image| image.positive).count();
    term::note(format_args!("images: {} ({positive} positive), {skipped} skipped", images.len()));
    if truth > images.len() {
        term::note(format_args!(
            "{} ids of the truth have no image among the inputs and do not count",
            truth - images.len()
        ));
    }
    let sizes: Vec<_> = space.grid().knobs.iter().map(|knob| knob.values.len().to_string()).collect();
    let refused = match space.refused() {
        0 => String::new(),
        refused => format!(", {refused} of them rejected by a plugin and left out"),
    };
    term::note(format_args!("grid: {} = {} points{refused}", sizes.join(" × "), space.grid().points()));
}

/// Prints scores, values, the plateau and folds.
pub fn result(space: &Space, tuned: &Tuned, metric: Metric) {
    let name = if metric == Metric::Dice { "mean Dice" } else { "mean Dice, positives" };
    let gain = tuned.nested.gain;
    let draws = match gain.bounds {
        Some((low, high)) => format!("95 % interval {low:+.6} to {high:+.6}"),
        None => "the same for every image: no interval can be estimated".into(),
    };
    term::result(format_args!("{name:<34}{:>9.6}  the manifest as it is", tuned.current));
    term::result(format_args!(
        "{:<34}{:>9.6}  {:+.6}, {draws}",
        "nested cross-validation", tuned.nested.score, gain.mean
    ));
    term::result(format_args!(
        "{:<34}{:>9.6}  optimistic: scored on the images used for the choice",
        "best of the grid", tuned.best.score
    ));
    term::result("");
    values(space, tuned);
    term::result("");
    folds(space, tuned);
    if let Some(map) = most_telling(space, tuned) {
        term::result("");
        heat(&map);
    }
    for edge in &tuned.edges {
        let knob = &space.grid().knobs[edge.knob];
        let side = if edge.highest { "highest" } else { "lowest" };
        term::warning(format_args!(
            "the best `{}` is the {side} value tried: the optimum may lie beyond; try --grid '{}'",
            knob.key, edge.further
        ));
    }
    if gain.mean <= 0.0 {
        term::warning(
            "nested cross-validation: on folds not used for the choice, the best is no better than the \
                       manifest as it is",
        );
    }
}

/// Prints each knob's current and best value, and its plateau.
fn values(space: &Space, tuned: &Tuned) {
    let [near, error] = &tuned.plateaus;
    let width = space.grid().knobs.iter().map(|knob| knob.key.len()).max().unwrap_or(0);
    let title = |plateau: &Plateau| format!("within {:.4} ({} points)", plateau.within, plateau.points);
    let (first, second) = (title(near), format!("{}, one standard error", title(error)));
    term::result(format_args!("{:<width$}  {:>8}  {:>8}  {first:<26}  {second}", "", "now", "best"));
    for (index, (knob, value)) in space.grid().knobs.iter().zip(space.grid().values(tuned.best.point)).enumerate() {
        let now = knob.current.map_or("-".into(), |now| now.to_string());
        let [near, error] = [near, error].map(|plateau| range(plateau.ranges[index]));
        term::result(format_args!("{:<width$}  {now:>8}  {value:>8}  {near:<26}  {error}", knob.key));
    }
}

fn range((low, high): (f64, f64)) -> String {
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

/// Prints the values chosen on the other folds for each fold, and their score on it.
fn folds(space: &Space, tuned: &Tuned) {
    let knobs: Vec<&Knob> = space.grid().knobs.iter().collect();
    term::result("fold  images       now    nested  chosen on the other folds");
    for (fold, number) in tuned.nested.folds.iter().zip(1..) {
        let chosen = knobs.iter().zip(space.grid().values(fold.point)).filter(|(knob, _)| knob.values.len() > 1);
        let chosen: Vec<_> = chosen.map(|(knob, value)| format!("{} {value}", short(&knob.key))).collect();
        let (now, score) = (fold.current, fold.score);
        term::result(format_args!("{number:>4}  {:>6}  {now:>8.6}  {score:>8.6}  {}", fold.images, chosen.join(", ")));
    }
}

/// A key without its obvious parts.
fn short(key: &str) -> String {
    key.replace(".params.", ".")
}

/// The score over the two most influential knobs, around the best point.
fn most_telling(space: &Space, tuned: &Tuned) -> Option<HeatMap> {
    let grid = space.grid();
    let mut spans: Vec<(f64, usize)> = (0..grid.knobs.len())
        .filter(|&knob| (2..=MOST).contains(&grid.knobs[knob].values.len()))
        .map(|knob| {
            let places = grid.places(tuned.best.point);
            let along = (0..grid.knobs[knob].values.len()).map(|place| {
                let mut there = places.clone();
                there[knob] = place;
                tuned.scores[grid.point(&there)]
            });
            let lowest = along.filter(|score| !score.is_nan()).fold(tuned.best.score, f64::min);
            (tuned.best.score - lowest, knob)
        })
        .collect();
    spans.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let &[(_, one), (_, other), ..] = &*spans else { return None };
    Some(tune::heat_map(grid, &tuned.scores, (one.min(other), one.max(other)), tuned.best.point))
}

/// Prints the score as a map of shades; `X` is the chosen point.
fn heat(map: &HeatMap) {
    let best = map.dice[(map.chosen.1, map.chosen.0)];
    let shade = |score: f64| match ((best - score) / WITHIN).max(0.0) {
        below if below.is_nan() => ' ',
        below if below <= 1.0 => SHADES[4],
        below if below <= 5.0 => SHADES[3],
        below if below <= 10.0 => SHADES[2],
        below if below <= 50.0 => SHADES[1],
        _ => SHADES[0],
    };
    let [a, b, c, d, e] = SHADES;
    term::result(format_args!("upwards {}, across {}", map.y_name, map.x_name));
    term::result(format_args!("X best, {e} within .001, {d} .005, {c} .01, {b} .05, {a} below"));
    for (row, y) in map.y.iter().enumerate().rev() {
        let cells: String = (0..map.x.len())
            .map(|column| if (column, row) == map.chosen { 'X' } else { shade(map.dice[(row, column)]) })
            .collect();
        term::result(format_args!("{y:>8} {cells}"));
    }
    let (first, last) = (map.x.first().copied().unwrap_or_default(), map.x.last().copied().unwrap_or_default());
    term::result(format_args!("{:>8} {first} to {last}", ""));
}

/// Prints each member's current and best weight, and those chosen on the other folds.
pub fn weights(space: &Space, weighed: &WeightSearchResult) {
    let manifest = space.grid().manifest();
    let stages = [("classifier", manifest.classifier.as_ref()), ("segmenter", Some(&manifest.segmenter))];
    let of = |stage: &str, weights: &Weights| {
        if stage == "classifier" { weights.classifier.clone() } else { weights.segmenter.clone() }
    };
    term::result("weights                           now      best  by the other folds");
    for (stage, members) in stages.into_iter().filter_map(|(name, stage)| Some((name, &stage?.members))) {
        let best = of(stage, &weighed.weights);
        for (place, member) in members.iter().filter(|member| member.weight > 0.0).enumerate() {
            let folds: Vec<_> = weighed.folds.iter().map(|weights| of(stage, weights)[place].to_string()).collect();
            let name = format!("{stage} {}", member.name);
            let (now, best) = (member.weight, best[place]);
            term::result(format_args!("{name:<28}{now:>9}  {best:>8}  {}", folds.join(", ")));
        }
    }
    term::result("");
}

/// Prints a calibration, and how well scores work as probabilities before and after it.
pub fn calibration(found: &Calibrated) {
    term::result("");
    term::result("probabilities of the classifier's scores   calibration error   Brier score");
    for (name, Quality { ece, brier }) in
        [("the scores as they are", found.before), ("nested cross-validation", found.nested)]
    {
        term::result(format_args!("{name:<43}{ece:>17.4}{brier:>14.4}"));
    }
    match &found.calibration {
        Calibration::Temperature { temperature } => term::result(format_args!("temperature: {temperature}")),
        Calibration::Isotonic { scores, .. } => {
            term::result(format_args!("isotonic: {}", term::quantity(scores.len(), "point")));
        }
    }
    if found.at_limit {
        term::warning(
            "the temperature is at the end of what is tried: the scores of positive and negative images do not overlap, or \
             do not differ; calibrate on more, or on harder images",
        );
    }
    if found.nested.brier >= found.before.brier {
        term::warning(
            "nested cross-validation: calibrated, the scores are no better as probabilities than as they are",
        );
    }
}

/// Prints the manifest's keys with their old and new values.
pub fn changes(space: &Space, changes: &[(String, Number)]) {
    for (key, number) in changes {
        let now = space.grid().now(key).map_or("left out".into(), |now| now.to_string());
        term::result(format_args!("{key}: {now} -> {number}"));
    }
}
