//! The best point of a grid, and the plateau around it.

use super::grid::Grid;
use super::space::{Answered, Space};

/// Scores that differ by less are equal: sums of many numbers differ by rounding.
const SAME: f64 = 1e-9;

/// Metric to maximize.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Metric {
    /// The competition's: mean Dice of all images, 1 if truth and mask are both empty. The default.
    #[default]
    Dice,
    /// Mean Dice of the images whose true mask is not empty.
    DicePositives,
}

/// Which point of a plateau is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choose {
    /// The highest; of several equal ones, the one nearest to their middle. The default.
    #[default]
    Maximum,
    /// The one nearest to the middle of the plateau: those within [`WITHIN`] of the highest.
    Centre,
}

/// How far below the highest score a plateau extends.
pub const WITHIN: f64 = 0.001;

/// A score at every point, from images of which folds can be left out.
pub struct Totals {
    /// Sums of Dice, for each fold.
    sums: Vec<Vec<f64>>,
    /// The number of images that count, for each fold.
    counts: Vec<usize>,
}

/// A point with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// The point.
    pub point: usize,
    /// Its score.
    pub score: f64,
}

/// The points as good as the best, or nearly.
#[derive(Debug, Clone, PartialEq)]
pub struct Plateau {
    /// Its largest distance from the highest score.
    pub within: f64,
    /// The number of its points.
    pub points: usize,
    /// Each knob's lowest and highest value in it.
    pub ranges: Vec<(f64, f64)>,
}

impl Metric {
    /// Whether an image counts.
    #[must_use]
    pub fn counts(self, image: &Answered) -> bool {
        self == Self::Dice || image.positive
    }
}

impl Totals {
    /// Sums over images; `folds` holds the fold of each image, below `count`.
    #[must_use]
    pub fn new(space: &Space, images: &[Answered], metric: Metric, folds: &[usize], count: usize) -> Self {
        let points = space.grid().points();
        let mut sums = vec![vec![0.0; points]; count];
        let mut counts = vec![0; count];
        for (image, &fold) in images.iter().zip(folds).filter(|(image, _)| metric.counts(image)) {
            add(space, image, &mut sums[fold]);
            counts[fold] += 1;
        }
        Self { sums, counts }
    }

    /// The score at every point, on all images but those of a fold; NaN where a plugin refuses the point.
    #[must_use]
    pub fn scores(&self, without: Option<usize>) -> Vec<f64> {
        let folds = (0..self.sums.len()).filter(|fold| Some(*fold) != without);
        let mut scores = vec![0.0; self.sums.first().map_or(0, Vec::len)];
        let mut count = 0;
        for fold in folds {
            scores.iter_mut().zip(&self.sums[fold]).for_each(|(score, sum)| *score += sum);
            count += self.counts[fold];
        }
        scores.iter_mut().for_each(|score| *score /= count as f64);
        scores
    }

    /// The number of images that count, for each fold.
    #[must_use]
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }
}

/// Adds an image's Dice at every point.
fn add(space: &Space, image: &Answered, sums: &mut [f64]) {
    let (_, segmenters, steps) = space.shape();
    let nothing = image.nothing();
    for (block, sums) in sums.chunks_exact_mut(steps).enumerate() {
        let passes = image.classifier[block / segmenters] && image.segmenter[block % segmenters];
        match (passes, &*image.dice) {
            (true, [same]) => sums.iter_mut().for_each(|sum| *sum += f64::from(*same)),
            (true, dice) => sums.iter_mut().zip(dice).for_each(|(sum, &dice)| *sum += f64::from(dice)),
            (false, _) => sums.iter_mut().for_each(|sum| *sum += nothing),
        }
    }
    for (step, _) in space.accepted().iter().enumerate().filter(|(_, accepted)| !**accepted) {
        sums.iter_mut().skip(step).step_by(steps).for_each(|sum| *sum = f64::NAN);
    }
}

/// The point chosen by the scores at every point; `None` if no point has a score.
#[must_use]
pub fn choose(grid: &Grid, scores: &[f64], how: Choose) -> Option<Chosen> {
    let highest = highest(scores)?;
    let within = if how == Choose::Maximum { SAME } else { WITHIN };
    let good: Vec<Vec<usize>> = within_of(scores, highest, within).map(|point| grid.places(point)).collect();
    let middle: Vec<f64> = (0..grid.knobs.len())
        .map(|knob| good.iter().map(|places| places[knob] as f64).sum::<f64>() / good.len() as f64)
        .collect();
    // In steps of the grid, relative to each knob's number of values: a fine knob does not outweigh the others.
    let distance = |places: &[usize]| -> f64 {
        let one = |(knob, (&place, middle)): (&super::knob::Knob, (&usize, &f64))| {
            ((place as f64 - middle) / knob.values.len() as f64).powi(2)
        };
        grid.knobs.iter().zip(places.iter().zip(&middle)).map(one).sum()
    };
    let nearest = good.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let point = grid.point(nearest);
    Some(Chosen { point, score: scores[point] })
}

/// The points within a distance of the highest score.
#[must_use]
pub fn plateau(grid: &Grid, scores: &[f64], within: f64) -> Option<Plateau> {
    let highest = highest(scores)?;
    let mut ends = vec![(usize::MAX, 0); grid.knobs.len()];
    let mut points = 0;
    for point in within_of(scores, highest, within.max(SAME)) {
        points += 1;
        for ((low, high), place) in ends.iter_mut().zip(grid.places(point)) {
            (*low, *high) = ((*low).min(place), (*high).max(place));
        }
    }
    let ranges = grid.knobs.iter().zip(ends).map(|(knob, (low, high))| (knob.values[low], knob.values[high]));
    Some(Plateau { within, points, ranges: ranges.collect() })
}

fn highest(scores: &[f64]) -> Option<f64> {
    scores.iter().copied().filter(|score| !score.is_nan()).max_by(f64::total_cmp)
}

fn within_of(scores: &[f64], highest: f64, within: f64) -> impl Iterator<Item = usize> {
    scores.iter().enumerate().filter(move |(_, score)| **score >= highest - within).map(|(point, _)| point)
}
