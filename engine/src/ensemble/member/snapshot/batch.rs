//! Items through the model, as many at once as it takes.

use std::sync::Arc;

use ndarray::{Array2, Array4, ArrayD, ArrayView2, Axis};
use rayon::prelude::*;

use super::sums::Sums;
use super::{Item, Run};
use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::error::ImageError;
use crate::ensemble::member::inputs::Shown;
use crate::ensemble::member::prepare::PreparedImage;
use crate::ensemble::member::tensor::{self, Plane};
use crate::ensemble::task::ImageTask;

/// A plane for the model: a window of the prepared image, or a view of it.
enum Seen {
    Shared(Arc<PreparedImage>, usize),
    Own(Array2<f32>),
}

impl Seen {
    fn view(&self) -> ArrayView2<'_, f32> {
        match self {
            Self::Shared(image, window) => image.window(*window),
            Self::Own(plane) => plane.view(),
        }
    }
}

/// The outputs of a batch.
pub(super) struct Results<'a> {
    pub names: &'a [&'a str],
    pub tensors: &'a [ArrayD<f32>],
    /// The number of images in the batch, including padding.
    pub len: usize,
}

impl Results<'_> {
    /// The output of a name.
    pub fn get(&self, name: &str) -> Option<&ArrayD<f32>> {
        self.names.iter().position(|other| *other == name).map(|place| &self.tensors[place])
    }
}

impl Run<'_> {
    /// Runs the model over items.
    pub(super) fn ask(&self, tasks: &[&ImageTask], mut items: Vec<Item>, sums: &mut [Sums]) {
        while let Some(&Item { view, .. }) = items.first() {
            // All images of a batch have one size.
            let sizes = &self.member.view_sizes;
            let most = self.fixed_batch.unwrap_or(self.context.batch.min(self.model.most())).max(1);
            let len = items.iter().take(most).take_while(|item| sizes[item.view] == sizes[view]).count();
            let rest = items.split_off(len);
            self.batch(tasks, &items, sums);
            items = rest;
        }
    }

    fn batch(&self, tasks: &[&ImageTask], items: &[Item], sums: &mut [Sums]) {
        let (member, slot) = (self.member, self.context.slot);
        let (tensor, kept) = self.tensor(tasks, items, sums);
        if kept.is_empty() {
            return;
        }
        let len = tensor.len_of(Axis(0));
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
                kept.iter().for_each(|item| sums[item.task].fail(error.clone()));
            }
            Ok(tensors) if kept.len() > 1 && self.lacks_batch(&tensors, len) => self.halves(tasks, &kept, sums),
            Ok(tensors) => {
                let results = Results { names: &names, tensors: &tensors, len };
                slot.clock.time(PipelineStep::Read, || self.take(tasks, &kept, &results, sums));
            }
        }
    }

    /// The network's input for some items, and those that are in it; the others' errors are in their sums.
    fn tensor(&self, tasks: &[&ImageTask], items: &[Item], sums: &mut [Sums]) -> (Arc<Array4<f32>>, Vec<Item>) {
        let inputs = &self.context.inputs;
        let group = self.member.inputs.filter(|&group| inputs.shares(group));
        let shown = group.map(|group| {
            let items: Vec<_> = items.iter().map(|item| (tasks[item.task].image, item.view)).collect();
            Shown { group, len: self.fixed_batch.unwrap_or(items.len()), items }
        });
        if let Some(tensor) = shown.as_ref().and_then(|shown| inputs.get(shown)) {
            return (tensor, items.to_vec());
        }
        let (tensor, kept) = self.new_tensor(tasks, items, sums);
        if let Some(shown) = shown.filter(|_| kept.len() == items.len()) {
            inputs.put(shown, &tensor);
        }
        (tensor, kept)
    }

    fn new_tensor(&self, tasks: &[&ImageTask], items: &[Item], sums: &mut [Sums]) -> (Arc<Array4<f32>>, Vec<Item>) {
        let (member, slot) = (self.member, self.context.slot);
        let views = slot.clock.time(PipelineStep::Views, || self.views(tasks, items));
        let (mut planes, mut kept) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for (item, seen) in items.iter().zip(&views) {
            match seen {
                Ok(view) => {
                    let image = tasks[item.task].image;
                    let range = self.context.radiographs[image].range();
                    let own = self.context.prepared.get(member.recipe, image).own;
                    planes.push(Plane { pixels: view.view(), range, own });
                    kept.push(*item);
                }
                Err(error) => sums[item.task].fail(error.clone()),
            }
        }
        if planes.is_empty() {
            return (Arc::default(), kept);
        }
        let len = self.fixed_batch.unwrap_or(planes.len());
        let tensor = || slot.pool.run(|| tensor::batch_of(&planes, len, &member.manifest.input));
        (Arc::new(slot.clock.time(PipelineStep::Views, tensor)), kept)
    }

    /// Whether an output, in the order of [`Run::output_names`], is not of a batch of `len`.
    fn lacks_batch(&self, outputs: &[ArrayD<f32>], len: usize) -> bool {
        let is_plane = self.reads_map() && outputs.first().is_some_and(|map| map.ndim() == 2);
        is_plane || outputs.iter().any(|output| output.shape().first() != Some(&len))
    }

    fn halves(&self, tasks: &[&ImageTask], items: &[Item], sums: &mut [Sums]) {
        let (first, second) = items.split_at(items.len() / 2);
        self.batch(tasks, first, sums);
        self.batch(tasks, second, sums);
    }

    /// The plane of each item.
    fn views(&self, tasks: &[&ImageTask], items: &[Item]) -> Vec<Result<Seen, ImageError>> {
        let see = |item: &Item| {
            let image = self.context.prepared.get(self.member.recipe, tasks[item.task].image);
            let seen = self.member.views[item.view].forward(image.window(item.window))?;
            Ok(seen.map_or(Seen::Shared(image, item.window), Seen::Own))
        };
        self.context.slot.pool.run(|| items.par_iter().map(see).collect())
    }

    fn output_names(&self) -> Vec<&str> {
        let declared = &self.member.manifest;
        let map = declared.map.as_ref().filter(|_| self.reads_map()).map(|map| map.output.as_str());
        let score = declared.score.as_ref().filter(|_| self.wanted.score).map(|score| score.output.as_str());
        map.into_iter().chain(score).collect()
    }
}
