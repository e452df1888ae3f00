//! What is reported of a fold's training: lines of the journal and progress.

use std::time::Instant;

use super::epoch::TOTAL;
use super::fold::Fold;
use super::validate::Validation;
use crate::journal::Line;
use crate::progress::Progress;
use crate::recipe::Phase;

impl Fold<'_> {
    /// The epoch's line in the journal.
    pub fn line(&self, lr: f32, validation: &Validation, started: Instant) -> Line {
        let losses = &self.rest.losses;
        let terms = losses.means().filter(|(name, _)| *name != TOTAL);
        Line {
            fold: self.held_out,
            phase: self.rest.at.phase,
            epoch: self.rest.at.epoch,
            step: self.rest.updates,
            lr,
            loss: losses.mean(TOTAL).unwrap_or(f64::NAN),
            terms: terms.map(|(name, mean)| (name.to_owned(), Some(mean))).collect(),
            validation_loss: Some(validation.loss),
            dice: validation.dice,
            dice_positives: validation.dice_positives,
            iou: validation.iou,
            auc: validation.auc,
            images_per_second: self.rest.epoch_images as f64 / self.rest.epoch_seconds,
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    pub fn progress(&self, phase: &Phase, steps: u32) -> Progress {
        let job = self.job;
        let at = self.rest.at;
        let losses = &self.rest.losses;
        let terms = losses.means().filter(|(name, _)| *name != TOTAL);
        Progress {
            fold: (self.held_out + 1, job.recipe.folds.count),
            phase: (at.phase + 1, job.recipe.phases.len() as u32),
            epoch: (at.epoch + 1, phase.epochs),
            step: (at.step, steps),
            validating: false,
            loss: losses.mean(TOTAL),
            terms: terms.map(|(name, mean)| (name.to_owned(), mean)).collect(),
            dice: self.last.and_then(|last| last.0),
            auc: self.last.and_then(|last| last.1),
            images_per_second: self.speed.images_per_second(),
            left: self.speed.left(self.images_left(phase, steps)),
        }
    }

    /// The rest of the training, as an equivalent number of images of this phase's size.
    fn images_left(&self, phase: &Phase, steps: u32) -> u64 {
        let job = self.job;
        let pixels = |phase: &Phase| phase.size.iter().map(|&side| f64::from(side)).product::<f64>();
        // an epoch of another phase is assumed to have as many images
        let epoch = |other: &Phase| f64::from(steps * phase.batch) * pixels(other) / pixels(phase);
        let phases = &job.recipe.phases;
        let later: f64 =
            phases[self.rest.at.phase as usize + 1..].iter().map(|it| f64::from(it.epochs) * epoch(it)).sum();
        let whole: f64 = phases.iter().map(|it| f64::from(it.epochs) * epoch(it)).sum();
        let here =
            f64::from(phase.epochs - self.rest.at.epoch) * epoch(phase) - f64::from(self.rest.at.step * phase.batch);
        let folds = job.folds.len() - 1 - self.at;
        (here + later + whole * folds as f64).max(0.0) as u64
    }
}
