//! Batches, prepared ahead of the step that needs them.

mod mixup;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use ndarray::{Array1, Array4, ArrayView2, Axis, Zip};
use pleura::Size;
use pleura::ensemble;
use pleura::manifest::{Fit, Input, Layout, Normalize, Unit};
use pleura::pool::Pool;
use rayon::prelude::*;

use super::augment::{self, augment, cut};
use super::dataset::Dataset;
use super::draw::{Draw, Purpose};
use super::error::DataError;
use super::prepare::Sample;
use crate::recipe::{Augment, Mixup};

/// The number of finished batches in the queue, besides the one in preparation.
const AHEAD: usize = 2;

/// What a loader provides.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Indices of images, in order.
    pub items: Vec<usize>,
    /// Height and width in pixels.
    pub size: Size,
    /// Size of the part that is cut out of each training image, where one is.
    pub crop: Option<Size>,
    /// Images per batch, at least 1.
    pub batch: usize,
    /// Batches that a resumed training has already used.
    pub shown: usize,
    /// 1, or 3 to repeat the grey image three times.
    pub channels: u32,
    /// The augmentation of the images.
    pub augment: Vec<Augment>,
    /// The blending of pairs of images.
    pub mixup: Option<Mixup>,
    /// The source of the augmentation's random numbers.
    pub draw: Draw,
}

/// Images of one step, with their truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The network's input, (N, C, height, width): `(intensity * scale - mean) / std`.
    pub images: Array4<f32>,
    /// 1 where it is marked, 0 elsewhere, (N, 1, height, width); in between after mixup.
    pub masks: Array4<f32>,
    /// 1 for a positive, 0 for a negative, (N); in between after mixup.
    pub labels: Array1<f32>,
    /// The images' ids, N.
    pub ids: Vec<String>,
    /// How many of the N count; the rest repeat the last one, so that every batch has the same shape.
    pub real: usize,
}

/// Batches in order. They are prepared in a separate thread, which ends when the loader is dropped.
#[derive(Debug)]
pub struct Loader {
    batches: Option<Receiver<Result<Batch, DataError>>>,
    maker: Option<JoinHandle<()>>,
    left: usize,
}

impl Loader {
    /// Training batches: augmented, without an incomplete last one.
    ///
    /// An image whose marked pixels are all lost in augmentation, such as by a crop, is a negative.
    ///
    /// # Errors
    /// If the images do not fill one batch, or are too small for an augmentation, or the system refuses a thread.
    pub fn training(data: &Arc<Dataset>, mut plan: Plan) -> Result<Self, DataError> {
        if plan.items.len() < plan.batch {
            return Err(DataError::FewerThanBatch { images: plan.items.len(), batch: plan.batch });
        }
        augment::check(&plan.augment, plan.size)?;
        plan.items.truncate(plan.items.len() / plan.batch * plan.batch);
        Self::start(data, plan)
    }

    /// Validation batches: all images unaugmented, the last batch padded by repeating the last image.
    ///
    /// # Errors
    /// If there are no images, or the system refuses a thread.
    pub fn validation(data: &Arc<Dataset>, mut plan: Plan) -> Result<Self, DataError> {
        if plan.items.is_empty() {
            return Err(DataError::Nothing);
        }
        plan.augment.clear();
        plan.crop = None;
        plan.mixup = None;
        Self::start(data, plan)
    }

    fn start(data: &Arc<Dataset>, plan: Plan) -> Result<Self, DataError> {
        let left = plan.items.len().div_ceil(plan.batch).saturating_sub(plan.shown);
        let (sender, batches) = sync_channel(AHEAD);
        let data = Arc::clone(data);
        // Not the caller's pool: the caller that waits for the batches may be one of its workers.
        let pool = Pool::shared(0).map_err(DataError::Threads)?;
        let make = move || make(&data, &plan, &pool, &sender);
        let maker = Builder::new().name("batches".into()).spawn(make).map_err(DataError::Threads)?;
        Ok(Self { batches: Some(batches), maker: Some(maker), left })
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    /// The next batch; `None` after an error.
    fn next(&mut self) -> Option<Self::Item> {
        let Ok(batch) = self.batches.as_ref()?.recv() else {
            self.batches = None;
            // a panic there is resumed here: an epoch that ends early must not pass for a whole one
            if let Some(Err(panic)) = self.maker.take().map(JoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
            return None;
        };
        self.left = if batch.is_ok() { self.left - 1 } else { 0 };
        Some(batch)
    }

    /// The number of remaining batches, if no image fails.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // without a receiver, the thread ends after its current batch
        self.batches = None;
        if let Some(maker) = self.maker.take() {
            // a panic has been printed by its thread, and the batches are no longer needed
            let _ = maker.join();
        }
    }
}

fn make(data: &Dataset, plan: &Plan, pool: &Pool, sender: &SyncSender<Result<Batch, DataError>>) {
    for first in (0..plan.items.len()).step_by(plan.batch).skip(plan.shown) {
        let batch = pool.run(|| batch(data, plan, first));
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

/// The batch that starts at this position.
fn batch(data: &Dataset, plan: &Plan, first: usize) -> Result<Batch, DataError> {
    let real = plan.batch.min(plan.items.len() - first);
    let seen: Result<Vec<_>, _> =
        (first..first + real).into_par_iter().map(|position| seen(data, plan, position)).collect();
    let seen = seen?;
    let shown: Vec<_> = (0..plan.batch).map(|at| &seen[at.min(real - 1)]).collect();
    let planes: Vec<ArrayView2<'_, f32>> = shown.iter().map(|seen| seen.sample.image.view()).collect();
    let Size { height, width } = plan.crop.unwrap_or(plan.size);
    let mut masks = Array4::zeros((plan.batch, 1, height, width));
    for (mut to, seen) in masks.axis_iter_mut(Axis(0)).zip(&shown) {
        Zip::from(to.index_axis_mut(Axis(0), 0)).and(&seen.sample.mask).for_each(|to, &marked| *to = marked.into());
    }
    let item = |at: usize| &data.items()[plan.items[first + at.min(real - 1)]];
    let mut batch = Batch {
        images: ensemble::batch(&planes, plan.batch, &input(data, plan)),
        masks,
        labels: shown.iter().map(|seen| if seen.positive { 1.0 } else { 0.0 }).collect(),
        ids: (0..plan.batch).map(|at| item(at).id.clone()).collect(),
        real,
    };
    if let Some(mixup) = plan.mixup {
        mixup::mix(&mut batch, mixup, &mut plan.draw.numbers(Purpose::Mixup(first)));
    }
    Ok(batch)
}

/// An image as provided.
struct Seen {
    sample: Sample,
    positive: bool,
}

fn seen(data: &Dataset, plan: &Plan, position: usize) -> Result<Seen, DataError> {
    let index = plan.items[position];
    let prepared = data.prepared(index, plan.size)?;
    let marked = |sample: &Sample| sample.mask.iter().any(|&marked| marked != 0);
    // marks may be too small to be visible at this size; the image is nevertheless a positive
    let label = data.items()[index].label;
    let was = label && marked(&prepared);
    let sample = augment(&plan.augment, Sample::clone(&prepared), plan.draw, position);
    let sample = match plan.crop {
        Some(part) => cut(&sample, part, plan.draw, position),
        None => sample,
    };
    let gone = was && !marked(&sample);
    Ok(Seen { sample, positive: label && !gone })
}

/// The network's input, as a manifest would declare it.
fn input(data: &Dataset, plan: &Plan) -> Input {
    Input {
        name: String::new(),
        size: [plan.size.height as u32, plan.size.width as u32],
        channels: plan.channels,
        layout: Layout::Nchw,
        scale: data.data.scale,
        mean: data.data.mean.clone(),
        std: data.data.std.clone(),
        resize: data.data.resize,
        fit: Fit::Stretch,
        normalize: Normalize::None,
        unit: Unit::Intensity,
    }
}
