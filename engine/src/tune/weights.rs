//! Members' weights: Nelder and Mead's simplex for the weights at one point of the grid, then the grid with those weights.
//!
//! The simplex starts three times, at the manifest's weights, at equal ones and at random ones, the same in each run.
//! Its result is rounded to hundredths, and counts only if it then scores higher.

use std::path::Path;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::ballots::{CachedOutputs, OutputCache};
use super::error::TuneError;
use super::gates::StageOutputs;
use super::merge;
use super::nested::{Folds, Nested, Part};
use super::report::{Tuned, summarise};
use super::search::{Choose, Chosen, Metric, Totals, choose};
use super::shares::{Moved, Weights, fixed};
use super::simplex::maximize;
use super::space::{Answered, Space, shortened};
use crate::ensemble::MemberAnswer;
use crate::manifest::Stage;
use crate::pool::Pool;

const SEED: u64 = 7;
/// The result of a search of weights and grid.
pub struct WeightSearchResult {
    /// The best weights.
    pub weights: Weights,
    /// For each fold, the weights chosen on the others.
    pub folds: Vec<Weights>,
    /// The images with the best weights.
    pub images: Vec<Answered>,
    /// The grid, with those weights.
    pub tuned: Tuned,
}

/// A search of weights.
pub struct WeightSearch<'a> {
    /// The grid, opened.
    pub space: &'a Space,
    /// The manifest's folder.
    pub folder: &'a Path,
    /// The members' maps.
    pub ballots: &'a OutputCache,
    /// The images.
    pub images: &'a [CachedOutputs],
    /// Metric to maximize.
    pub metric: Metric,
}

impl WeightSearch<'_> {
    /// Searches weights and grid, nested by fold; `images` are those of the cached outputs, with the manifest's
    /// weights.
    ///
    /// # Errors
    /// If no stage's weights can be searched, there are too few images for the folds, or a plugin fails.
    pub fn tune(&self, images: Vec<Answered>, folds: &Folds, how: Choose) -> Result<WeightSearchResult, TuneError> {
        let manifest = self.space.grid().manifest();
        let reasons = [Moved::Segmenter, Moved::Classifier].map(|moved| fixed(manifest, moved));
        if let [Some(segmenter), Some(classifier)] = reasons {
            let why = format!("{segmenter}; those of the classifier stage: {classifier}");
            return Err(TuneError::Weights { stage: "segmentation", why });
        }
        let start = Weights::from_manifest(manifest);
        let totals = self.totals(&images, folds);
        let (mut parts, mut chosen) = (Vec::new(), Vec::new());
        for fold in 0..folds.count() {
            folds.check(&totals, fold)?;
            let (found, weights) = self.best(&start, (&images, &totals), folds, Some(fold), how)?;
            let images = found.images.as_ref().unwrap_or(&images);
            parts.push(Part::new(self.space, images, self.metric, (folds, fold), found.chosen));
            chosen.push(weights);
        }
        let (found, weights) = self.best(&start, (&images, &totals), folds, None, how)?;
        let images = found.images.unwrap_or(images);
        let totals = self.totals(&images, folds);
        let tuned = summarise(self.space, &images, self.metric, &totals, how, Nested::from_parts(parts))?;
        Ok(WeightSearchResult { weights, folds: chosen, images, tuned })
    }

    /// The best weights and the best point with them, on all images but those of a fold.
    fn best(
        &self,
        start: &Weights,
        (images, totals): (&[Answered], &Totals),
        folds: &Folds,
        without: Option<usize>,
        how: Choose,
    ) -> Result<(Found, Weights), TuneError> {
        let grid = self.space.grid();
        let before = choose(grid, &totals.scores(without), how).ok_or_else(TuneError::no_score)?;
        let counts: Vec<&CachedOutputs> = self
            .images
            .iter()
            .zip(images.iter().zip(&folds.of))
            .filter(|(_, (image, fold))| Some(**fold) != without && self.metric.counts(image))
            .map(|(ballot, _)| ballot)
            .collect();
        let (_, segmenters, steps) = self.space.shape();
        let space = Space::open(grid.alone(before.point), self.folder)?;
        let there = SinglePointSpace { space, choice: before.point / steps / segmenters };
        let mut weights = start.clone();
        for moved in [Moved::Segmenter, Moved::Classifier] {
            if fixed(grid.manifest(), moved).is_none() {
                weights = self.moved(weights, moved, &there, &counts)?;
            }
        }
        if weights == *start {
            return Ok((Found { chosen: before, images: None }, weights));
        }
        let images = self.answered(&weights)?;
        let after = choose(grid, &self.totals(&images, folds).scores(without), how).ok_or_else(TuneError::no_score)?;
        if after.score > before.score {
            Ok((Found { chosen: after, images: Some(images) }, weights))
        } else {
            Ok((Found { chosen: before, images: None }, start.clone()))
        }
    }

    /// Moves one stage's weights to the highest score at one point.
    fn moved(
        &self,
        start: Weights,
        moved: Moved,
        there: &SinglePointSpace,
        images: &[&CachedOutputs],
    ) -> Result<Weights, TuneError> {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let count = start.of_stage(moved).len();
        let own: Vec<f64> = start.of_stage(moved).iter().map(|weight| f64::from(*weight).sqrt()).collect();
        let starts = [own, vec![1.0; count], (0..count).map(|_| random.random_range(0.1..1.0)).collect()];
        let score = |weights: &Weights| self.score(weights, there, images);
        let (mut best, mut highest) = (start.clone(), score(&start)?);
        let there_at = |weights: &[f64]| score(&start.with(moved, rounded(weights, 1e6)));
        for from in starts {
            let found = maximize(&from, &there_at)?;
            let found = start.with(moved, rounded(&found, 100.0));
            let here = score(&found)?;
            if here > highest + 1e-9 {
                (best, highest) = (found, here);
            }
        }
        Ok(best)
    }

    /// The mean score at the only point of a space.
    fn score(&self, weights: &Weights, there: &SinglePointSpace, images: &[&CachedOutputs]) -> Result<f64, TuneError> {
        let one = |ballot: &&CachedOutputs| {
            Ok(self.look(ballot, weights, &there.space, Some(there.choice))?.at(&there.space, 0))
        };
        let pool = Pool::shared(0).map_err(TuneError::Threads)?;
        let dice = pool.run(|| images.par_iter().map(one).collect::<Result<Vec<f64>, TuneError>>())?;
        Ok(dice.iter().sum::<f64>() / dice.len() as f64)
    }

    /// The results of all images at all points.
    fn answered(&self, weights: &Weights) -> Result<Vec<Answered>, TuneError> {
        let pool = Pool::shared(0).map_err(TuneError::Threads)?;
        let look = |ballot| self.look(ballot, weights, self.space, None);
        pool.run(|| self.images.par_iter().map(look).collect())
    }

    fn totals(&self, images: &[Answered], folds: &Folds) -> Totals {
        Totals::new(self.space, images, self.metric, &folds.of, folds.count())
    }

    /// The results of an image at all points of a space; in a space of one point, `choice` is that of the classifier's
    /// gate.
    fn look(
        &self,
        ballot: &CachedOutputs,
        weights: &Weights,
        space: &Space,
        choice: Option<usize>,
    ) -> Result<Answered, TuneError> {
        let manifest = space.grid().manifest();
        let (classifier_gates, segmenter_gates) = space.gates();
        let mut context = ballot.context.clone();
        let classifier = match &manifest.classifier {
            Some(stage) if fixed(manifest, Moved::Classifier).is_none() => {
                let score = merge::score(stage, &ballot.classifiers, &weights.classifier);
                context.score = score.map_or(context.score, |score| (score, score));
                let said = ballot.classifiers.iter().map(|&score| MemberAnswer { score, ..MemberAnswer::default() });
                let said: Vec<MemberAnswer> = said.collect();
                classifier_gates.passes(StageOutputs { score, map: None }, &said.iter().collect::<Vec<_>>())
            }
            _ => choice.map_or_else(|| ballot.passes.clone(), |choice| vec![ballot.passes[choice]]),
        };
        let stage: &Stage = &manifest.segmenter;
        let said = self.ballots.answers(ballot)?;
        let boxed = merge::map(stage, said.iter().map(|answer| answer.map.as_ref()), &weights.segmenter);
        let map = ballot.whole(boxed.unwrap_or_default());
        let score = merge::score(stage, &ballot.segmenters, &weights.segmenter);
        let failed = |source| TuneError::Image { id: ballot.id.clone(), source: Box::new(source) };
        Ok(Answered {
            id: ballot.id.clone(),
            positive: !ballot.target.is_empty(),
            current: ballot.current,
            // not calibrated together with weights
            score: None,
            classifier,
            segmenter: segmenter_gates
                .passes(StageOutputs { score, map: Some(&map) }, &said.iter().collect::<Vec<_>>()),
            dice: shortened(space.chain().dice(map.view(), &ballot.target, &context).map_err(failed)?),
        })
    }
}

/// A space of one point, and its choice of the classifier's gate.
struct SinglePointSpace {
    space: Space,
    choice: usize,
}

/// A point, and the images' results with other weights than the manifest's.
struct Found {
    chosen: Chosen,
    images: Option<Vec<Answered>>,
}

/// Weights in multiples of one `parts`-th.
fn rounded(weights: &[f64], parts: f64) -> Vec<f32> {
    weights.iter().map(|weight| ((weight * parts).round() / parts) as f32).collect()
}
