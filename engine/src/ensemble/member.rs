//! One member at work: its sets of weights in turn, their answers averaged, its own map put in its place.

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::answer::{Answer, MemberAnswer, Sum, ViewAnswer};
use super::cache::{Cache, Counts};
use super::clock::Work;
use super::early::{Asked, Settle, Settled};
use super::error::ImageError;
use super::job::{Job, Wanted};
use super::lane::Lane;
use super::prepare::{Prepared, Recipe};
use super::views::View;
use super::weights::Weights;
use super::{merge, postprocess};
use crate::Radiograph;
use crate::manifest::{self, Resize, When};
use crate::plugin::Plugin;
use pleura_image::resize::resized;

/// A member, ready to run.
pub struct Member {
    pub manifest: manifest::Member,
    pub weights: Vec<Weights>,
    /// Which of the ensemble's recipes prepares its images.
    pub recipe: usize,
    pub views: Vec<View>,
    /// (height, width) of each view.
    pub view_sizes: Vec<(usize, usize)>,
    /// What the merge or the gate needs of it.
    pub wanted: Wanted,
    /// From the member's own map to its mask.
    pub postprocess: Vec<(Option<When>, Arc<Plugin>)>,
    /// The probability above which views are compared, where a step depends on it.
    pub compare_above: Option<f32>,
    /// What, besides the image and the weights, an answer depends on: a hash, where answers are cached.
    pub fingerprint: String,
}

/// What a batch is worked on with.
pub struct Bench<'a> {
    pub radiographs: &'a [&'a Radiograph],
    pub recipes: &'a [Recipe],
    pub prepared: &'a mut Prepared,
    /// The most images that a model is given at once.
    pub batch: usize,
    pub cache: Option<&'a Cache>,
    pub counts: &'a Counts,
    /// Where its models run.
    pub lane: Lane<'a>,
    /// Keep every member's answer, whatever the gate comes to.
    pub keep: bool,
}

impl Member {
    /// Runs the member over images; the answers come in the order of `jobs`.
    ///
    /// With `settled`, which tells whether bounds of the member's score for an image settle what the stage is asked, the
    /// image is looked at no further than that.
    pub fn run(
        &self,
        bench: &mut Bench<'_>,
        jobs: &[Job],
        settled: Option<Settled<'_>>,
    ) -> Vec<Result<Asked<MemberAnswer>, ImageError>> {
        let settled = settled.filter(|_| self.goes_by_view());
        let end = |job: &Job, sum: &Sum, index: usize, views: &[ViewAnswer]| {
            let settled = settled?;
            let bounds = self.score_bounds(sum, index, views, job.fold);
            settled(job, bounds).then_some(bounds)
        };
        let mut sums: Vec<Result<Asked<Sum>, ImageError>> =
            jobs.iter().map(|_| Ok(Asked::Whole(Sum::default()))).collect();
        for (index, weights) in self.weights.iter().enumerate() {
            let mut turn = Vec::new();
            for (place, job) in jobs.iter().enumerate().filter(|(_, job)| weights.answers_for(job.fold)) {
                let Ok(Asked::Whole(sum)) = &sums[place] else { continue };
                // Before the first, the stage has seen to it.
                match (index > 0).then(|| end(job, sum, index, &[])).flatten() {
                    Some(bounds) => sums[place] = Ok(Asked::Settled(bounds)),
                    None => turn.push(place),
                }
            }
            let settle = |job: &Job, views: &[ViewAnswer]| {
                let place = jobs.iter().position(|other| other.image == job.image)?;
                let Ok(Asked::Whole(sum)) = &sums[place] else { return None };
                end(job, sum, index, views)
            };
            let asked: Vec<&Job> = turn.iter().map(|&place| &jobs[place]).collect();
            let answers = self.ask(weights, bench, &asked, settled.map(|_| &settle as Settle<'_>));
            for (place, answer) in turn.into_iter().zip(answers) {
                self.add(&mut sums[place], index, answer);
            }
        }
        let bench: &Bench<'_> = bench;
        let finish = |(sum, job): (Result<Asked<Sum>, ImageError>, &Job)| match sum? {
            Asked::Whole(sum) => self.finish(bench, sum, job).map(Asked::Whole),
            Asked::Settled(bounds) => Ok(Asked::Settled(bounds)),
        };
        let lane = bench.lane;
        lane.clock.time(Work::Merge, || lane.pool.run(|| sums.into_par_iter().zip(jobs).map(finish).collect()))
    }

    /// Adds what a set of weights said of an image.
    fn add(&self, sum: &mut Result<Asked<Sum>, ImageError>, index: usize, answer: Result<Asked<Answer>, ImageError>) {
        let weights = &self.weights[index];
        let added = match (sum.as_mut(), answer) {
            (Ok(Asked::Whole(sum)), Ok(Asked::Whole(answer))) => {
                let added = sum.add(index, answer, weights.manifest.weight, self.threshold_of(weights));
                added.map_err(|message| self.wrong_map(message))
            }
            (_, Ok(Asked::Settled(bounds))) => {
                *sum = Ok(Asked::Settled(bounds));
                Ok(())
            }
            (_, Ok(Asked::Whole(_))) => Ok(()),
            (_, Err(error)) => Err(error),
        };
        if let Err(error) = added {
            *sum = Err(error);
        }
    }

    /// (height, width) of the place in the output that the network's map is brought to.
    pub fn place(&self, job: &Job) -> (usize, usize) {
        self.region(job).map_or(job.size, |region| region.at(job.size).dim())
    }

    /// The part of the image that the network sees, where that is not all of it.
    pub fn region(&self, job: &Job) -> Option<super::job::Region> {
        job.region.filter(|_| self.manifest.crop)
    }

    /// From the mean of the sets of weights to the member's answer.
    fn finish(&self, bench: &Bench<'_>, sum: Sum, job: &Job) -> Result<MemberAnswer, ImageError> {
        let (mut mean, threshold) = sum.mean();
        if mean.views.is_empty() {
            let (member, fold) = (self.manifest.name.clone(), job.fold.unwrap_or_default());
            return Err(ImageError::NoFold { member, fold });
        }
        mean.map = match mean.map.take() {
            Some(map) if self.wanted.map => Some(self.own_map(bench, map, threshold, mean.agreement, job)?),
            _ => None,
        };
        mean.score = mean.score.filter(|_| self.wanted.score);
        Ok(mean)
    }

    /// The network's map in its place, and what is done to it before the merge.
    fn own_map(
        &self,
        bench: &Bench<'_>,
        map: Array2<f32>,
        threshold: f32,
        agreement: Option<f32>,
        job: &Job,
    ) -> Result<Array2<f32>, ImageError> {
        let mut map = resized(map, self.place(job), Resize::Linear);
        map.mapv_inplace(|p| p.clamp(0.0, 1.0));
        if let Some(region) = self.region(job) {
            map = region.at(job.size).paste(map.view());
        }
        if self.is_shifted() {
            map.mapv_inplace(|p| shifted(p, threshold));
        }
        if self.manifest.times_score {
            // Opening an ensemble makes sure that the stage before is run to its end.
            let score = job.score.map_or(0.0, |(low, _)| low);
            map.mapv_inplace(|p| p * score);
        }
        if self.postprocess.is_empty() {
            return Ok(map);
        }
        let steps = self.postprocess.iter().filter(|(when, _)| when.is_none_or(|when| holds(when, agreement)));
        let steps: Vec<_> = steps.map(|(_, plugin)| Arc::clone(plugin)).collect();
        let context = postprocess::context(bench.radiographs[job.image], job.score);
        let masks = postprocess::run(&steps, &context, map.view())
            .map_err(|source| ImageError::Member { member: self.manifest.name.clone(), source: Box::new(source) })?;
        let last = masks.into_iter().next_back().ok_or(ImageError::NoMask)?;
        Ok(last.pixels().mapv(|marked| f32::from(u8::from(marked))))
    }

    /// Whether maps are shifted by a threshold of the member's, and may leave 0..=1.
    pub fn is_shifted(&self) -> bool {
        let snapshots = &self.manifest.snapshots;
        self.manifest.threshold.is_some() || snapshots.iter().any(|snapshot| snapshot.threshold.is_some())
    }

    /// The lowest and the highest value that its map can hold, for images of a fold.
    pub fn bounds(&self, fold: Option<u32>) -> (f32, f32) {
        if !self.is_shifted() {
            return (0.0, 1.0);
        }
        let mut sum = Sum::default();
        for weights in self.weights.iter().filter(|weights| weights.answers_for(fold)) {
            // An empty answer adds nothing that could be of a wrong size.
            let _ = sum.add(0, Answer::default(), weights.manifest.weight, self.threshold_of(weights));
        }
        let (_, threshold) = sum.mean();
        (shifted(0.0, threshold), shifted(1.0, threshold))
    }

    fn threshold_of(&self, weights: &Weights) -> f32 {
        weights.manifest.threshold.or(self.manifest.threshold).unwrap_or(merge::MIDDLE)
    }

    fn wrong_map(&self, message: String) -> ImageError {
        let output = self.manifest.map.as_ref().map_or(String::new(), |map| map.output.clone());
        ImageError::Output { member: self.manifest.name.clone(), output, message }
    }
}

/// A probability, moved so that 0.5 is where the threshold lies. The difference comes first: at the threshold it is 0.
fn shifted(p: f32, threshold: f32) -> f32 {
    (p - threshold) + merge::MIDDLE
}

fn holds(when: When, agreement: Option<f32>) -> bool {
    let dice = agreement.unwrap_or(1.0);
    when.views_dice_below.is_none_or(|below| dice < below) && when.views_dice_at_least.is_none_or(|least| dice >= least)
}
