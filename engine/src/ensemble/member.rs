//! One member at work: views into batches, batches through the model, outputs back to answers.

use std::sync::Arc;

use ndarray::{Array2, ArrayD, ArrayView2};
use rayon::prelude::*;

use super::error::ImageError;
use super::outputs;
use super::prepare::Prepared;
use super::resize::resize;
use super::tensor;
use super::views::View;
use crate::manifest::{self, Resize, Values};
use crate::runtime::Model;

/// A member, ready to run.
pub struct Member {
    pub manifest: manifest::Member,
    pub model: Arc<Model>,
    /// Which of the ensemble's recipes prepares its images.
    pub recipe: usize,
    pub views: Vec<View>,
    /// (height, width) of each view.
    pub view_sizes: Vec<(usize, usize)>,
    /// The batch that the model insists on, if any.
    pub fixed_batch: Option<usize>,
}

/// What is asked of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub score: bool,
    pub map: bool,
}

/// What a member says of an image, as probabilities, averaged over its views.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    pub score: Option<f32>,
    /// (height, width) of the ensemble's output.
    pub map: Option<Array2<f32>>,
}

/// Sums over the views of an image.
#[derive(Default)]
struct Sums {
    score: f32,
    /// Probabilities at the size of the member's own map.
    own: Option<Array2<f32>>,
    /// Probabilities at the output's size, where logits are resized.
    full: Option<Array2<f32>>,
    failed: Option<ImageError>,
}

/// An image to answer for: its index, and (height, width) of its output.
pub type Job = (usize, (usize, usize));

impl Member {
    /// Runs the member over images; the answers come in the order of `jobs`.
    pub fn run(
        &self,
        prepared: &Prepared,
        jobs: &[Job],
        wanted: Wanted,
        batch: usize,
    ) -> Vec<Result<Answer, ImageError>> {
        let mut sums: Vec<Sums> = jobs.iter().map(|_| Sums::default()).collect();
        let mut items = self.items(jobs.len());
        while let Some(&(view, _)) = items.first() {
            // One batch is of one size.
            let size = self.view_sizes[view];
            let most = self.fixed_batch.unwrap_or(batch).max(1);
            let len = items.iter().take(most).take_while(|(v, _)| self.view_sizes[*v] == size).count();
            let rest = items.split_off(len);
            self.run_batch(prepared, jobs, &items, wanted, &mut sums);
            items = rest;
        }
        sums.into_iter().zip(jobs).map(|(sums, job)| self.answer(sums, job.1, wanted)).collect()
    }

    /// (view, position in `jobs`), so that each image's views are summed in order whatever the batch.
    fn items(&self, jobs: usize) -> Vec<(usize, usize)> {
        (0..self.views.len()).flat_map(|view| (0..jobs).map(move |job| (view, job))).collect()
    }

    fn run_batch(
        &self,
        prepared: &Prepared,
        jobs: &[Job],
        items: &[(usize, usize)],
        wanted: Wanted,
        sums: &mut [Sums],
    ) {
        let images: Vec<_> = items.iter().map(|&(_, job)| prepared.get(self.recipe, jobs[job].0)).collect();
        let seen: Vec<_> =
            items.par_iter().zip(&images).map(|(&(view, _), image)| self.views[view].forward(image.view())).collect();
        let mut planes: Vec<ArrayView2<'_, f32>> = Vec::with_capacity(items.len());
        let mut kept = Vec::with_capacity(items.len());
        for ((item, image), seen) in items.iter().zip(&images).zip(&seen) {
            match seen {
                Ok(view) => {
                    planes.push(view.as_ref().map_or(image.view(), |view| view.view()));
                    kept.push(*item);
                }
                Err(error) => sums[item.1].fail(error.clone()),
            }
        }
        if planes.is_empty() {
            return;
        }
        let len = self.fixed_batch.unwrap_or(planes.len());
        let tensor = tensor::batch(&planes, len, &self.manifest.input);
        let names = self.output_names(wanted);
        let outputs = match self.model.run(&self.manifest.input.name, tensor.view().into_dyn(), &names) {
            Ok(outputs) => outputs,
            // One image may have done it, or their number: each has its own chance.
            Err(_) if kept.len() > 1 => {
                kept.iter().for_each(|item| self.run_batch(prepared, jobs, &[*item], wanted, sums));
                return;
            }
            Err(source) => {
                let source = Arc::new(source);
                let member = self.manifest.name.clone();
                kept.iter().for_each(|item| {
                    sums[item.1].fail(ImageError::Model { member: member.clone(), source: source.clone() })
                });
                return;
            }
        };
        let read: Vec<_> = kept
            .par_iter()
            .enumerate()
            .map(|(index, &(view, job))| self.read(&names, &outputs, index, len, view, jobs[job].1, wanted))
            .collect();
        for (&(_, job), result) in kept.iter().zip(read) {
            match result {
                Ok(part) => {
                    if let Err(message) = sums[job].add(part) {
                        let member = self.manifest.name.clone();
                        let output = names.first().copied().unwrap_or_default().to_owned();
                        sums[job].fail(ImageError::Output { member, output, message });
                    }
                }
                Err(error) => sums[job].fail(error),
            }
        }
    }

    fn output_names(&self, wanted: Wanted) -> Vec<&str> {
        let map = self.manifest.map.as_ref().filter(|_| self.reads_map(wanted)).map(|map| map.output.as_str());
        let score = self.manifest.score.as_ref().filter(|_| wanted.score).map(|score| score.output.as_str());
        map.into_iter().chain(score).collect()
    }

    fn reads_map(&self, wanted: Wanted) -> bool {
        wanted.map || (wanted.score && self.manifest.score_from_map.is_some())
    }

    /// Reads one item of a batch: one view of one image.
    #[expect(clippy::too_many_arguments, reason = "an item of a batch, and what is wanted of it")]
    fn read(
        &self,
        names: &[&str],
        results: &[ArrayD<f32>],
        index: usize,
        len: usize,
        view: usize,
        size: (usize, usize),
        wanted: Wanted,
    ) -> Result<Sums, ImageError> {
        let result = |name: &str| names.iter().position(|n| *n == name).map(|at| &results[at]);
        let wrong = |output: &str, message| ImageError::Output {
            member: self.manifest.name.clone(),
            output: output.into(),
            message,
        };
        let mut part = Sums::default();
        if let Some(declared) = self.manifest.score.as_ref().filter(|_| wanted.score)
            && let Some(output) = result(&declared.output)
        {
            part.score = outputs::score(output, index, len, declared.channel as usize)
                .and_then(|value| outputs::to_probability(value, declared.values))
                .map_err(|message| wrong(&declared.output, message))?;
        }
        if let Some(declared) = self.manifest.map.as_ref().filter(|_| self.reads_map(wanted))
            && let Some(output) = result(&declared.output)
        {
            let as_values = declared.resize_as.unwrap_or(declared.values);
            let plane = outputs::plane(output, index, len, declared.channel as usize, self.manifest.input.layout)
                .and_then(|map| outputs::convert(map, declared.values, as_values))
                .map_err(|message| wrong(&declared.output, message))?;
            let input = self.manifest.input.size;
            let back = self.views[view].inverse(plane, (input[0] as usize, input[1] as usize))?;
            part.place(back, as_values, size, wanted.map, self.manifest.score_from_map.is_some() && wanted.score);
        }
        Ok(part)
    }

    fn answer(&self, sums: Sums, size: (usize, usize), wanted: Wanted) -> Result<Answer, ImageError> {
        if let Some(error) = sums.failed {
            return Err(error);
        }
        let views = self.views.len() as f32;
        let own = sums.own.map(|sum| sum / views);
        let score = wanted.score.then(|| match (self.manifest.score_from_map, &own) {
            (Some(how), Some(map)) => outputs::score_from_map(map.view(), how),
            _ => sums.score / views,
        });
        let map = wanted.map.then(|| match (sums.full, own) {
            (Some(full), _) => full / views,
            (None, own) => {
                let mut map = resize(own.unwrap_or_default().view(), size, Resize::Linear).into_owned();
                map.mapv_inplace(|p| p.clamp(0.0, 1.0));
                map
            }
        });
        Ok(Answer { score, map })
    }
}

impl Sums {
    /// Puts a map where it is summed: logits are resized before they become probabilities.
    fn place(&mut self, map: Array2<f32>, values: Values, size: (usize, usize), full: bool, scored: bool) {
        match values {
            // A view's way back may overshoot; a probability does not.
            Values::Probabilities => self.own = Some(map.mapv_into(|p| p.clamp(0.0, 1.0))),
            Values::Logits => {
                let sigmoid = super::merge::sigmoid;
                self.full = full.then(|| resize(map.view(), size, Resize::Linear).mapv(sigmoid));
                self.own = scored.then(|| map.mapv(sigmoid));
            }
        }
    }

    fn add(&mut self, part: Self) -> Result<(), String> {
        self.score += part.score;
        add(&mut self.own, part.own)?;
        add(&mut self.full, part.full)
    }

    fn fail(&mut self, error: ImageError) {
        self.failed.get_or_insert(error);
    }
}

fn add(sum: &mut Option<Array2<f32>>, part: Option<Array2<f32>>) -> Result<(), String> {
    match (sum.as_mut(), part) {
        (Some(sum), Some(part)) if sum.dim() == part.dim() => *sum += &part,
        (Some(sum), Some(part)) => {
            let (a, b) = (sum.dim(), part.dim());
            return Err(format!("has maps of {}×{} and {}×{} for two views of one image", a.0, a.1, b.0, b.1));
        }
        (None, part) => *sum = part,
        (Some(_), None) => {}
    }
    Ok(())
}
