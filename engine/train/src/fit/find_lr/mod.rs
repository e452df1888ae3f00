//! The learning-rate range test (Smith 2017): trains some steps at an ever higher rate, and looks at the loss.
//!
//! ```text
//! OUT/find-lr.csv     lr, loss and smoothed loss of each step
//! OUT/find-lr.svg     the same as a picture, with the suggestion
//! ```

mod curve;
mod picture;
mod range;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::epoch::numbers;
use super::fold::{Job, seed_of_fold};
use super::open::Opened;
use super::step::noise;
use super::subject::{prepare, training_shape};
use super::{Options, TrainError, Watch, lock};
use crate::data::{Draw, Loader};
use crate::files;
use crate::progress::Progress;
use crate::step::{LossScale, Pass, PassOptions, Rates, Scaler, State, Update};

pub use curve::{LrCurve, LrPoint};
pub use range::LrRange;

/// The files that it writes.
pub(super) const FILES: [&str; 2] = ["find-lr.csv", "find-lr.svg"];

/// The result of a range test.
#[derive(Debug, Clone)]
pub struct FoundLr {
    /// The loss at each learning rate.
    pub curve: LrCurve,
    /// The picture.
    pub picture: PathBuf,
    /// The table.
    pub table: PathBuf,
}

/// Trains the first phase of the first fold at ever higher learning rates, with the recipe's network, data, batch,
/// augmentation, loss and optimiser, until the loss diverges. Nothing of it is kept but the curve.
///
/// # Errors
/// As [`train`](super::train), except that a loss that is not finite ends the test, not with an error.
pub fn find_lr(recipe: &Path, range: LrRange, options: &Options, watch: &mut dyn Watch) -> Result<FoundLr, TrainError> {
    let opened = Opened::new(recipe, None, options, watch)?;
    let held_out = opened.division.trained()[0];
    opened.tell(&[held_out], watch);
    let _lock = lock::Lock::acquire(&opened.out)?;
    let job = opened.job(options, &[], &opened.out);
    let curve = LrCurve::new(points(&job, held_out, range, watch)?);
    let [table, picture] = FILES.map(|name| opened.out.join(name));
    files::write(&table, csv(&curve))?;
    files::write(&picture, picture::svg(&opened.recipe.name, &curve))?;
    Ok(FoundLr { curve, picture, table })
}

/// The loss of each update, until it diverges or the range ends.
fn points(job: &Job<'_>, held_out: u32, range: LrRange, watch: &mut dyn Watch) -> Result<Vec<(f32, f64)>, TrainError> {
    let (recipe, phase) = (job.recipe, &job.recipe.phases[0]);
    let seed = seed_of_fold(recipe.seed, held_out);
    let prepared = prepare(recipe, job.folder, seed)?;
    let state = State::new(job.place, &prepared.subject, &recipe.optimizer, false).map_err(prepared.failed())?;
    let mut update = Update::new(job.place, &state, &recipe.optimizer, None).map_err(prepared.failed())?;
    let shape = training_shape(recipe, phase);
    let (accumulates, recompute) = (phase.accumulate > 1, phase.recompute);
    let (loss, precision) = (&recipe.loss, recipe.precision);
    let options = PassOptions { shape, loss, accumulates, precision, recompute };
    let mut pass = Pass::new(job.place, &prepared.subject, &state, options).map_err(prepared.failed())?;
    let mut scale = recipe.precision.scales_loss().then(LossScale::default);
    let mut scaler = scale.map(|_| Scaler::new(job.place, &state)).transpose().map_err(prepared.failed())?;
    let mut points = Vec::with_capacity(range.steps() as usize);
    let (mut passes, mut sum) = (0, 0.0);
    for epoch in 0.. {
        let draw = Draw { seed, phase: 0, epoch };
        let items = job.items(held_out, phase, draw)?;
        for (step, batch) in Loader::training(job.data, job.plan(phase, items, draw))?.enumerate() {
            let batch = batch?;
            let factor = scale.map_or(1.0, LossScale::factor);
            pass.scale_loss(factor)?;
            let mut random = noise(seed, [0, epoch, step as u32]);
            sum += f64::from(pass.run(numbers(&batch), passes > 0, || rand::Rng::random(&mut random))?.total);
            passes += 1;
            if passes < phase.accumulate {
                continue;
            }
            let lr = range.at(points.len() as u32);
            points.push((lr, sum / f64::from(passes)));
            let done = points.len() as u32;
            watch.step(&progress(done, range.steps(), points.last().map(|point| point.1)));
            if done == range.steps() || curve::diverges(&points) {
                return Ok(points);
            }
            if watch.stops() {
                return Err(TrainError::Stopped);
            }
            let is_finite = match (&mut scaler, &mut scale) {
                (Some(scaler), Some(scale)) => scaler.accepts(&state, scale)?,
                _ => true,
            };
            if is_finite {
                update.run(Rates { lr, updates: done.into(), passes, scale: factor })?;
            }
            (passes, sum) = (0, 0.0);
        }
    }
    unreachable!("the epochs do not end")
}

fn progress(step: u32, steps: u32, loss: Option<f64>) -> Progress {
    Progress { fold: (1, 1), phase: (1, 1), epoch: (1, 1), step: (step, steps), loss, ..Progress::default() }
}

fn csv(curve: &LrCurve) -> String {
    let mut text = "lr,loss,smoothed\n".to_owned();
    for LrPoint { lr, loss, smoothed } in &curve.points {
        let _ = writeln!(text, "{lr:e},{loss},{smoothed}");
    }
    text
}
