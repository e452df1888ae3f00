//! One member at work: its sets of weights in turn, their answers averaged, its own map put in its place.

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::answer::{Answer, MemberAnswer, Sum};
use super::cache::{Cache, Counts, Key};
use super::clock::Work;
use super::error::ImageError;
use super::job::{Job, Wanted};
use super::lane::Lane;
use super::prepare::{Prepared, Recipe};
use super::resize::resized;
use super::snapshot::Run;
use super::views::View;
use super::weights::Weights;
use super::{merge, postprocess};
use crate::Radiograph;
use crate::manifest::{self, Resize, When};
use crate::plugin::Plugin;

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
    pub fn run(&self, bench: &mut Bench<'_>, jobs: &[Job]) -> Vec<Result<MemberAnswer, ImageError>> {
        let mut sums: Vec<Result<Sum, ImageError>> = jobs.iter().map(|_| Ok(Sum::default())).collect();
        for (index, weights) in self.weights.iter().enumerate() {
            let turn: Vec<usize> =
                (0..jobs.len()).filter(|&i| sums[i].is_ok() && weights.answers_for(jobs[i].fold)).collect();
            let asked: Vec<&Job> = turn.iter().map(|&i| &jobs[i]).collect();
            let threshold = self.threshold_of(weights);
            for (i, answer) in turn.into_iter().zip(self.ask(weights, bench, &asked)) {
                let sum = sums[i].as_mut().map_err(|error| error.clone());
                let added = sum.and_then(|sum| {
                    let added = sum.add(index, answer?, weights.manifest.weight, threshold);
                    added.map_err(|message| self.wrong_map(message))
                });
                if let Err(error) = added {
                    sums[i] = Err(error);
                }
            }
        }
        let bench: &Bench<'_> = bench;
        let finish = |(sum, job): (Result<Sum, ImageError>, &Job)| self.finish(bench, sum?, job);
        bench.lane.clock.time(Work::Merge, || sums.into_par_iter().zip(jobs).map(finish).collect())
    }

    /// What one set of weights says of images: from the cache, or by running its model.
    fn ask(&self, weights: &Weights, bench: &mut Bench<'_>, jobs: &[&Job]) -> Vec<Result<Answer, ImageError>> {
        let wanted = self.asked(bench);
        let cache = bench.cache;
        let key = |cache: &Cache, job: &Job| cache.key(self, weights, bench.radiographs[job.image], job);
        let keys: Vec<Option<Key>> = jobs.iter().map(|job| Some(key(cache?, job))).collect();
        let kept = |key: &Option<Key>| cache?.get(key.as_ref()?, self.wanted);
        let mut answers: Vec<Option<Result<Answer, ImageError>>> = keys.iter().map(|key| kept(key).map(Ok)).collect();
        let missing: Vec<usize> = (0..jobs.len()).filter(|&i| answers[i].is_none()).collect();
        bench.counts.replayed(jobs.len() - missing.len());
        let todo: Vec<&Job> = missing.iter().map(|&i| jobs[i]).collect();
        let mut found = self.infer(weights, bench, &todo, wanted);
        if wanted != self.wanted && found.iter().any(Result::is_err) {
            // What nobody wants must not cost an image that a run without a cache would answer.
            let failed: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_err()).collect();
            let again: Vec<&Job> = failed.iter().map(|&i| todo[i]).collect();
            for (i, answer) in failed.into_iter().zip(self.infer(weights, bench, &again, self.wanted)) {
                found[i] = answer;
            }
        }
        for (i, answer) in missing.into_iter().zip(found) {
            if let (Some(cache), Some(key), Ok(answer)) = (cache, &keys[i], &answer) {
                cache.put(key, answer);
            }
            answers[i] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }

    /// What a model is asked for. What is kept is kept whole, for whatever the next run wants of it.
    fn asked(&self, bench: &Bench<'_>) -> Wanted {
        let all = Wanted { score: self.manifest.gives_score(), map: self.manifest.map.is_some() };
        if bench.cache.is_some() { all } else { self.wanted }
    }

    fn infer(
        &self,
        weights: &Weights,
        bench: &mut Bench<'_>,
        jobs: &[&Job],
        wanted: Wanted,
    ) -> Vec<Result<Answer, ImageError>> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let model = match weights.model(bench.lane.device, &self.manifest, &self.view_sizes) {
            Ok(model) => model,
            Err(source) => {
                let error = ImageError::Model { member: self.manifest.name.clone(), source };
                return jobs.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let Bench { radiographs, recipes, .. } = *bench;
        let prepared = &mut *bench.prepared;
        let failed = bench.lane.clock.time(Work::Prepare, || prepared.fill(recipes, self.recipe, radiographs, jobs));
        let (mut good, mut places, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (place, job) in jobs.iter().enumerate() {
            let error = failed.iter().find(|(image, _)| *image == job.image).map(|(_, error)| Err(error.clone()));
            if error.is_none() {
                good.push(*job);
                places.push(place);
            }
            answers.push(error);
        }
        bench.counts.inferred(good.len());
        let fixed_batch = weights.fixed_batch(&self.manifest.input.name);
        let run = Run { member: self, model, fixed_batch, wanted, bench };
        for (place, answer) in places.into_iter().zip(run.answers(&good)) {
            answers[place] = Some(answer);
        }
        answers.into_iter().flatten().collect()
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
