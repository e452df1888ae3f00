//! Choosing on some folds and scoring on another: the score that is told is not the one that was made large.

use std::collections::{BTreeSet, HashMap};

use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::error::TuneError;
use super::search::{Choose, Metric, Totals, choose};
use super::space::{Answered, Space};

/// How often images are drawn anew for an interval.
const DRAWS: usize = 2000;
const SEED: u64 = 20_190_904;

/// Which fold each image is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    /// Each image's, from 0.
    pub of: Vec<usize>,
    /// What each fold is called.
    pub names: Vec<u32>,
}

/// One fold: what the others choose, and how good that is here.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldChoice {
    /// What the fold is called.
    pub name: u32,
    /// How many of its images count.
    pub images: usize,
    /// The point that the other folds' images choose.
    pub point: usize,
    /// The score of the other folds' images there.
    pub chosen_at: f64,
    /// The score of this fold's images there.
    pub score: f64,
    /// The score of this fold's images with the manifest as it is.
    pub current: f64,
}

/// A mean, with the interval in which 95 of 100 means lie when images are drawn anew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How good a search is on images that it has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// Each fold.
    pub folds: Vec<FoldChoice>,
    /// The mean over all images, each at the point that the other folds choose.
    pub score: f64,
    /// By how much that is better than the manifest as it is.
    pub gain: Interval,
}

impl Folds {
    /// The folds of a list, by id.
    ///
    /// # Errors
    /// Where an image is in none, or there are fewer than two.
    pub fn listed(images: &[Answered], list: &HashMap<String, u32>) -> Result<Self, TuneError> {
        let fold = |image: &Answered| {
            let missing = || TuneError::TooFew(format!("the list of folds does not have image `{}`", image.id));
            list.get(&image.id).copied().ok_or_else(missing)
        };
        let each: Vec<u32> = images.iter().map(fold).collect::<Result<_, _>>()?;
        let names: Vec<u32> = each.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let place = |name: &u32| names.binary_search(name).unwrap_or_default();
        Self { of: each.iter().map(place).collect(), names }.checked()
    }

    /// `count` folds, each with its share of the positive images; the same for the same ids, in any order.
    ///
    /// # Errors
    /// Where there are fewer images than folds, or fewer than two folds.
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

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    fn checked(self) -> Result<Self, TuneError> {
        if self.names.len() < 2 {
            return Err(TuneError::TooFew("one fold is none: to choose on some and score on others takes two".into()));
        }
        Ok(self)
    }
}

impl Nested {
    /// Chooses on all folds but one, for each.
    ///
    /// # Errors
    /// Where a fold, or all but one, has no image that counts.
    pub fn new(
        space: &Space,
        images: &[Answered],
        metric: Metric,
        folds: &Folds,
        totals: &Totals,
        how: Choose,
    ) -> Result<Self, TuneError> {
        let mut found = Vec::new();
        let (mut scores, mut gains) = (Vec::new(), Vec::new());
        for fold in 0..folds.count() {
            let count = totals.counts()[fold];
            let name = folds.names[fold];
            if count == 0 || count == totals.counts().iter().sum::<usize>() {
                return Err(TuneError::TooFew(format!("fold {name} has {count} of the images that count")));
            }
            let chosen = choose(space.grid(), &totals.scores(Some(fold)), how)
                .ok_or_else(|| TuneError::TooFew("no point has a score".into()))?;
            let own = images.iter().zip(&folds.of).filter(|(image, of)| **of == fold && metric.counts(image));
            let mut current = 0.0;
            for (image, _) in own {
                let score = image.at(space, chosen.point);
                scores.push(score);
                gains.push(score - image.current);
                current += image.current / count as f64;
            }
            let score = totals.of_fold(fold, chosen.point);
            let (point, chosen_at) = (chosen.point, chosen.score);
            found.push(FoldChoice { name, images: count, point, chosen_at, score, current });
        }
        Ok(Self { folds: found, score: mean(&scores), gain: interval(&gains) })
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
    Interval { mean: mean(values), low: at(0.025), high: at(0.975) }
}

/// The standard error of a mean.
#[must_use]
pub fn standard_error(values: &[f64]) -> f64 {
    let (count, mean) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if values.len() < 2 { 0.0 } else { (squares / (count - 1.0) / count).sqrt() }
}

/// The mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
