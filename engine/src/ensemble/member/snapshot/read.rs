//! A batch's outputs to maps and scores, and these to their sums.

use rayon::prelude::*;

use super::batch::Results;
use super::sums::{Sums, ViewOutput};
use super::{Item, Run};
use crate::ensemble::error::ImageError;
use crate::ensemble::member::map::Map;
use crate::ensemble::member::outputs;
use crate::ensemble::member::windows::Blend;
use crate::ensemble::task::ImageTask;
use crate::manifest::MapOutput;
use crate::{Size, planes};
use ndarray::Array2;
use pleura_image::resize::resized_map;

/// The outputs for one item.
struct Read {
    score: Option<f32>,
    odds: Option<f32>,
    map: Option<Map>,
}

impl Run<'_> {
    /// Reads a batch's outputs into the sums of its images.
    pub(super) fn take(&self, tasks: &[&ImageTask], items: &[Item], results: &Results<'_>, sums: &mut [Sums]) {
        let pool = self.context.slot.pool;
        let read = |(index, item): (usize, &Item)| self.read(results, index, item.view);
        let read: Vec<_> = pool.run(|| items.par_iter().enumerate().map(read).collect());
        let mut whole = Vec::with_capacity(items.len());
        for (item, read) in items.iter().zip(read) {
            match read.and_then(|read| self.join(tasks, item, read, &mut sums[item.task])) {
                Ok(Some(read)) => whole.push((item.task, read)),
                Ok(None) => {}
                Err(error) => sums[item.task].fail(error),
            }
        }
        let place = |(task, read): (usize, Read)| (task, self.place(read, tasks[task]));
        let placed: Vec<_> = pool.run(|| whole.into_par_iter().map(place).collect());
        for (task, output) in placed {
            if let Err(message) = sums[task].add(output) {
                sums[task].fail(self.wrong(self.map_name(), message));
            }
        }
    }

    /// Reads one item of a batch: one view of one image or window.
    fn read(&self, results: &Results<'_>, index: usize, view: usize) -> Result<Read, ImageError> {
        let declared = &self.member.manifest;
        let mut read = Read { score: None, odds: None, map: None };
        if let Some(score) = declared.score.as_ref().filter(|_| self.wanted.score)
            && let Some(output) = results.get(&score.output)
        {
            let wrong = |message| self.wrong(&score.output, message);
            let probability = outputs::score(output, index, results.len, score).map_err(wrong)?;
            read.score = Some(probability);
            if self.averages_logits() {
                read.odds = Some(outputs::score_odds(output, index, results.len, score, probability).map_err(wrong)?);
            }
        }
        if let Some(map) = declared.map.as_ref().filter(|_| self.reads_map())
            && let Some(output) = results.get(&map.output)
        {
            // averages come before the highest of several channels
            let how = (declared.input.layout, self.averages_logits());
            let seen = outputs::map(output, index, results.len, map, how)
                .map_err(|message| self.wrong(&map.output, message))?;
            let input = Size::from(declared.input.size);
            let back = seen.try_map(|plane| {
                let plane = self.member.views[view].inverse(plane, input)?;
                // windows are joined at their own size
                let is_window = self.member.window_weights.is_some();
                Ok::<_, ImageError>(if is_window { resized_map(plane, input, map.resize) } else { plane })
            })?;
            read.map = Some(back);
        }
        Ok(read)
    }

    /// Joins the windows of an image's view; `None` until the last one.
    fn join(&self, tasks: &[&ImageTask], item: &Item, read: Read, sums: &mut Sums) -> Result<Option<Read>, ImageError> {
        let image = self.context.prepared.get(self.member.recipe, tasks[item.task].image);
        let (Some(windows), Some(weights), Some(part)) = (&image.windows, &self.member.window_weights, &read.map)
        else {
            return Ok(Some(read));
        };
        let blend = sums.blend.get_or_insert_with(|| Blend::new(part, image.plane.dim().into()));
        let added = blend.add(part, windows, item.window, weights);
        if !added.map_err(|message| self.wrong(self.map_name(), message))? {
            return Ok(None);
        }
        let map = sums.blend.take().map(Blend::mean);
        Ok(Some(Read { map, ..read }))
    }

    /// Brings a view's map to its place, in the values that are summed.
    fn place(&self, read: Read, task: &ImageTask) -> ViewOutput {
        let mut output = ViewOutput { score: read.score, odds: read.odds, ..ViewOutput::default() };
        let (Some(map), Some(declared)) = (read.map, &self.member.manifest.map) else { return output };
        let image = self.context.prepared.get(self.member.recipe, task.image);
        let map = match image.placement {
            Some(placement) => map.each(|plane| placement.back(plane, declared.resize)),
            None => map,
        };
        self.fill(&mut output, map, declared, task);
        output
    }

    fn fill(&self, output: &mut ViewOutput, map: Map, declared: &MapOutput, task: &ImageTask) {
        let floored = |map: Array2<f32>| match declared.zero_below {
            Some(floor) => map.mapv_into(|p| if p < floor { 0.0 } else { p }),
            None => map,
        };
        let compared = self.member.compare_above.filter(|_| self.wanted.map);
        let mask = |map: &Array2<f32>| compared.map(|above| map.mapv(|p| p > above));
        if self.averages_logits() {
            let seen = map.clone().probabilities();
            (output.highest, output.mask) = (Some(planes::highest(&seen)), mask(&seen));
            output.own = Some(map);
        } else if let Map::Probabilities(map) = map {
            let (own, highest) = highest_of(map);
            let own = floored(own);
            // numbers below the floor become 0, and the highest with them if it is one of them
            let highest = if declared.zero_below.is_some() { planes::highest(&own) } else { highest };
            (output.highest, output.mask) = (Some(highest), mask(&own));
            output.own = Some(Map::Probabilities(own));
        } else {
            // Logits are resized before they become probabilities.
            let own = self.scores_map().is_some() || self.member.compare_above.is_some();
            let own = own.then(|| floored(map.clone().probabilities()));
            let radiograph = self.context.radiographs[task.image];
            let place = || self.member.place(radiograph, task);
            let placed = self.wanted.map.then(|| floored(map.placed(place(), declared.resize)));
            output.highest = own.as_ref().or(placed.as_ref()).map(planes::highest);
            output.mask = own.as_ref().and_then(mask);
            (output.own, output.placed) = (own.map(Map::Probabilities), placed.map(Map::Probabilities));
        }
    }

    fn map_name(&self) -> &str {
        self.member.manifest.map.as_ref().map_or("", |map| map.output.as_str())
    }
}

/// A map within 0..=1, which a view's inverse may have left, and its highest probability.
fn highest_of(mut map: Array2<f32>) -> (Array2<f32>, f32) {
    match map.as_slice_memory_order_mut() {
        Some(numbers) => {
            let highest = planes::clamp_to_highest(numbers);
            (map, highest)
        }
        None => {
            let map = Map::Probabilities(map).probabilities();
            let highest = planes::highest(&map);
            (map, highest)
        }
    }
}
