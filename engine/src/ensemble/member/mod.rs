//! Runs one member: its sets of weights in turn, their outputs averaged, its map resized to its place in the output.
//!
//! `prepare → views → snapshot (tensor → model → outputs → map) → inverse of the views → answer`: `ask` runs this, or
//! reads from the `cache`; `early` ends it when the gate is decided.

pub mod answer;
mod ask;
pub mod cache;
mod channels;
mod classes;
pub mod compatibility;
pub mod early;
pub mod inputs;
mod map;
#[cfg(feature = "optimize")]
pub mod model_input;
pub mod outputs;
mod own;
pub mod part;
mod placement;
pub mod prepare;
pub mod probability;
pub mod small;
mod snapshot;
pub mod tensor;
pub mod views;
pub mod weights;
pub mod windows;

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::postprocess;
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::manifest::{self, Average, MapResize, When};
use crate::plugin::Plugin;
use crate::{Radiograph, Size};
use answer::{Answer, Mean, MemberAnswer, Sum, ViewAnswer};
use cache::{Cache, Counts};
use early::{BoundsIfDecided, GateDecided, MemberOutcome};
use inputs::Inputs;
use map::Map;
use prepare::{Prepared, Recipe};
use probability::{MIDDLE, sigmoid};
use small::{Given, Small};
use views::View;
use weights::Weights;

/// A member, ready to run.
pub struct Member {
    pub manifest: manifest::Member,
    pub weights: Vec<Weights>,
    /// The index of the ensemble's recipe that prepares its images.
    pub recipe: usize,
    /// The index of the members whose networks see the same; `None` if nothing is shared, as for windows.
    pub inputs: Option<usize>,
    pub views: Vec<View>,
    /// (height, width) of each view.
    pub view_sizes: Vec<Size>,
    /// The weights of a window's pixels, (height, width), if it sees windows.
    pub window_weights: Option<Array2<f32>>,
    /// The outputs that the merge or the gate needs.
    pub wanted: RequiredOutputs,
    /// From the member's own map to its mask.
    pub postprocess: Vec<(Option<When>, Arc<Plugin>)>,
    /// The probability above which views are compared, if a step depends on it.
    pub compare_above: Option<f32>,
    /// A hash of everything, besides the image and the weights, that an output depends on; only with a cache.
    pub fingerprint: String,
}

/// The shared state for working on a batch.
pub struct BatchContext<'a> {
    pub radiographs: &'a [&'a Radiograph],
    pub recipes: &'a [Recipe],
    pub prepared: &'a mut Prepared,
    pub inputs: Inputs,
    /// The maximum number of images per run of a model.
    pub batch: usize,
    pub cache: Option<&'a Cache>,
    pub counts: &'a Counts,
    /// Where its models run.
    pub slot: DeviceSlot<'a>,
    /// Keep every member's output, whatever the gate decides.
    pub keep: bool,
}

impl Member {
    /// Runs the member over images; outputs are in the order of `tasks`.
    ///
    /// With `settled`, which says whether bounds of the member's score for an image decide the gate, no further views
    /// of that image run.
    pub fn run(
        &self,
        context: &mut BatchContext<'_>,
        tasks: &[ImageTask],
        settled: Option<GateDecided<'_>>,
    ) -> Vec<Result<MemberOutcome<Given>, ImageError>> {
        let settled = settled.filter(|_| self.goes_by_view());
        let end = |task: &ImageTask, sum: &Sum, index: usize, views: &[ViewAnswer]| {
            let settled = settled?;
            let bounds = self.score_bounds(sum, index, views, task.fold);
            settled(task, bounds).then_some(bounds)
        };
        let mut sums: Vec<Result<MemberOutcome<Sum>, ImageError>> =
            tasks.iter().map(|_| Ok(MemberOutcome::Whole(Sum::default()))).collect();
        for (index, weights) in self.weights.iter().enumerate() {
            let mut turn = Vec::new();
            for (place, task) in tasks.iter().enumerate().filter(|(_, task)| weights.answers_for(task.fold)) {
                let Ok(MemberOutcome::Whole(sum)) = &sums[place] else { continue };
                // Before the first set of weights, the stage has already checked.
                match (index > 0).then(|| end(task, sum, index, &[])).flatten() {
                    Some(bounds) => sums[place] = Ok(MemberOutcome::GateDecided(bounds)),
                    None => turn.push(place),
                }
            }
            let settle = |task: &ImageTask, views: &[ViewAnswer]| {
                let place = tasks.iter().position(|other| other.image == task.image)?;
                let Ok(MemberOutcome::Whole(sum)) = &sums[place] else { return None };
                end(task, sum, index, views)
            };
            let asked: Vec<&ImageTask> = turn.iter().map(|&place| &tasks[place]).collect();
            let answers = self.ask(weights, context, &asked, settled.map(|_| &settle as BoundsIfDecided<'_>));
            for (place, answer) in turn.into_iter().zip(answers) {
                self.add(&mut sums[place], index, answer);
            }
            self.inputs.into_iter().for_each(|group| context.inputs.seen(group));
        }
        let context: &BatchContext<'_> = context;
        let finish = |(sum, task): (Result<MemberOutcome<Sum>, ImageError>, &ImageTask)| match sum? {
            MemberOutcome::Whole(sum) => self.finish(context, sum, task).map(MemberOutcome::Whole),
            MemberOutcome::GateDecided(bounds) => Ok(MemberOutcome::GateDecided(bounds)),
        };
        let slot = context.slot;
        slot.clock.time(PipelineStep::Merge, || slot.pool.run(|| sums.into_par_iter().zip(tasks).map(finish).collect()))
    }

    /// Adds the output of a set of weights for an image.
    fn add(
        &self,
        sum: &mut Result<MemberOutcome<Sum>, ImageError>,
        index: usize,
        answer: Result<MemberOutcome<Answer>, ImageError>,
    ) {
        let weights = &self.weights[index];
        let added = match (sum.as_mut(), answer) {
            (Ok(MemberOutcome::Whole(sum)), Ok(MemberOutcome::Whole(answer))) => {
                let added = sum.add(index, answer, weights.manifest.weight, self.threshold_of(weights));
                added.map_err(|message| self.wrong_map(message))
            }
            (_, Ok(MemberOutcome::GateDecided(bounds))) => {
                *sum = Ok(MemberOutcome::GateDecided(bounds));
                Ok(())
            }
            (_, Ok(MemberOutcome::Whole(_))) => Ok(()),
            (_, Err(error)) => Err(error),
        };
        if let Err(error) = added {
            *sum = Err(error);
        }
    }

    /// From the mean over the sets of weights to the member's output.
    fn finish(&self, context: &BatchContext<'_>, sum: Sum, task: &ImageTask) -> Result<Given, ImageError> {
        let mean = sum.mean();
        if mean.views.is_empty() {
            let (member, fold) = (self.manifest.name.clone(), task.fold.unwrap_or_default());
            return Err(ImageError::NoFold { member, fold });
        }
        let score = self.score(&mean).filter(|_| self.wanted.score);
        let Mean { map, agreement, threshold, views, .. } = mean;
        let answer = MemberAnswer { score, map: None, agreement, views };
        let Some(map) = map.filter(|_| self.wanted.map) else { return Ok(Given { answer, small: None }) };
        match self.small(context, map, task) {
            Ok(small) => Ok(Given { answer, small: Some(small) }),
            Err(map) => {
                let map = Some(self.own_map(context, map, threshold, agreement, task)?);
                Ok(Given { answer: MemberAnswer { map, ..answer }, small: None })
            }
        }
    }

    /// The map as it is, if it only has to be resized.
    fn small(&self, context: &BatchContext<'_>, map: Map, task: &ImageTask) -> Result<Small, Map> {
        let changed = self.is_shifted() || self.manifest.times_score || !self.postprocess.is_empty();
        if changed || self.region(context.radiographs[task.image], task).is_some() {
            return Err(map);
        }
        Small::new(map, task.size, self.map_resize())
    }

    fn map_resize(&self) -> MapResize {
        self.manifest.map.as_ref().map(|map| map.resize).unwrap_or_default()
    }

    /// The probability, if logits were averaged: of their mean, or from the map of their mean.
    fn score(&self, mean: &Mean) -> Option<f32> {
        match (self.manifest.average, self.manifest.score_from_map, &mean.map) {
            (Average::Probabilities, ..) => mean.score,
            (Average::Logits, Some(how), Some(map)) => {
                Some(outputs::score_from_map(map.clone().probabilities().view(), how))
            }
            (Average::Logits, ..) => mean.score.map(sigmoid),
        }
    }

    /// The network's map in its place in the output, after the member's own steps.
    fn own_map(
        &self,
        context: &BatchContext<'_>,
        map: Map,
        threshold: f32,
        agreement: Option<f32>,
        task: &ImageTask,
    ) -> Result<Array2<f32>, ImageError> {
        let radiograph = context.radiographs[task.image];
        let mut map = map.placed(self.place(radiograph, task), self.map_resize());
        if let Some(region) = self.region(radiograph, task) {
            map = region.at(task.size).paste(map.view());
        }
        if self.is_shifted() {
            map.mapv_inplace(|p| shifted(p, threshold));
        }
        if self.manifest.times_score {
            // Opening an ensemble ensures that the previous stage runs fully.
            let score = task.score.map_or(0.0, |(low, _)| low);
            map.mapv_inplace(|p| p * score);
        }
        if self.postprocess.is_empty() {
            return Ok(map);
        }
        let steps = self.postprocess.iter().filter(|(when, _)| when.is_none_or(|when| holds(when, agreement)));
        let steps: Vec<_> = steps.map(|(_, plugin)| Arc::clone(plugin)).collect();
        let context = postprocess::context(radiograph, task.score);
        let masks = postprocess::run(&steps, &context, map.view())
            .map_err(|source| ImageError::Member { member: self.manifest.name.clone(), source: Box::new(source) })?;
        let last = masks.into_iter().next_back().ok_or(ImageError::NoMask)?;
        Ok(last.pixels().mapv(|marked| f32::from(u8::from(marked))))
    }

    /// Whether the member's threshold shifts its maps, which may then leave 0..=1.
    pub fn is_shifted(&self) -> bool {
        let snapshots = &self.manifest.snapshots;
        self.manifest.threshold.is_some() || snapshots.iter().any(|snapshot| snapshot.threshold.is_some())
    }

    /// The lowest and the highest possible value of its map, for images of a fold.
    pub fn bounds(&self, fold: Option<u32>) -> (f32, f32) {
        if !self.is_shifted() {
            return (0.0, 1.0);
        }
        let mut sum = Sum::default();
        for weights in self.weights.iter().filter(|weights| weights.answers_for(fold)) {
            // An empty output adds no map whose size could be wrong.
            let _ = sum.add(0, Answer::default(), weights.manifest.weight, self.threshold_of(weights));
        }
        let threshold = sum.mean().threshold;
        (shifted(0.0, threshold), shifted(1.0, threshold))
    }

    fn threshold_of(&self, weights: &Weights) -> f32 {
        weights.manifest.threshold.or(self.manifest.threshold).unwrap_or(MIDDLE)
    }

    fn wrong_map(&self, message: String) -> ImageError {
        let output = self.manifest.map.as_ref().map_or(String::new(), |map| map.output.clone());
        ImageError::Output { member: self.manifest.name.clone(), output, message }
    }
}

/// The number that a manifest's or a file's decimal fraction stands for: 0.7 is not the nearest single-precision number.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

/// A probability, shifted so that the threshold becomes 0.5. The difference comes first: at the threshold it is 0.
fn shifted(p: f32, threshold: f32) -> f32 {
    (p - threshold) + MIDDLE
}

fn holds(when: When, agreement: Option<f32>) -> bool {
    let dice = agreement.unwrap_or(1.0);
    when.views_dice_below.is_none_or(|below| dice < below) && when.views_dice_at_least.is_none_or(|least| dice >= least)
}
