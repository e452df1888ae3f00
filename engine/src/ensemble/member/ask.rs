//! Gets the outputs of one set of weights: from the cache, or by running its model.

use super::answer::Answer;
use super::cache::{Cache, Key};
use super::early::{BoundsIfDecided, MemberOutcome};
use super::snapshot::Run;
use super::weights::Weights;
use super::{BatchContext, Member};
use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::error::ImageError;
use crate::ensemble::task::{ImageTask, RequiredOutputs};

impl Member {
    /// The outputs of one set of weights for images: from the cache, or by running its model.
    pub(super) fn ask(
        &self,
        weights: &Weights,
        context: &mut BatchContext<'_>,
        tasks: &[&ImageTask],
        settle: Option<BoundsIfDecided<'_>>,
    ) -> Vec<Result<MemberOutcome<Answer>, ImageError>> {
        let answers = match context.cache {
            Some(cache) => self.replay(cache, weights, context, tasks, settle),
            None => self.infer(weights, context, tasks, self.wanted, settle),
        };
        answers.into_iter().zip(tasks).map(|(answer, task)| Ok(answer?.cut(task, settle))).collect()
    }

    /// Outputs from the cache; the others are computed and then cached.
    fn replay(
        &self,
        cache: &Cache,
        weights: &Weights,
        context: &mut BatchContext<'_>,
        tasks: &[&ImageTask],
        settle: Option<BoundsIfDecided<'_>>,
    ) -> Vec<Result<MemberOutcome<Answer>, ImageError>> {
        let keys: Vec<Key> =
            tasks.iter().map(|task| cache.key(self, weights, context.radiographs[task.image], task)).collect();
        let kept = |key: &Key| cache.get(key, self.wanted).map(|answer| Ok(MemberOutcome::Whole(answer)));
        let mut answers: Vec<Option<Result<MemberOutcome<Answer>, ImageError>>> = keys.iter().map(kept).collect();
        let missing: Vec<usize> = (0..tasks.len()).filter(|&i| answers[i].is_none()).collect();
        context.counts.replayed(tasks.len() - missing.len());
        let todo: Vec<&ImageTask> = missing.iter().map(|&i| tasks[i]).collect();
        // Entries are complete, whatever outputs the next run needs.
        let all = RequiredOutputs { score: self.manifest.gives_score(), map: self.manifest.map.is_some() };
        let mut found = self.infer(weights, context, &todo, all, None);
        if all != self.wanted || settle.is_some() {
            // An output that is not needed must not fail an image that a run without a cache would predict.
            let failed: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_err()).collect();
            let again: Vec<&ImageTask> = failed.iter().map(|&i| todo[i]).collect();
            for (i, answer) in failed.into_iter().zip(self.infer(weights, context, &again, self.wanted, settle)) {
                found[i] = answer;
            }
        }
        for (i, answer) in missing.into_iter().zip(found) {
            if let Ok(MemberOutcome::Whole(answer)) = &answer {
                cache.put(&keys[i], answer);
            }
            answers[i] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }

    /// Runs the model. With `settle`, views run one after the other, if that may save any.
    fn infer(
        &self,
        weights: &Weights,
        context: &mut BatchContext<'_>,
        tasks: &[&ImageTask],
        wanted: RequiredOutputs,
        settle: Option<BoundsIfDecided<'_>>,
    ) -> Vec<Result<MemberOutcome<Answer>, ImageError>> {
        if tasks.is_empty() {
            return Vec::new();
        }
        let model = match weights.model(context.slot.device, &self.manifest, &self.view_sizes) {
            Ok(model) => model,
            Err(source) => {
                let error = ImageError::Model { member: self.manifest.name.clone(), source };
                return tasks.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let BatchContext { radiographs, recipes, .. } = *context;
        let prepared = &mut *context.prepared;
        let fill = || context.slot.pool.run(|| prepared.fill(recipes, self.recipe, radiographs, tasks));
        let failed = context.slot.clock.time(PipelineStep::Prepare, fill);
        let (mut good, mut places, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (place, task) in tasks.iter().enumerate() {
            let error = failed.iter().find(|(image, _)| *image == task.image).map(|(_, error)| Err(error.clone()));
            if error.is_none() {
                good.push(*task);
                places.push(place);
            }
            answers.push(error);
        }
        context.counts.inferred(good.len());
        let fixed_batch = weights.fixed_batch(&self.manifest);
        // A model with a fixed batch runs an image's views together at the cost of one.
        let settle = settle.filter(|_| fixed_batch.is_none_or(|batch| batch == 1));
        let run = Run { member: self, model, fixed_batch, wanted, context };
        for (place, answer) in places.into_iter().zip(run.answers(&good, settle)) {
            answers[place] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }
}
