//! A whole search: from files and their truth to the changes of a manifest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::ballots::{CachedOutputs, OutputCache};
use super::calibrate::{Calibrated, Method, calibrate};
use super::collect::{AnsweredImage, Evaluator};
use super::error::TuneError;
use super::nested::Folds;
use super::report::{Tuned, tune};
use super::search::{Choose, Metric};
use super::shares::lowest;
use super::space::{Answered, Space};
use super::weights::{WeightSearch, WeightSearchResult};
use super::write::{Number, calibrated, changed};
use crate::ensemble::ImageError;

/// What is told while images are answered.
pub trait Watch: Sync {
    /// Begins to answer images. `is_plain`: for a second time, with every plugin run at every point, because a plugin
    /// with a stock plugin's name behaves differently.
    fn begins(&self, is_plain: bool);

    /// An image is answered, or skipped because of an error.
    fn file(&self, file: &Path, error: Option<&ImageError>);

    /// Whether to stop, with [`TuneError::Stopped`]; asked before each image.
    fn stops(&self) -> bool {
        false
    }
}

/// How the best values are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// Metric to maximize.
    pub metric: Metric,
    /// Best point, or the centre of its plateau.
    pub how: Choose,
    /// The fold of each image, by id; otherwise folds are made.
    pub folds: Option<&'a HashMap<String, u32>>,
    /// The number of folds that are made, stratified by positives.
    pub nested: usize,
    /// Fits calibrated probabilities, too.
    pub calibrate: Option<Method>,
}

/// The results of all images at every point of a grid.
pub struct Collected {
    /// The grid.
    pub space: Space,
    /// The images, in the order of the files.
    pub images: Vec<Answered>,
    /// The number of files that were skipped.
    pub skipped: usize,
    /// The members' maps and scores, if weights are searched.
    outputs: Option<(OutputCache, Vec<CachedOutputs>)>,
}

/// The best values.
pub struct Found {
    /// The grid.
    pub space: Space,
    /// The best point, and its scores.
    pub tuned: Tuned,
    /// The best weights, if they were searched.
    pub weighed: Option<WeightSearchResult>,
    /// Calibrated probabilities, if they were fitted.
    pub calibrated: Option<Calibrated>,
}

impl Collected {
    /// Answers files at every point of a grid. `weights`: keeps what a search of weights needs, too.
    ///
    /// # Errors
    /// If an image has no truth or the id of another, a plugin fails, there are more points than a search can handle, all
    /// files were skipped, or the watcher stops it.
    pub fn collect(
        judge: &Evaluator<'_>,
        space: Space,
        files: &[PathBuf],
        weights: bool,
        watch: &dyn Watch,
    ) -> Result<Self, TuneError> {
        space.fits(files.len())?;
        watch.begins(false);
        let (space, (images, outputs, skipped)) = match answers(judge, &space, files, weights, watch) {
            Err(TuneError::NotStock) => {
                watch.begins(true);
                let space = space.plain();
                let found = answers(judge, &space, files, weights, watch)?;
                (space, found)
            }
            found => (space, found?),
        };
        if images.is_empty() {
            return Err(TuneError::TooFew(format!("all {} inputs were skipped", files.len())));
        }
        Ok(Self { space, images, skipped, outputs })
    }

    /// Searches the best values.
    ///
    /// # Errors
    /// If there are too few images for the folds, an image is in none, the weights cannot be searched, or the scores cannot
    /// be calibrated. `folder` is the manifest's.
    pub fn search(self, folder: &Path, choice: Choice<'_>) -> Result<Found, TuneError> {
        let Choice { metric, how, .. } = choice;
        let folds = match choice.folds {
            Some(list) => Folds::listed(&self.images, list)?,
            None => Folds::stratified(&self.images, choice.nested)?,
        };
        let calibrated = choice.calibrate.map(|method| {
            self.scores_stay()?;
            calibrate(&self.images, &folds, method)
        });
        let calibrated = calibrated.transpose()?;
        let Some((ballots, kept)) = self.outputs else {
            let tuned = tune(&self.space, &self.images, metric, &folds, how)?;
            return Ok(Found { space: self.space, tuned, weighed: None, calibrated });
        };
        let search = WeightSearch { space: &self.space, folder, ballots: &ballots, images: &kept, metric };
        let weighed = search.tune(self.images, &folds, how)?;
        Ok(Found { tuned: weighed.tuned.clone(), space: self.space, weighed: Some(weighed), calibrated })
    }
}

impl Collected {
    /// Whether the scores are those of the manifest that is written: a probability fitted to others would be wrong.
    fn scores_stay(&self) -> Result<(), TuneError> {
        let searched = |key: &str| key.starts_with("classifier.") && !key.starts_with("classifier.gate");
        let knob =
            self.space.grid().knobs.iter().find(|knob| searched(&knob.key)).map(|knob| format!("`{}`", knob.key));
        match knob.or_else(|| self.outputs.is_some().then(|| "the weights".to_owned())) {
            Some(what) => Err(TuneError::Calibration(format!(
                "{what} would be searched at the same time, which changes them: write the result, then calibrate it"
            ))),
            None => Ok(()),
        }
    }
}

impl Found {
    /// The text of the manifest with the best values and the calibration; `text` as it is if there is neither.
    ///
    /// # Errors
    /// As [`changed`] and [`calibrated`].
    pub fn applied(&self, text: &str, path: &Path) -> Result<String, TuneError> {
        let changes = self.changes();
        let text = if changes.is_empty() { text.to_owned() } else { changed(text, path, &changes)? };
        match &self.calibrated {
            Some(Calibrated { calibration, .. }) => calibrated(&text, path, calibration),
            None => Ok(text),
        }
    }

    /// The numbers of the manifest to change, by key; none if no point is better than the manifest as it is.
    #[must_use]
    pub fn changes(&self) -> Vec<(String, Number)> {
        if self.tuned.best.score <= self.tuned.current {
            return Vec::new();
        }
        let grid = self.space.grid();
        let values = grid.knobs.iter().zip(grid.values(self.tuned.best.point));
        let differ = values.filter(|(knob, value)| knob.current != Some(*value));
        let mut changes: Vec<_> = differ.map(|(knob, value)| (knob.key.clone(), knob.number(value))).collect();
        changes.extend(self.weighed.iter().flat_map(|weighed| weighed.weights.changes(grid.manifest())));
        changes
    }
}

type Answers = (Vec<Answered>, Option<(OutputCache, Vec<CachedOutputs>)>, usize);

fn answers(
    judge: &Evaluator<'_>,
    space: &Space,
    files: &[PathBuf],
    weights: bool,
    watch: &dyn Watch,
) -> Result<Answers, TuneError> {
    let (outputs, skipped) = (OutputCache::new(lowest(space)), AtomicUsize::new(0));
    let keep = |seen: &AnsweredImage<'_>| {
        if watch.stops() {
            return Err(TuneError::Stopped);
        }
        let answered = space.look(seen.image, seen.answers)?;
        let kept = weights.then(|| outputs.keep(seen.image, seen.answers, &answered)).transpose()?;
        Ok((answered, kept))
    };
    let found = judge.collect(files, &keep, &|file, error| {
        skipped.fetch_add(usize::from(error.is_some()), Relaxed);
        watch.file(file, error);
    })?;
    let (images, kept): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let outputs = weights.then(|| (outputs, kept.into_iter().flatten().collect()));
    Ok((images, outputs, skipped.into_inner()))
}
