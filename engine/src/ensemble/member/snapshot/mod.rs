//! Runs one set of weights: views into batches, batches through the model, and its outputs to answers.
//!
//! `items → batch (planes → tensor → model) → read → windows joined → placed → sums`

mod batch;
mod read;
mod sums;

use crate::ensemble::error::ImageError;
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::manifest::{Average, ScoreFromMap};
use crate::runtime::Model;

use super::answer::Answer;
use super::early::{BoundsIfDecided, MemberOutcome, mean_score};
use super::outputs;
use super::{BatchContext, Member};
use sums::Sums;

/// One model about to run over images.
pub struct Run<'a> {
    pub member: &'a Member,
    pub model: &'a Model,
    pub fixed_batch: Option<usize>,
    pub wanted: RequiredOutputs,
    pub context: &'a BatchContext<'a>,
}

/// What the model sees of one image at once: a view of a window.
#[derive(Debug, Clone, Copy)]
struct Item {
    view: usize,
    /// The position in the tasks.
    task: usize,
    /// The number of the window; 0 without windows.
    window: usize,
}

impl Run<'_> {
    /// Runs the model over images; outputs are in the order of `tasks`. With `settle`, views run one after the other,
    /// and an image has no more of them once its bounds decide the gate.
    pub fn answers(
        &self,
        tasks: &[&ImageTask],
        settle: Option<BoundsIfDecided<'_>>,
    ) -> Vec<Result<MemberOutcome<Answer>, ImageError>> {
        let mut sums: Vec<Sums> = tasks.iter().map(|_| Sums::default()).collect();
        let mut settled = vec![None; tasks.len()];
        let views = 0..self.member.views.len();
        let all: Vec<usize> = (0..tasks.len()).collect();
        match settle {
            // An image's views are summed in order, whatever the batch size.
            None => self.ask(tasks, views.flat_map(|view| self.items(tasks, view, &all)).collect(), &mut sums),
            Some(settle) => {
                for view in views {
                    let open = |task: &usize| settled[*task].is_none() && sums[*task].failed.is_none();
                    let open: Vec<usize> = (0..tasks.len()).filter(open).collect();
                    self.ask(tasks, self.items(tasks, view, &open).collect(), &mut sums);
                    if view + 1 < self.member.views.len() {
                        open.into_iter().for_each(|task| settled[task] = settle(tasks[task], &sums[task].views));
                    }
                }
            }
        }
        let answer = |(sums, settled): (Sums, Option<_>)| match settled {
            Some(bounds) if sums.failed.is_none() => Ok(MemberOutcome::GateDecided(bounds)),
            _ => self.answer(sums).map(MemberOutcome::Whole),
        };
        sums.into_iter().zip(settled).map(answer).collect()
    }

    /// What the model sees of some tasks' images in a view.
    fn items(&self, tasks: &[&ImageTask], view: usize, some: &[usize]) -> impl Iterator<Item = Item> {
        let count = |task: usize| self.context.prepared.get(self.member.recipe, tasks[task].image).count();
        let counts: Vec<_> = some.iter().map(|&task| (task, count(task))).collect();
        let windows = move |(task, count)| (0..count).map(move |window| Item { view, task, window });
        counts.into_iter().flat_map(windows)
    }

    fn reads_map(&self) -> bool {
        self.wanted.map || self.scores_map().is_some()
    }

    /// How the score is computed from the map, if it is.
    fn scores_map(&self) -> Option<ScoreFromMap> {
        self.member.manifest.score_from_map.filter(|_| self.wanted.score)
    }

    /// Whether logits are averaged, and become probabilities later.
    fn averages_logits(&self) -> bool {
        self.member.manifest.average == Average::Logits
    }

    fn answer(&self, sums: Sums) -> Result<Answer, ImageError> {
        if let Some(error) = sums.failed {
            return Err(error);
        }
        let count = self.member.views.len();
        let mean = |mut map: super::map::Map| {
            map.each_mut(|plane| *plane /= count as f32);
            map
        };
        let (own, placed) = (sums.own.map(mean), sums.placed.map(mean));
        let score = match (self.scores_map(), &own) {
            // that of the logits' mean over all sets of weights
            (Some(_), _) if self.averages_logits() => None,
            (Some(how), Some(own)) => own.planes().first().map(|map| outputs::score_from_map(map.view(), how)),
            _ if self.averages_logits() => sums.odds.map(|sum| sum / count as f32),
            _ => Some(mean_score(&sums.views, count, 0.0)),
        };
        let score = score.filter(|_| self.wanted.score);
        let keeps_map = self.wanted.map || (self.averages_logits() && self.reads_map());
        let map = if keeps_map { placed.or(own) } else { None };
        Ok(Answer { score, map, agreement: sums.compared.map(|(_, dice)| dice), views: sums.views })
    }

    fn wrong(&self, output: &str, message: String) -> ImageError {
        ImageError::Output { member: self.member.manifest.name.clone(), output: output.into(), message }
    }
}
