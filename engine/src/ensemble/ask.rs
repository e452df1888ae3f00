//! Asking one set of weights: from the cache, or by its model.

use super::answer::Answer;
use super::cache::{Cache, Key};
use super::clock::Work;
use super::early::{Asked, Settle};
use super::error::ImageError;
use super::job::{Job, Wanted};
use super::member::{Bench, Member};
use super::snapshot::Run;
use super::weights::Weights;

impl Member {
    /// What one set of weights says of images: from the cache, or by running its model.
    pub(super) fn ask(
        &self,
        weights: &Weights,
        bench: &mut Bench<'_>,
        jobs: &[&Job],
        settle: Option<Settle<'_>>,
    ) -> Vec<Result<Asked<Answer>, ImageError>> {
        let answers = match bench.cache {
            Some(cache) => self.replay(cache, weights, bench, jobs, settle),
            None => self.infer(weights, bench, jobs, self.wanted, settle),
        };
        answers.into_iter().zip(jobs).map(|(answer, job)| Ok(answer?.cut(job, settle))).collect()
    }

    /// What the cache holds, and for the rest what the model says, which the cache then holds.
    fn replay(
        &self,
        cache: &Cache,
        weights: &Weights,
        bench: &mut Bench<'_>,
        jobs: &[&Job],
        settle: Option<Settle<'_>>,
    ) -> Vec<Result<Asked<Answer>, ImageError>> {
        let keys: Vec<Key> =
            jobs.iter().map(|job| cache.key(self, weights, bench.radiographs[job.image], job)).collect();
        let kept = |key: &Key| cache.get(key, self.wanted).map(|answer| Ok(Asked::Whole(answer)));
        let mut answers: Vec<Option<Result<Asked<Answer>, ImageError>>> = keys.iter().map(kept).collect();
        let missing: Vec<usize> = (0..jobs.len()).filter(|&i| answers[i].is_none()).collect();
        bench.counts.replayed(jobs.len() - missing.len());
        let todo: Vec<&Job> = missing.iter().map(|&i| jobs[i]).collect();
        // What is kept is kept whole, for whatever the next run wants of it.
        let all = Wanted { score: self.manifest.gives_score(), map: self.manifest.map.is_some() };
        let mut found = self.infer(weights, bench, &todo, all, None);
        if all != self.wanted || settle.is_some() {
            // What nobody wants must not cost an image that a run without a cache would answer.
            let failed: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_err()).collect();
            let again: Vec<&Job> = failed.iter().map(|&i| todo[i]).collect();
            for (i, answer) in failed.into_iter().zip(self.infer(weights, bench, &again, self.wanted, settle)) {
                found[i] = answer;
            }
        }
        for (i, answer) in missing.into_iter().zip(found) {
            if let Ok(Asked::Whole(answer)) = &answer {
                cache.put(&keys[i], answer);
            }
            answers[i] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }

    /// What the model says. Views come one after the other with `settle`, if that may spare any.
    fn infer(
        &self,
        weights: &Weights,
        bench: &mut Bench<'_>,
        jobs: &[&Job],
        wanted: Wanted,
        settle: Option<Settle<'_>>,
    ) -> Vec<Result<Asked<Answer>, ImageError>> {
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
        let fill = || bench.lane.pool.run(|| prepared.fill(recipes, self.recipe, radiographs, jobs));
        let failed = bench.lane.clock.time(Work::Prepare, fill);
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
        // One that insists on a batch takes an image's views together at the price of one.
        let settle = settle.filter(|_| fixed_batch.is_none_or(|batch| batch == 1));
        let run = Run { member: self, model, fixed_batch, wanted, bench };
        for (place, answer) in places.into_iter().zip(run.answers(&good, settle)) {
            answers[place] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }
}
