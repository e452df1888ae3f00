//! Runs one stage: members in order, merged one by one, until the gate is decided.

pub mod crop;
pub mod gate;
pub mod merge;
pub mod stack;

use ndarray::Array2;
use rayon::prelude::*;

use crate::ensemble::agreement::{Bits, mean_dice};
use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::member::answer::MemberAnswer;
use crate::ensemble::member::early::{Bounds, GateDecided, MemberOutcome};
use crate::ensemble::member::small::{Given, Small};
use crate::ensemble::member::{BatchContext, Member};
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::planes;
use gate::{Gate, GateInputs, Reading};
use merge::{MergeAccumulator, Share};
use stack::Stacker;

/// A stage, ready to run. Its members all have a weight above 0.
pub struct Stage {
    pub merger: Merger,
    pub gate: Option<Gate>,
    pub members: Vec<Member>,
    /// The outputs that are merged.
    pub wanted: RequiredOutputs,
    pub exit: EarlyExit,
    /// Whether a threshold shifts some member's map, which may then leave 0..=1.
    pub shifted: bool,
    /// The probability above which a pixel is in a member's own mask, if the members' masks are compared.
    pub compared_above: Option<f32>,
}

/// How outputs are merged.
pub enum Merger {
    /// One after the other.
    MergeAccumulator(MergeAccumulator),
    /// All at once, by a model.
    Stack(Stacker),
}

/// Which decisions end a stage before its last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyExit {
    /// The image passes, whatever the remaining outputs: for a stage whose merged output is not used.
    pub pass: bool,
    /// The image does not pass, whatever the remaining outputs.
    pub fail: bool,
}

/// A stage's result for an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it passes the gate; without a gate, it does.
    pub passed: bool,
    /// Bounds of the merged score: equal if every member ran.
    pub score: Option<(f32, f32)>,
    /// The merged map, (height, width) of the output; `None` if it was not needed, or the stage ended early.
    pub map: Option<Array2<f32>>,
    /// The mean Dice over all pairs of members' own masks, if they are compared and two or more ran.
    pub dice: Option<f32>,
    /// Each member's score, in order, for those that ran.
    pub scores: Vec<Option<f32>>,
    /// The gate's comparisons; empty if the stage ended early.
    pub readings: Vec<Reading>,
    /// Each member's output, in order, if they are kept.
    pub answers: Vec<MemberAnswer>,
}

/// The bounds of a score before its member has run.
const UNKNOWN: Bounds = (0.0, 1.0);

/// The state of one image in a stage.
struct Progress {
    task: ImageTask,
    score: f32,
    map: Option<Array2<f32>>,
    /// Whether the map is merged, and no longer a sum.
    merged: bool,
    /// Kept for a stack, which needs all outputs at once, and on request.
    answers: Vec<MemberAnswer>,
    scores: Vec<Option<f32>>,
    /// The values of the gate's comparisons of members' own maps.
    own: Vec<Option<f64>>,
    /// The members' own masks, if they are compared.
    masks: Vec<Bits>,
    /// Keep every output; all members then run.
    keep: bool,
    done: Option<Result<Verdict, ImageError>>,
}

impl Stage {
    /// Runs the stage; verdicts are in the order of `tasks`.
    pub fn run(&self, context: &mut BatchContext<'_>, tasks: &[ImageTask]) -> Vec<Result<Verdict, ImageError>> {
        let mut images: Vec<Progress> = tasks.iter().map(|&task| self.begin(task, context.keep)).collect();
        for (index, member) in self.members.iter().enumerate() {
            let open = images.iter().filter(|image| image.done.is_none());
            let open_jobs: Vec<ImageTask> = open.map(|image| image.task).collect();
            if open_jobs.is_empty() {
                break;
            }
            let settled = |task: &ImageTask, bounds: Bounds| {
                let image = images.iter().find(|image| image.task.image == task.image);
                image.is_some_and(|image| self.certain(image, index, bounds).is_some())
            };
            let answers =
                member.run(context, &open_jobs, self.ends_early(context.keep).then_some(&settled as GateDecided<'_>));
            let open = images.iter_mut().filter(|image| image.done.is_none());
            let pairs: Vec<_> = open.zip(answers).collect();
            let take = |(image, answer): (&mut Progress, Result<MemberOutcome<Given>, ImageError>)| match answer {
                Ok(MemberOutcome::Whole(answer)) => self.take(image, index, answer),
                Ok(MemberOutcome::GateDecided(bounds)) => {
                    let verdict = self.certain(image, index, bounds);
                    let mut verdict = verdict.expect("the same bounds settle it as when the member was asked");
                    // It ran, but has no score.
                    verdict.scores.push(None);
                    image.done = Some(Ok(verdict));
                }
                Err(error) => image.done = Some(Err(error)),
            };
            let merge = || context.slot.pool.run(|| pairs.into_par_iter().for_each(take));
            context.slot.clock.time(PipelineStep::Merge, merge);
        }
        // A stack takes its turn on the device; other work runs in parallel.
        let slot = context.slot;
        slot.pool.run(|| images.into_par_iter().map(|image| self.conclude(slot, image)).collect())
    }

    /// The number of maps of an image that are kept until the last member has run.
    pub fn maps_kept(&self) -> usize {
        let maps = if self.wanted.map && matches!(self.merger, Merger::Stack(_)) { self.members.len() } else { 0 };
        // members' own masks have a bit a pixel, where maps have 32
        maps + self.compared_above.map_or(0, |_| self.members.len().div_ceil(32))
    }

    /// The members' total weight.
    fn weight(&self) -> f32 {
        self.members.iter().map(|member| member.manifest.weight).sum()
    }

    fn begin(&self, task: ImageTask, keep: bool) -> Progress {
        let start = match &self.merger {
            Merger::MergeAccumulator(fold) => fold.start(),
            Merger::Stack(_) => 0.0,
        };
        let own = vec![None; self.gate.as_ref().map_or(0, Gate::tests)];
        Progress {
            task,
            score: start,
            map: None,
            merged: false,
            answers: Vec::new(),
            scores: Vec::new(),
            own,
            masks: Vec::new(),
            keep,
            done: None,
        }
    }

    /// Merges a member's output, and ends the image's stage if the rest cannot matter.
    fn take(&self, image: &mut Progress, index: usize, given: Given) {
        let looked_at = self.gate.as_ref().is_some_and(|gate| gate.wants(index).map);
        let whole = image.keep || looked_at || matches!(self.merger, Merger::Stack(_));
        let mut given = if whole { Given { answer: given.whole(), small: None } } else { given };
        let answer = &mut given.answer;
        image.scores.push(answer.score);
        let own = self.gate.iter().flat_map(|gate| gate.read_member(index, answer.map.as_ref()));
        own.for_each(|(test, value)| image.own[test] = Some(value));
        let mask = self.compared_above.zip(answer.map.as_ref()).map(|(above, map)| Bits::of(map.view(), above));
        image.masks.extend(mask);
        if let Merger::MergeAccumulator(fold) = &self.merger {
            let weight = self.members[index].manifest.weight;
            if let Some(score) = answer.score {
                image.score = fold.add(image.score, score, weight);
            }
            if self.wanted.map {
                let map = if image.keep { answer.map.clone() } else { answer.map.take() };
                self.merge_map(*fold, image, index, map, given.small.take());
            }
            if !image.keep && index + 1 < self.members.len() {
                image.done = self.certain(image, index + 1, UNKNOWN).map(Ok);
            }
        }
        if image.keep || matches!(self.merger, Merger::Stack(_)) {
            image.answers.push(given.answer);
        }
    }

    /// Merges a member's map, which is in one of the two forms.
    fn merge_map(
        &self,
        fold: MergeAccumulator,
        image: &mut Progress,
        index: usize,
        map: Option<Array2<f32>>,
        small: Option<Small>,
    ) {
        let weight = self.members[index].manifest.weight;
        let Some(sum) = &mut image.map else {
            // the sum replaces the first map
            let first = map.or_else(|| {
                let resized = small.as_ref().map(Small::resized)?;
                image.masks.extend(self.compared_above.map(|above| Bits::of(resized.view(), above)));
                Some(resized)
            });
            image.map = first.map(|map| planes::by_rows(fold.start_map(map, weight)));
            return;
        };
        let is_last = index + 1 == self.members.len() && !self.shifted;
        let total = is_last.then(|| self.weight());
        if let Some(map) = &map {
            fold.add_map(sum, map.view(), weight, total);
        } else if let Some(small) = &small {
            let mut mask = self.compared_above.map(|above| (above, Bits::default()));
            small.rows(|row, values| {
                if let Some((above, mask)) = &mut mask {
                    mask.push(values, *above);
                }
                let mut sum = sum.row_mut(row);
                let sum = sum.as_slice_mut().expect("a sum's rows are dense");
                fold.add_row(sum, values, weight, total);
            });
            image.masks.extend(mask.map(|(_, mask)| mask));
        }
        image.merged = is_last && (map.is_some() || small.is_some());
    }

    /// Whether an image's stage may end before all members have run.
    fn ends_early(&self, keep: bool) -> bool {
        let EarlyExit { pass, fail } = self.exit;
        (pass || fail) && !keep && self.gate.is_some() && matches!(self.merger, Merger::MergeAccumulator(_))
    }

    /// The verdict, if the outputs so far decide it: of the members before `next`, and of that one within the bounds
    /// `begun`. See [`merge`] for why the bounds are exact.
    fn certain(&self, image: &Progress, next: usize, begun: Bounds) -> Option<Verdict> {
        let (Some(gate), Merger::MergeAccumulator(fold)) = (&self.gate, &self.merger) else { return None };
        let rest = &self.members[next..];
        let share = |member: &Member, (low, high)| Share { weight: member.manifest.weight, low, high };
        let known = std::iter::once(begun).chain(std::iter::repeat(UNKNOWN));
        let scores: Vec<Share> = rest.iter().zip(known).map(|(member, bounds)| share(member, bounds)).collect();
        let maps: Vec<Share> = rest.iter().map(|member| share(member, member.bounds(image.task.fold))).collect();
        let score = |high| fold.completion(high, &scores, self.weight())(image.score);
        let passes = |high: bool| {
            let complete = fold.completion(high, &maps, self.weight());
            let map = image.map.as_ref().filter(|_| gate.uses_map());
            let map = map.map(|sum| sum.mapv(|sum| self.clip(complete(sum))));
            let next = rest.first().filter(|member| member.manifest.gives_score());
            let scores = [&image.scores[..], &[next.map(|_| if high { begun.1 } else { begun.0 })]].concat();
            let score = self.wanted.score.then(|| score(high));
            gate.passes(GateInputs { score, map: map.as_ref(), scores: &scores, own: &image.own, rest: high })
        };
        let passed = if self.exit.fail && !passes(true) {
            false
        } else if self.exit.pass && passes(false) {
            true
        } else {
            return None;
        };
        Some(Verdict {
            passed,
            score: self.wanted.score.then(|| (score(false), score(true))),
            map: None,
            dice: mean_dice(&image.masks),
            scores: image.scores.clone(),
            readings: Vec::new(),
            answers: Vec::new(),
        })
    }

    fn conclude(&self, slot: DeviceSlot<'_>, mut image: Progress) -> Result<Verdict, ImageError> {
        if let Some(done) = image.done {
            return done;
        }
        let sum = image.map.take();
        let (score, map) = match &self.merger {
            Merger::MergeAccumulator(fold) => {
                let weight = self.weight();
                let map = if image.merged { sum } else { sum.map(|sum| fold.finish_map(sum, weight)) };
                let map = if self.shifted { map.map(|map| map.mapv_into(|p| self.clip(p))) } else { map };
                (self.wanted.score.then(|| fold.finish(image.score, weight)), map)
            }
            Merger::Stack(stacker) => stacker.merge(slot, &image.answers, self.wanted)?,
        };
        let seen = GateInputs { score, map: map.as_ref(), scores: &image.scores, own: &image.own, rest: false };
        let passed = self.gate.as_ref().is_none_or(|gate| gate.passes(seen));
        let readings = self.gate.as_ref().filter(|_| image.keep).map(|gate| gate.readings(seen)).unwrap_or_default();
        let answers = if image.keep { image.answers } else { Vec::new() };
        let (score, dice) = (score.map(|score| (score, score)), mean_dice(&image.masks));
        Ok(Verdict { passed, score, map, dice, scores: image.scores, readings, answers })
    }

    /// Clips a merge of shifted maps to 0..=1, which they may leave.
    fn clip(&self, p: f32) -> f32 {
        if self.shifted { p.clamp(0.0, 1.0) } else { p }
    }
}
