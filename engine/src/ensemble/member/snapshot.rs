//! Runs one set of weights: views into batches, batches through the model, and its outputs to answers.

use std::sync::Arc;

use ndarray::{Array2, ArrayD, ArrayView2};
use rayon::prelude::*;

use super::answer::{Answer, ViewAnswer, add_map};
use super::early::{BoundsIfDecided, MemberOutcome, mean_score};
use super::map::Map;
use super::outputs;
use super::placement::Placement;
use super::tensor::{self, Plane};
use super::{BatchContext, Member};
use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::error::ImageError;
use crate::ensemble::task::{ImageTask, RequiredOutputs};
use crate::manifest::MapOutput;
use crate::runtime::Model;
use crate::{Size, planes};

/// One model about to run over images.
pub struct Run<'a> {
    pub member: &'a Member,
    pub model: &'a Model,
    pub fixed_batch: Option<usize>,
    pub wanted: RequiredOutputs,
    pub context: &'a BatchContext<'a>,
}

/// Sums over the views of an image.
#[derive(Default)]
struct Sums {
    /// Probabilities at the size of the member's own map.
    own: Option<Array2<f32>>,
    /// Probabilities at the map's place in the output, if logits are resized.
    placed: Option<Array2<f32>>,
    /// The first view's mask, if views are compared, and the lowest Dice coefficient with it so far.
    compared: Option<(Array2<bool>, f32)>,
    views: Vec<ViewAnswer>,
    failed: Option<ImageError>,
}

/// A plane for the model: the prepared image, or a view of it.
enum Seen {
    Shared(Arc<Array2<f32>>),
    Own(Array2<f32>),
}

impl Seen {
    fn view(&self) -> ArrayView2<'_, f32> {
        match self {
            Self::Shared(plane) => plane.view(),
            Self::Own(plane) => plane.view(),
        }
    }
}

/// The outputs for one view.
#[derive(Default)]
struct ViewOutput {
    score: Option<f32>,
    own: Option<Array2<f32>>,
    placed: Option<Array2<f32>>,
    mask: Option<Array2<bool>>,
    highest: Option<f32>,
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
        match settle {
            // An image's views are summed in order, whatever the batch size.
            None => self.ask(
                tasks,
                views.flat_map(|view| (0..tasks.len()).map(move |task| (view, task))).collect(),
                &mut sums,
            ),
            Some(settle) => {
                for view in views {
                    let open = |task: &usize| settled[*task].is_none() && sums[*task].failed.is_none();
                    let open: Vec<usize> = (0..tasks.len()).filter(open).collect();
                    self.ask(tasks, open.iter().map(|&task| (view, task)).collect(), &mut sums);
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

    /// Runs the model over items: (view, position in `tasks`).
    fn ask(&self, tasks: &[&ImageTask], mut items: Vec<(usize, usize)>, sums: &mut [Sums]) {
        while let Some(&(view, _)) = items.first() {
            // All images of a batch have one size.
            let sizes = &self.member.view_sizes;
            let most = self.fixed_batch.unwrap_or(self.context.batch.min(self.model.most())).max(1);
            let len = items.iter().take(most).take_while(|(v, _)| sizes[*v] == sizes[view]).count();
            let rest = items.split_off(len);
            self.batch(tasks, &items, sums);
            items = rest;
        }
    }

    fn batch(&self, tasks: &[&ImageTask], items: &[(usize, usize)], sums: &mut [Sums]) {
        let (member, slot) = (self.member, self.context.slot);
        let views = slot.clock.time(PipelineStep::Views, || self.views(tasks, items));
        let (mut planes, mut kept) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        let range = |task: usize| self.context.radiographs[tasks[task].image].range();
        for (item, seen) in items.iter().zip(&views) {
            match seen {
                Ok(view) => {
                    planes.push(Plane { pixels: view.view(), range: range(item.1) });
                    kept.push(*item);
                }
                Err(error) => sums[item.1].fail(error.clone()),
            }
        }
        if planes.is_empty() {
            return;
        }
        let len = self.fixed_batch.unwrap_or(planes.len());
        let tensor = || slot.pool.run(|| tensor::batch_of(&planes, len, &member.manifest.input));
        let tensor = slot.clock.time(PipelineStep::Views, tensor);
        drop(planes);
        drop(views);
        let names = self.output_names();
        match slot.infer(self.model, &member.manifest.input.name, tensor.view().into_dyn(), &names) {
            // One image may be the cause, or their number: try each half by itself.
            Err(error) if kept.len() > 1 => {
                if error.is_out_of_memory() {
                    self.model.take_fewer(kept.len().div_ceil(2));
                }
                self.halves(tasks, &kept, sums);
            }
            Err(source) => {
                let error = ImageError::Model { member: member.manifest.name.clone(), source: Arc::new(source) };
                kept.iter().for_each(|item| sums[item.1].fail(error.clone()));
            }
            Ok(outputs) if kept.len() > 1 && self.lacks_batch(&outputs, len) => self.halves(tasks, &kept, sums),
            Ok(outputs) => {
                slot.clock.time(PipelineStep::Read, || self.take(tasks, &kept, (&names, &outputs, len), sums));
            }
        }
    }

    /// Whether an output, in the order of [`Run::output_names`], is not of a batch of `len`.
    fn lacks_batch(&self, outputs: &[ArrayD<f32>], len: usize) -> bool {
        let is_plane = self.reads_map() && outputs.first().is_some_and(|map| map.ndim() == 2);
        is_plane || outputs.iter().any(|output| output.shape().first() != Some(&len))
    }

    fn halves(&self, tasks: &[&ImageTask], items: &[(usize, usize)], sums: &mut [Sums]) {
        let (first, second) = items.split_at(items.len() / 2);
        self.batch(tasks, first, sums);
        self.batch(tasks, second, sums);
    }

    /// The plane of each item.
    fn views(&self, tasks: &[&ImageTask], items: &[(usize, usize)]) -> Vec<Result<Seen, ImageError>> {
        let see = |&(view, task): &(usize, usize)| {
            let image = self.context.prepared.get(self.member.recipe, tasks[task].image);
            let seen = self.member.views[view].forward(image.view())?;
            Ok(seen.map_or(Seen::Shared(image), Seen::Own))
        };
        self.context.slot.pool.run(|| items.par_iter().map(see).collect())
    }

    fn take(
        &self,
        tasks: &[&ImageTask],
        kept: &[(usize, usize)],
        outputs: (&[&str], &[ArrayD<f32>], usize),
        sums: &mut [Sums],
    ) {
        let read = |(index, &(view, task)): (usize, &(usize, usize))| self.read(outputs, index, view, tasks[task]);
        let read: Vec<_> = self.context.slot.pool.run(|| kept.par_iter().enumerate().map(read).collect());
        for (&(_, task), result) in kept.iter().zip(read) {
            match result {
                Ok(part) => {
                    if let Err(message) = sums[task].add(part) {
                        sums[task].fail(self.wrong(outputs.0.first().copied().unwrap_or_default(), message));
                    }
                }
                Err(error) => sums[task].fail(error),
            }
        }
    }

    fn output_names(&self) -> Vec<&str> {
        let declared = &self.member.manifest;
        let map = declared.map.as_ref().filter(|_| self.reads_map()).map(|map| map.output.as_str());
        let score = declared.score.as_ref().filter(|_| self.wanted.score).map(|score| score.output.as_str());
        map.into_iter().chain(score).collect()
    }

    fn reads_map(&self) -> bool {
        self.wanted.map || self.scores_map()
    }

    /// Whether the score is computed from the map.
    fn scores_map(&self) -> bool {
        self.wanted.score && self.member.manifest.score_from_map.is_some()
    }

    /// Reads one item of a batch: one view of one image. `outputs` are the requested names, their tensors, and the
    /// batch size.
    fn read(
        &self,
        (names, results, len): (&[&str], &[ArrayD<f32>], usize),
        index: usize,
        view: usize,
        task: &ImageTask,
    ) -> Result<ViewOutput, ImageError> {
        let declared = &self.member.manifest;
        let result = |name: &str| names.iter().position(|n| *n == name).map(|at| &results[at]);
        let mut part = ViewOutput::default();
        if let Some(score) = declared.score.as_ref().filter(|_| self.wanted.score)
            && let Some(output) = result(&score.output)
        {
            let value =
                outputs::score(output, index, len, score).map_err(|message| self.wrong(&score.output, message))?;
            part.score = Some(value);
        }
        if let Some(map) = declared.map.as_ref().filter(|_| self.reads_map())
            && let Some(output) = result(&map.output)
        {
            let seen = outputs::map(output, index, len, map, declared.input.layout)
                .map_err(|message| self.wrong(&map.output, message))?;
            let input = Size::from(declared.input.size);
            let placement = Placement::new(declared.input.fit, self.part(task), input);
            let back = seen.try_map(|plane| {
                let plane = self.member.views[view].inverse(plane, input)?;
                Ok::<_, ImageError>(match placement {
                    Some(placement) => placement.back(plane, map.resize),
                    None => plane,
                })
            })?;
            self.place(&mut part, back, map, task);
        }
        Ok(part)
    }

    /// The size of the part of the radiograph that the network sees.
    fn part(&self, task: &ImageTask) -> Size {
        let whole = || self.context.radiographs[task.image].size();
        self.member.region(task).map_or_else(whole, |region| region.size())
    }

    /// Adds a view's map to its place: logits are resized before they become probabilities.
    fn place(&self, part: &mut ViewOutput, map: Map, declared: &MapOutput, task: &ImageTask) {
        let floored = |map: Array2<f32>| match declared.zero_below {
            Some(floor) => map.mapv_into(|p| if p < floor { 0.0 } else { p }),
            None => map,
        };
        if let Map::Probabilities(_) = map {
            part.own = Some(floored(map.probabilities()));
        } else {
            let own = self.scores_map() || self.member.compare_above.is_some();
            part.own = own.then(|| floored(map.clone().probabilities()));
            part.placed = self.wanted.map.then(|| floored(map.placed(self.member.place(task), declared.resize)));
        }
        let any = part.own.as_ref().or(part.placed.as_ref());
        part.highest = any.map(planes::highest);
        let above = self.member.compare_above.filter(|_| self.wanted.map);
        part.mask = above.and_then(|above| Some(part.own.as_ref()?.mapv(|p| p > above)));
    }

    fn answer(&self, sums: Sums) -> Result<Answer, ImageError> {
        if let Some(error) = sums.failed {
            return Err(error);
        }
        let views = self.member.views.len() as f32;
        let own = sums.own.map(|sum| sum / views);
        let score = self.wanted.score.then(|| match (self.member.manifest.score_from_map, &own) {
            (Some(how), Some(map)) => outputs::score_from_map(map.view(), how),
            _ => mean_score(&sums.views, self.member.views.len(), 0.0),
        });
        let map = if self.wanted.map { sums.placed.map(|sum| sum / views).or(own) } else { None };
        Ok(Answer { score, map, agreement: sums.compared.map(|(_, dice)| dice), views: sums.views })
    }

    fn wrong(&self, output: &str, message: String) -> ImageError {
        ImageError::Output { member: self.member.manifest.name.clone(), output: output.into(), message }
    }
}

impl Sums {
    fn add(&mut self, part: ViewOutput) -> Result<(), String> {
        self.views.push(ViewAnswer { score: part.score, highest: part.highest });
        if let Some(mask) = part.mask {
            match &mut self.compared {
                Some((first, lowest)) => *lowest = lowest.min(dice(first, &mask)),
                None => self.compared = Some((mask, 1.0)),
            }
        }
        add_map(&mut self.own, part.own)?;
        add_map(&mut self.placed, part.placed)
    }

    fn fail(&mut self, error: ImageError) {
        self.failed.get_or_insert(error);
    }
}

/// Dice's coefficient; 1 if both are empty. Masks of different sizes are detected when their maps are added.
fn dice(a: &Array2<bool>, b: &Array2<bool>) -> f32 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let marked = a.iter().chain(b).filter(|&&marked| marked).count();
    if marked == 0 { 1.0 } else { 2.0 * both as f32 / marked as f32 }
}
