//! Nested cross-validation: the score is measured on folds not used for the choice.

use std::collections::{BTreeSet, HashMap};

use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::error::TuneError;
use super::search::{Choose, Chosen, Metric, Totals, choose};
use super::space::{Answered, Space};

/// The number of bootstrap resamples for an interval.
const DRAWS: usize = 2000;
const SEED: u64 = 20_190_904;

/// The fold of each image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    /// Each image's fold, from 0.
    pub of: Vec<usize>,
    /// The folds' names.
    pub names: Vec<u32>,
}

/// One fold: the choice on the other folds, and its score on this one.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldChoice {
    /// The fold's name.
    pub name: u32,
    /// The number of its images that count.
    pub images: usize,
    /// The point chosen on the other folds' images.
    pub point: usize,
    /// The score of the other folds' images at this point.
    pub chosen_at: f64,
    /// The score of this fold's images at this point.
    pub score: f64,
    /// The score of this fold's images with the current manifest.
    pub current: f64,
}

/// A mean, with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The interval's ends; `None` if every image has the same value, which says nothing about others.
    pub bounds: Option<(f64, f64)>,
}

/// The quality of a search on images that it has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// The choice and score of each fold.
    pub folds: Vec<FoldChoice>,
    /// The mean over all images, each at the point chosen on the other folds.
    pub score: f64,
    /// The improvement over the current manifest.
    pub gain: Interval,
}

impl Folds {
    /// The folds of a list, by id.
    ///
    /// # Errors
    /// If an image has no fold, or there are fewer than two folds.
    pub fn listed(images: &[Answered], list: &HashMap<String, u32>) -> Result<Self, TuneError> {
        let fold = |image: &Answered| {
            let missing = || TuneError::TooFew(format!("the list of folds lacks image `{}`", image.id));
            list.get(&image.id).copied().ok_or_else(missing)
        };
        let each: Vec<u32> = images.iter().map(fold).collect::<Result<_, _>>()?;
        let names: Vec<u32> = each.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let place = |name: &u32| names.binary_search(name).unwrap_or_default();
        Self { of: each.iter().map(place).collect(), names }.checked()
    }

    /// `count` folds, each with its share of the positive images; independent of the order of ids.
    ///
    /// # Errors
    /// If there are fewer images than folds, or fewer than two folds.
    pub fn stratified(images: &[Answered], count: usize) -> Result<Self, TuneError> {
        if images.len() < count {
            return Err(TuneError::TooFew(format!("{} images are too few for {count} folds", images.len())));
        }
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut of = vec![0; images.len()];
        let mut dealt = 0;
        for positive in [true, false] {
            let mut some: Vec<usize> = (0..images.len()).filter(|&place| images[place].positive == positive).collect();
            some.sort_by_key(|&place| &images[place].id);
            some.shuffle(&mut random);
            for place in some {
                of[place] = dealt % count;
                dealt += 1;
            }
        }
        Self { of, names: (0..count as u32).collect() }.checked()
    }

    /// The number of folds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Checks that there are images to score in a fold, and images to choose by outside of it.
    pub(super) fn check(&self, totals: &Totals, fold: usize) -> Result<(), TuneError> {
        let (count, all) = (totals.counts()[fold], totals.counts().iter().sum::<usize>());
        if count == 0 || count == all {
            let number = fold + 1;
            return Err(TuneError::TooFew(format!(
                "fold {number} has {count} of the {all} images that count: every fold \
                                                  needs some, but not all"
            )));
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, TuneError> {
        if self.names.len() < 2 {
            return Err(TuneError::TooFew(
                "expected two or more folds, found one: cross-validation chooses on some and \
                                          scores on others"
                    .into(),
            ));
        }
        Ok(self)
    }
}

/// The results of a fold's images at the others' choice: each one's score, and its gain.
pub(super) struct Part {
    choice: FoldChoice,
    scores: Vec<f64>,
    gains: Vec<f64>,
}

impl Nested {
    /// For each fold, chooses on all others.
    ///
    /// # Errors
    /// If a fold, or all others together, have no image that counts.
    pub fn new(
        space: &Space,
        images: &[Answered],
        metric: Metric,
        folds: &Folds,
        totals: &Totals,
        how: Choose,
    ) -> Result<Self, TuneError> {
        let part = |fold| {
            folds.check(totals, fold)?;
            let scores = totals.scores(Some(fold));
            let chosen = choose(space.grid(), &scores, how).ok_or_else(TuneError::no_score)?;
            Ok(Part::new(space, images, metric, (folds, fold), chosen))
        };
        Ok(Self::from_parts((0..folds.count()).map(part).collect::<Result<_, TuneError>>()?))
    }

    /// Combines all folds.
    pub(super) fn from_parts(parts: Vec<Part>) -> Self {
        let together = |of: fn(&Part) -> &Vec<f64>| parts.iter().flat_map(of).copied().collect::<Vec<_>>();
        let (scores, gains) = (together(|part| &part.scores), together(|part| &part.gains));
        Self {
            folds: parts.into_iter().map(|part| part.choice).collect(),
            score: mean(&scores),
            gain: interval(&gains),
        }
    }
}

impl Part {
    pub(super) fn new(
        space: &Space,
        images: &[Answered],
        metric: Metric,
        (folds, fold): (&Folds, usize),
        chosen: Chosen,
    ) -> Self {
        let own = images.iter().zip(&folds.of).filter(|(image, of)| **of == fold && metric.counts(image));
        let own: Vec<&Answered> = own.map(|(image, _)| image).collect();
        let scores: Vec<f64> = own.iter().map(|image| image.at(space, chosen.point)).collect();
        let current: Vec<f64> = own.iter().map(|image| image.current).collect();
        let choice = FoldChoice {
            name: folds.names[fold],
            images: own.len(),
            point: chosen.point,
            chosen_at: chosen.score,
            score: mean(&scores),
            current: mean(&current),
        };
        let gains = scores.iter().zip(&current).map(|(score, current)| score - current).collect();
        Self { choice, scores, gains }
    }
}

/// A mean with its interval, by the bootstrap: percentiles of the means of images drawn with replacement, seeded.
#[must_use]
pub fn interval(values: &[f64]) -> Interval {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let draw = |_| {
        let sum: f64 = (0..values.len()).filter_map(|_| values.choose(&mut random)).sum();
        sum / values.len() as f64
    };
    let mut means: Vec<f64> = (0..DRAWS).map(draw).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((means.len() - 1) as f64 * share).round() as usize];
    // sums of equal values differ by rounding
    let moves = values.iter().any(|value| (value - values[0]).abs() > 1e-12);
    Interval { mean: mean(values), bounds: moves.then(|| (at(0.025), at(0.975))) }
}

/// The standard error of a mean.
#[must_use]
pub fn standard_error(values: &[f64]) -> f64 {
    let (count, mean) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if values.len() < 2 { 0.0 } else { (squares / (count - 1.0) / count).sqrt() }
}

/// The mean; 0 if there are no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
